/** Queues for the tests of the emulated services. */
import { createIam, type Denial } from "../../../infra/local/iam/iam.ts";
import type { CloudEvent, PolicyStatement, QueueModel } from "../../../infra/local/model.ts";
import { Queue, type QueueOptions } from "../../../infra/local/sqs/queue.ts";
import { Queues, type QueuesOptions } from "../../../infra/local/sqs/queues.ts";

export const ACCOUNT = "000000000000";

export function standardModel(name = "failed", overrides: Partial<QueueModel> = {}): QueueModel {
  return {
    logicalId: "Queue",
    name,
    arn: `arn:aws:sqs:us-east-1:${ACCOUNT}:${name}`,
    url: `https://sqs.us-east-1.amazonaws.com/${ACCOUNT}/${name}`,
    visibilityTimeoutSec: 30,
    retentionSec: 900,
    maxMessageBytes: 1_048_576,
    receiveWaitSec: 0,
    ...overrides,
  };
}

/** In high throughput mode, as the line is. */
export function fifoModel(name = "line.fifo", overrides: Partial<QueueModel> = {}): QueueModel {
  return standardModel(name, {
    fifo: {
      contentBasedDeduplication: false,
      deduplicationScope: "messageGroup",
      throughputLimit: "perMessageGroupId",
    },
    ...overrides,
  });
}

/** A queue whose clock stands still until the test moves it. */
export function queueAt(model = fifoModel(), options: QueueOptions = {}) {
  const clock = { now: 1_000_000 };
  const queue = new Queue(model, { now: () => clock.now, ...options });
  let count = 0;
  return {
    queue,
    clock,
    /** Sends these to one group, each with a deduplication id of its own. */
    send: (groupId: string, ...bodies: string[]) =>
      bodies.map((body) => queue.send({ body, groupId, deduplicationId: String(count++) }, "sender")),
    /** Bodies of what a receive gives. */
    bodies: (max = 10) => queue.receive({ max }).map(({ body }) => body),
  };
}

/** A principal that may do everything with every queue, or only these actions. */
export function principal(...actions: string[]) {
  const statement: PolicyStatement = {
    effect: "Allow",
    actions: actions.length === 0 ? ["sqs:*"] : actions,
    resources: ["*"],
  };
  return { functionId: "Fn", functionName: "stack-Fn", statements: [statement] };
}

export function startQueues(queues: readonly QueueModel[], options: Partial<QueuesOptions> = {}) {
  const events: Extract<CloudEvent, { kind: "sqs" }>[] = [];
  const denials: Denial[] = [];
  const iam = createIam({ account: ACCOUNT, onDenied: (denial) => denials.push(denial) });
  const service = new Queues({
    queues,
    iam,
    onEvent: (event) => {
      if (event.kind === "sqs") events.push(event);
    },
    ...options,
  });
  return { service, iam, events, denials };
}
