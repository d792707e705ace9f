import { afterEach, describe, expect, test } from "@jest/globals";
import { Chaos, type ChaosSettings } from "../../../infra/local/chaos.ts";
import type { FunctionModel, InvokeResult, LogLine, MappingModel } from "../../../infra/local/model.ts";
import { Mapping } from "../../../infra/local/sqs/mapping.ts";
import { Pollers } from "../../../infra/local/sqs/pollers.ts";
import type { QueuesOptions } from "../../../infra/local/sqs/queues.ts";
import type { BatchRecord } from "../../../infra/local/sqs/records.ts";
import { fifoModel, principal, standardModel, startQueues } from "./sqs-fixture.ts";

type Handler = (records: readonly BatchRecord[]) => Promise<InvokeResult> | InvokeResult;

const OK: InvokeResult = { outcome: "ok", payload: null };
const failing = (...records: readonly BatchRecord[]): InvokeResult => ({
  outcome: "ok",
  payload: { batchItemFailures: records.map(({ messageId }) => ({ itemIdentifier: messageId })) },
});

let stop: () => Promise<void> = async () => {};
afterEach(() => stop());

/** A mapping whose function is `handler`; time stands still until the test moves it. */
function start(
  handler: Handler,
  options: {
    readonly mapping?: Partial<MappingModel>;
    readonly chaos?: Partial<ChaosSettings>;
    readonly actions?: readonly string[];
    readonly model?: Parameters<typeof fifoModel>[1];
    readonly queues?: Partial<QueuesOptions>;
  } = {},
) {
  const clock = { now: Date.now() };
  const model = fifoModel("line.fifo", options.model);
  const bench = startQueues([model, fifoModel("dead.fifo")], { now: () => clock.now, ...options.queues });
  const { service } = bench;
  const batches: (readonly BatchRecord[])[] = [];
  const logs: LogLine[] = [];
  const pauses: number[] = [];
  const waiters = new Set<() => void>();
  const changed = () => {
    for (const waiter of waiters) waiter();
  };
  const { statements } = principal(...(options.actions ?? []));
  const fn: FunctionModel = {
    logicalId: "Fn",
    name: "stack-Fn",
    arn: "arn:aws:lambda:us-east-1:000000000000:function:stack-Fn",
    codeDir: "",
    handler: "index.handler",
    environment: {},
    timeoutSec: 5,
    memoryMb: 128,
    statements,
    asyncRetries: 2,
    asyncMaxAgeSec: 60,
    permissions: [],
  };
  const mapping = new Mapping({
    mapping: {
      logicalId: "Mapping",
      queueArn: model.arn,
      functionId: "Fn",
      batchSize: 10,
      reportsItemFailures: true,
      maxConcurrency: 1000,
      minPollers: 5,
      ...options.mapping,
    },
    fn: () => fn,
    queues: service,
    async invoke(_functionId, { Records }) {
      batches.push(Records);
      changed();
      return await handler(Records);
    },
    onLog: (line) => {
      logs.push(line);
      changed();
    },
    chaos: new Chaos({ seed: 1, settings: options.chaos ?? {} }),
    async pause(ms, signal) {
      if (ms === 0) return;
      pauses.push(ms);
      changed();
      // Long waits last until the end: who polls in vain would do so for ever.
      if (ms > 30_000)
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    },
  });
  stop = async () => {
    mapping.stop();
    service.stop();
    await mapping.stopped();
  };
  let count = 0;
  return {
    ...bench,
    clock,
    batches,
    logs,
    pauses,
    mapping,
    arn: model.arn,
    send: (groupId: string, ...bodies: string[]) => {
      for (const body of bodies) {
        service.send(model.arn, { body, groupId, deduplicationId: String(count++) }, principal());
      }
    },
    /** Time passes, and who waits for a message looks again. */
    pass(ms: number) {
      clock.now += ms;
      service.freed(service.open(principal(), "ReceiveMessage", model.arn));
    },
    async until(holds: () => boolean) {
      while (!holds()) {
        await new Promise<void>((resolve) => {
          const waiter = () => {
            waiters.delete(waiter);
            resolve();
          };
          waiters.add(waiter);
          setImmediate(waiter);
        });
      }
    },
  };
}

const bodies = (records: readonly BatchRecord[] | undefined): string[] =>
  (records ?? []).map(({ body }) => body);

describe("the event of a mapping", () => {
  test("has each record as AWS writes it", async () => {
    const { send, mapping, batches, until, arn, clock } = start(() => OK);
    send("a", "one");
    mapping.start();
    await until(() => batches.length === 1);
    expect(batches[0]).toEqual([
      {
        messageId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        receiptHandle: expect.stringMatching(/^AQEB/),
        body: "one",
        attributes: {
          ApproximateReceiveCount: "1",
          SentTimestamp: String(clock.now),
          SequenceNumber: expect.stringMatching(/^\d{20}$/),
          MessageGroupId: "a",
          SenderId: "AROALOCALCLOUD0000000:stack-Fn",
          MessageDeduplicationId: "0",
          ApproximateFirstReceiveTimestamp: String(clock.now),
        },
        messageAttributes: {},
        md5OfBody: "f97c5d29941bfb1b2fdab0874906ab82",
        eventSource: "aws:sqs",
        eventSourceARN: arn,
        awsRegion: "us-east-1",
      },
    ]);
  });

  test("holds ten messages at most, of one group first, and groups run side by side but never twice", async () => {
    const running = new Set<string>();
    const { send, mapping, batches, until, service, arn } = start(async (records) => {
      const groups = [...new Set(records.map(({ attributes }) => attributes.MessageGroupId ?? ""))];
      for (const group of groups) expect(running.has(group)).toBe(false);
      for (const group of groups) running.add(group);
      await new Promise((resolve) => setImmediate(resolve));
      for (const group of groups) running.delete(group);
      return OK;
    });
    send("a", ...Array.from({ length: 25 }, (_, index) => `a${index}`));
    send("b", "b0", "b1");
    mapping.start();
    await until(() => service.messages(arn).length === 0);
    expect(bodies(batches[0])).toEqual(Array.from({ length: 10 }, (_, index) => `a${index}`));
    expect(bodies(batches[1])).toEqual(["b0", "b1"]);
    const ofA = batches.flat().filter(({ attributes }) => attributes.MessageGroupId === "a");
    expect(bodies(ofA)).toEqual(Array.from({ length: 25 }, (_, index) => `a${index}`));
  });

  test("holds as many groups as possible where batches are mixed", async () => {
    const { send, mapping, batches, until } = start(() => OK, { queues: { mixes: () => true } });
    send("a", "a0", "a1");
    send("b", "b0");
    mapping.start();
    await until(() => batches.length === 1);
    expect(bodies(batches[0])).toEqual(["a0", "b0", "a1"]);
  });
});

describe("after an invocation", () => {
  test("that says nothing of failures all messages are deleted", async () => {
    const { send, mapping, until, service, arn, events } = start(() => OK);
    send("a", "1", "2");
    mapping.start();
    await until(() => service.messages(arn).length === 0);
    expect(events.map(({ operation }) => operation)).toEqual([
      "SendMessage",
      "SendMessage",
      "ReceiveMessage",
      "DeleteMessageBatch",
    ]);
    expect(events.at(-1)).toMatchObject({ functionId: "Fn", failures: 0, messageIds: { length: 2 } });
  });

  test("that reports failures these stay until their visibility timeout ends, and come again", async () => {
    const { send, mapping, until, service, arn, batches, pass } = start((records) =>
      records[0]?.attributes.ApproximateReceiveCount === "1" ? failing(...records.slice(1)) : OK,
    );
    send("a", "1", "2", "3");
    mapping.start();
    await until(() => service.messages(arn).length === 2);
    expect(service.messages(arn)).toEqual(["2", "3"]);
    send("b", "other");
    await until(() => batches.length === 2 && !service.messages(arn).includes("other"));
    pass(30_000);
    await until(() => service.messages(arn).length === 0);
    expect(batches.map(bodies)).toEqual([["1", "2", "3"], ["other"], ["2", "3"]]);
  });

  test("that changed the visibility of what failed this comes sooner", async () => {
    const { send, mapping, until, service, arn, batches, pass } = start((records) => {
      if (batches.length > 1) return OK;
      const opened = service.open(principal(), "ChangeMessageVisibility", arn);
      for (const { receiptHandle } of records) opened.queue.changeVisibility(receiptHandle, 1);
      return failing(...records);
    });
    send("a", "1", "2");
    mapping.start();
    await until(() => batches.length === 1);
    pass(1000);
    await until(() => service.messages(arn).length === 0);
    expect(batches.map(bodies)).toEqual([
      ["1", "2"],
      ["1", "2"],
    ]);
  });

  test("that deleted messages itself the group goes on before it ends, and nothing is wrong with that", async () => {
    let end = (): void => undefined;
    const { send, mapping, until, service, arn, batches, logs } = start(async (records) => {
      if (batches.length > 1) return OK;
      const opened = service.open(principal(), "DeleteMessage", arn);
      for (const { receiptHandle } of records) opened.queue.delete(receiptHandle);
      service.freed(opened);
      await new Promise<void>((resolve) => {
        end = resolve;
      });
      return OK;
    });
    send("a", "1");
    mapping.start();
    await until(() => batches.length === 1);
    send("a", "2");
    await until(() => service.messages(arn).length === 0);
    end();
    await stop();
    expect(batches.map(bodies)).toEqual([["1"], ["2"]]);
    expect(logs).toEqual([]);
  });

  test.each<[string, InvokeResult]>([
    ["that failed", { outcome: "error", errorType: "Error", message: "no" }],
    ["that timed out", { outcome: "timeout" }],
    ["with an empty identifier", { outcome: "ok", payload: { batchItemFailures: [{ itemIdentifier: "" }] } }],
    [
      "with an unknown identifier",
      { outcome: "ok", payload: { batchItemFailures: [{ itemIdentifier: "x" }] } },
    ],
    ["with a wrong key", { outcome: "ok", payload: { batchItemFailures: [{ id: "x" }] } }],
    [
      "with null as identifier",
      { outcome: "ok", payload: { batchItemFailures: [{ itemIdentifier: null }] } },
    ],
    ["with something else than a list", { outcome: "ok", payload: { batchItemFailures: "all" } }],
    ["with something else than an object", { outcome: "ok", payload: "fine" }],
  ])("%s all messages stay", async (_, first) => {
    const { send, mapping, until, service, arn, batches, pass, logs } = start(() =>
      batches.length === 1 ? first : OK,
    );
    send("a", "1", "2");
    mapping.start();
    await until(() => batches.length === 1);
    expect(service.messages(arn)).toEqual(["1", "2"]);
    pass(30_000);
    await until(() => service.messages(arn).length === 0);
    expect(batches[1]?.[0]?.attributes.ApproximateReceiveCount).toBe("2");
    const malformed = logs.filter(({ text }) => text.includes("answer is malformed"));
    expect(malformed).toHaveLength(first.outcome === "ok" ? 1 : 0);
  });

  test.each<[string, unknown]>([
    ["null", null],
    ["an empty object", {}],
    ["an empty list", { batchItemFailures: [] }],
    ["null as list", { batchItemFailures: null }],
  ])("that answers with %s all is well", async (_, payload) => {
    const { send, mapping, until, service, arn } = start(() => ({ outcome: "ok", payload }));
    send("a", "1");
    mapping.start();
    await until(() => service.messages(arn).length === 0);
  });

  test("an answer is not read where the mapping does not ask for failures", async () => {
    const { send, mapping, until, service, arn } = start(() => ({ outcome: "ok", payload: "fine" }), {
      mapping: { reportsItemFailures: false },
    });
    send("a", "1");
    mapping.start();
    await until(() => service.messages(arn).length === 0);
  });

  test("that took longer than the visibility timeout the messages are not deleted, and it is told", async () => {
    const { send, mapping, until, service, arn, batches, logs, pass, clock } = start(() => {
      if (batches.length === 1) clock.now += 31_000;
      return OK;
    });
    send("a", "1");
    mapping.start();
    await until(() => logs.length === 1);
    expect(logs[0]?.text).toMatch(/could not delete 1 of 1 messages .*The receipt handle has expired/);
    pass(0);
    await until(() => service.messages(arn).length === 0);
  });

  test("messages that always fail end in the dead-letter queue", async () => {
    const dead = standardModel("dead.fifo").arn;
    const lines: string[] = [];
    const { send, mapping, until, service, batches, pass, events } = start((records) => failing(...records), {
      model: { redrive: { deadLetterArn: dead, maxReceiveCount: 3 } },
      queues: { onDeadLetter: (text) => lines.push(text) },
    });
    send("a", "poison");
    mapping.start();
    for (let tries = 1; tries <= 3; tries++) {
      await until(() => batches.length === tries);
      pass(30_000);
    }
    await until(() => service.messages(dead).length === 1);
    expect(service.messages(dead)).toEqual(["poison"]);
    expect(batches).toHaveLength(3);
    expect(events.filter(({ operation }) => operation === "DeadLetter")).toHaveLength(1);
    expect(lines[0]).toMatch(/of the group a was received 3 times from line\.fifo .*in the queue dead\.fifo/);
  });
});

describe("throttled invocations", () => {
  test("are tried again with the same messages, later and later, as one receive", async () => {
    const { send, mapping, until, service, arn, batches, pauses } = start(() =>
      batches.length < 4 ? { outcome: "throttled" } : OK,
    );
    send("a", "1");
    mapping.start();
    await until(() => service.messages(arn).length === 0);
    expect(pauses).toEqual([200, 400, 800]);
    expect(new Set(batches.map((records) => records[0]?.receiptHandle)).size).toBe(1);
    expect(batches.at(-1)?.[0]?.attributes.ApproximateReceiveCount).toBe("1");
  });

  test("are given up when the messages become visible anyway", async () => {
    const { send, mapping, until, service, arn, batches, pass } = start(
      () => (batches.length <= 4 ? { outcome: "throttled" } : OK),
      // The fourth wait, of 1.6 seconds, would be longer.
      { model: { visibilityTimeoutSec: 1 } },
    );
    send("a", "1");
    mapping.start();
    await until(() => batches.length === 4);
    pass(1000);
    await until(() => service.messages(arn).length === 0);
    expect(batches[4]?.[0]?.attributes.ApproximateReceiveCount).toBe("2");
  });
});

describe("chaos", () => {
  test("delivers a batch twice, the second time after the first, with the same receive count", async () => {
    let running = 0;
    const { send, mapping, until, service, arn, batches } = start(
      async () => {
        expect(++running).toBe(1);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
        return OK;
      },
      { chaos: { doubleDelivery: 1 } },
    );
    send("a", "1", "2");
    mapping.start();
    await until(() => service.messages(arn).length === 0);
    expect(batches).toHaveLength(2);
    expect(batches[1]).toEqual(batches[0]);
  });

  test("delays what was received, in order", async () => {
    const { send, mapping, until, service, arn, pauses } = start(() => OK, { chaos: { slowLineMs: 500 } });
    send("a", "1");
    mapping.start();
    await until(() => service.messages(arn).length === 0);
    expect(pauses).toHaveLength(1);
  });
});

describe("the function's role", () => {
  test.each(["ReceiveMessage", "GetQueueAttributes"])(
    "needs sqs:%s before anything runs",
    async (missing) => {
      const actions = ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"]
        .filter((action) => action !== missing)
        .map((action) => `sqs:${action}`);
      const { send, mapping, until, pauses, batches, denials, arn } = start(() => OK, { actions });
      send("a", "1");
      mapping.start();
      await until(() => pauses.length === 1);
      expect(batches).toEqual([]);
      // Once, though five poll.
      expect(denials).toMatchObject([{ functionId: "Fn", action: `sqs:${missing}`, resource: arn }]);
    },
  );

  test("needs sqs:DeleteMessage, or what was handled comes again", async () => {
    const { send, mapping, until, service, denials, arn } = start(() => OK, {
      actions: ["sqs:ReceiveMessage", "sqs:GetQueueAttributes"],
    });
    send("a", "1");
    mapping.start();
    await until(() => denials.length === 1);
    expect(denials[0]).toMatchObject({ action: "sqs:DeleteMessage", resource: arn });
    expect(service.messages(arn)).toEqual(["1"]);
  });
});

describe("pollers", () => {
  test("are five at first, one after failures, and five again after successes", async () => {
    const ends: ((result: InvokeResult) => void)[] = [];
    const { send, mapping, until, batches } = start(
      () => new Promise<InvokeResult>((resolve) => ends.push(resolve)),
      { mapping: { maxConcurrency: 5 } },
    );
    for (let group = 0; group < 12; group++) {
      send(`g${group}`, ...Array.from({ length: 10 }, (_, index) => `${group}.${index}`));
    }
    mapping.start();
    await until(() => batches.length === 5);
    for (const end of ends.splice(0)) end({ outcome: "error", errorType: "E", message: "" });
    await until(() => batches.length === 6);
    ends.splice(0)[0]?.(OK);
    await until(() => batches.length === 8);
    for (const end of ends.splice(0)) end(OK);
    await until(() => batches.length === 12);
    for (const end of ends.splice(0)) end(OK);
  });

  test("become more while all are busy, up to the bound", async () => {
    const ends: (() => void)[] = [];
    const { send, mapping, until, batches } = start(
      () => new Promise<InvokeResult>((resolve) => ends.push(() => resolve(OK))),
      { mapping: { maxConcurrency: 7 } },
    );
    for (let group = 0; group < 8; group++) {
      send(`g${group}`, ...Array.from({ length: 10 }, (_, index) => `${group}.${index}`));
    }
    mapping.start();
    await until(() => batches.length === 7);
    const groups = batches.map((records) => records[0]?.attributes.MessageGroupId);
    expect(new Set(groups).size).toBe(7);
    for (const end of ends.splice(0)) end();
    await until(() => batches.length === 8);
    ends[0]?.();
  });

  test("are as many as at first when there is nothing to do any more", async () => {
    const ending = new AbortController();
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    let left = 3;
    const pollers = new Pollers({
      min: 1,
      max: 3,
      signal: ending.signal,
      async receive() {
        await turn();
        const message = { messageId: "m", receiptHandle: "r", body: "b", md5OfBody: "", attributes: {} };
        return left-- > 0 ? [message] : [];
      },
      async handle() {
        await ended;
        return true;
      },
      onError: (error) => expect(error).toBeUndefined(),
    });
    pollers.start();
    while (pollers.count < 3) await turn();
    end();
    while (pollers.count > 1) await turn();
    ending.abort();
    await pollers.ended();
    expect(pollers.count).toBe(0);
  });
});
