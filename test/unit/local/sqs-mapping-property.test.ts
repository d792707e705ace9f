import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { Chaos } from "../../../infra/local/chaos.ts";
import type { FunctionModel, InvokeResult } from "../../../infra/local/model.ts";
import { Mapping } from "../../../infra/local/sqs/mapping.ts";
import type { BatchRecord } from "../../../infra/local/sqs/records.ts";
import { fifoModel, principal, startQueues } from "./sqs-fixture.ts";

/** What an invocation comes to: how many turns of the loop it takes, and which of its messages it gets done, in order. */
interface Fate {
  readonly turns: number;
  readonly outcome: "ok" | "partly" | "error" | "throttled";
}

const fate: fc.Arbitrary<Fate> = fc.record({
  turns: fc.integer({ min: 0, max: 5 }),
  outcome: fc.constantFrom("ok", "ok", "ok", "partly", "error", "throttled"),
});
const FINE: Fate = { turns: 1, outcome: "ok" };

const FN: FunctionModel = {
  logicalId: "Fn",
  name: "stack-Fn",
  arn: "arn:aws:lambda:us-east-1:000000000000:function:stack-Fn",
  codeDir: "",
  handler: "index.handler",
  environment: {},
  timeoutSec: 5,
  memoryMb: 128,
  statements: principal().statements,
  asyncRetries: 2,
  asyncMaxAgeSec: 60,
  permissions: [],
};

/** A mapping to a function whose invocations have these fates, and what the function sees. */
function start(fates: readonly Fate[], chaos: Chaos) {
  const clock = { now: 1_000_000 };
  const { service } = startQueues([fifoModel()], {
    now: () => clock.now,
    mixes: () => chaos.happens("mixBatches"),
  });
  const { arn } = fifoModel();
  const busy = new Set<string>();
  const done = new Map<string, string[]>();
  let invocations = 0;
  async function handle(records: readonly BatchRecord[]): Promise<InvokeResult> {
    const { turns, outcome } = fates[invocations++] ?? FINE;
    if (outcome === "throttled") return { outcome };
    const groups = new Set(records.map(({ attributes }) => attributes.MessageGroupId ?? ""));
    for (const group of groups) expect(busy.has(group)).toBe(false);
    for (const group of groups) busy.add(group);
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
    for (const group of groups) busy.delete(group);
    if (outcome === "error") return { outcome, errorType: "Error", message: "" };
    // As AWS advises for FIFO queues: all from the first failure on are reported.
    const failed = outcome === "partly" ? records.slice(Math.floor(records.length / 2)) : [];
    for (const { body, attributes } of records.slice(0, records.length - failed.length)) {
      const group = attributes.MessageGroupId ?? "";
      done.set(group, [...(done.get(group) ?? []), body]);
    }
    const batchItemFailures = failed.map(({ messageId }) => ({ itemIdentifier: messageId }));
    return { outcome: "ok", payload: { batchItemFailures } };
  }
  const mapping = new Mapping({
    mapping: {
      logicalId: "Mapping",
      queueArn: arn,
      functionId: "Fn",
      batchSize: 10,
      reportsItemFailures: true,
      maxConcurrency: 1000,
      minPollers: 5,
    },
    fn: () => FN,
    queues: service,
    invoke: (_, { Records }) => handle(Records),
    onLog: () => {},
    chaos,
    pause: async () => {},
  });
  return {
    mapping,
    done,
    send: (group: string, body: string) =>
      service.send(arn, { body, groupId: group, deduplicationId: body }, principal()),
    /** Time passes whenever nothing else happens, until the queue is empty. */
    async drained(): Promise<void> {
      for (let turn = 1; service.messages(arn).length > 0 || busy.size > 0; turn++) {
        await new Promise((resolve) => setImmediate(resolve));
        if (turn % 20 !== 0 || busy.size > 0) continue;
        clock.now += 30_000;
        service.freed(service.open(principal(), "ReceiveMessage", arn));
      }
    },
    async stop(): Promise<void> {
      mapping.stop();
      service.stop();
      await mapping.stopped();
    },
  };
}

test("whatever becomes of invocations, a group's messages are done in order, one batch at a time, and all of them", async () => {
  const property = fc.asyncProperty(
    fc.array(fc.constantFrom("a", "b", "c", "d"), { minLength: 1, maxLength: 60 }),
    fc.array(fate, { maxLength: 30 }),
    fc.boolean(),
    fc.boolean(),
    async (groups, fates, mixes, doubles) => {
      const settings = { mixBatches: mixes ? 0.5 : 0, doubleDelivery: doubles ? 0.2 : 0 };
      const bench = start(fates, new Chaos({ seed: 1, settings }));
      bench.mapping.start();
      for (const [index, group] of groups.entries()) {
        bench.send(group, String(index));
        if (index % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await bench.drained();
      await bench.stop();
      for (const group of new Set(groups)) {
        const bodies = bench.done.get(group) ?? [];
        const sent = groups.flatMap((each, index) => (each === group ? [String(index)] : []));
        const firsts = bodies.filter((body, index) => bodies.indexOf(body) === index);
        expect(firsts).toEqual(sent);
        if (!doubles) expect(bodies).toEqual(sent);
      }
    },
  );
  await fc.assert(property, { numRuns: 100 });
});
