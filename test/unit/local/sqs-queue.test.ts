import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Message } from "../../../infra/local/sqs/message.ts";
import { fifoModel, queueAt, standardModel } from "./sqs-fixture.ts";

const SEC = 1000;

describe("a FIFO queue", () => {
  test("gives a group in the order of sending, with numbers of 20 digits that grow", () => {
    const { send, queue } = queueAt();
    const sent = send("a", "1", "2", "3");
    const received = queue.receive({ max: 10 });
    expect(received.map(({ body }) => body)).toEqual(["1", "2", "3"]);
    const numbers = received.map(({ attributes }) => attributes.SequenceNumber ?? "");
    expect(numbers).toEqual(sent.map(({ sequenceNumber }) => sequenceNumber));
    expect(numbers.every((number) => /^\d{20}$/.test(number))).toBe(true);
    expect([...numbers].sort()).toEqual(numbers);
    expect(received[0]?.attributes).toMatchObject({
      ApproximateReceiveCount: "1",
      ApproximateFirstReceiveTimestamp: "1000000",
      SentTimestamp: "1000000",
      MessageGroupId: "a",
      MessageDeduplicationId: "0",
      SenderId: "sender",
    });
    expect(received[0]?.md5OfBody).toBe("c4ca4238a0b923820dcc509a6f75849b");
  });

  test("locks a group while anything of it is in flight, and no other", () => {
    const { send, queue, bodies } = queueAt();
    send("a", "a1", "a2");
    const [first] = queue.receive({ max: 1 });
    send("b", "b1");
    expect(bodies()).toEqual(["b1"]);
    expect(bodies()).toEqual([]);
    queue.delete(first?.receiptHandle ?? "");
    expect(bodies()).toEqual(["a2"]);
  });

  test("fills a receive with one group first, then with others", () => {
    const { send, queue } = queueAt();
    send("a", "a1");
    send("b", "b1");
    send("a", "a2", "a3");
    expect(queue.receive({ max: 3 }).map(({ body }) => body)).toEqual(["a1", "a2", "a3"]);
    expect(queue.receive({ max: 3 }).map(({ body }) => body)).toEqual(["b1"]);
  });

  test("takes one of each group first when it mixes", () => {
    const { send, queue } = queueAt();
    send("a", "a1", "a2", "a3");
    send("b", "b1", "b2");
    send("c", "c1");
    const bodies = queue.receive({ max: 5, mixed: true }).map(({ body }) => body);
    expect(bodies).toEqual(["a1", "b1", "c1", "a2", "b2"]);
  });

  test("gives what was not deleted again after the visibility timeout, and counts", () => {
    const { send, queue, clock, bodies } = queueAt();
    send("a", "1", "2");
    queue.receive({ max: 10 });
    clock.now += 30 * SEC - 1;
    expect(bodies()).toEqual([]);
    expect(queue.counts()).toEqual({ visible: 0, inFlight: 2 });
    expect(queue.nextVisibleAt()).toBe(clock.now + 1);
    clock.now += 1;
    const again = queue.receive({ max: 1 });
    expect(again[0]).toMatchObject({
      body: "1",
      attributes: { ApproximateReceiveCount: "2", ApproximateFirstReceiveTimestamp: "1000000" },
    });
  });

  test("refuses to delete with a handle that has expired, or of an earlier receive", () => {
    const { send, queue, clock } = queueAt();
    send("a", "1");
    const [first] = queue.receive({ max: 1 });
    const handle = first?.receiptHandle ?? "";
    clock.now += 30 * SEC;
    const expired = {
      type: "InvalidParameterValueException",
      queryCode: "InvalidParameterValue",
      inBatch: { code: "ReceiptHandleIsInvalid", message: "The receipt handle has expired" },
      message: `Value ${handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.`,
    };
    expect(() => queue.delete(handle)).toThrow(expect.objectContaining(expired));
    queue.receive({ max: 1 });
    expect(() => queue.delete(handle)).toThrow(expect.objectContaining(expired));
    expect(() => queue.delete("AQEB!")).toThrow(expect.objectContaining({ type: "ReceiptHandleIsInvalid" }));
  });

  test("deletes twice without complaint", () => {
    const { send, queue } = queueAt();
    send("a", "1");
    const [first] = queue.receive({ max: 1 });
    const handle = first?.receiptHandle ?? "";
    expect(queue.delete(handle)).toBe(first?.messageId);
    expect(queue.delete(handle)).toBe(first?.messageId);
    expect(queue.messages()).toEqual([]);
  });

  test("lets the visibility of what is in flight be changed, and only that", () => {
    const { send, queue, clock, bodies } = queueAt();
    send("a", "1", "2");
    const [one, two] = queue.receive({ max: 2 });
    queue.changeVisibility(one?.receiptHandle ?? "", 1);
    clock.now += SEC;
    expect(bodies()).toEqual([]);
    queue.changeVisibility(two?.receiptHandle ?? "", 0);
    expect(bodies()).toEqual(["1", "2"]);
    expect(() => queue.changeVisibility(two?.receiptHandle ?? "", 5)).toThrow(
      /Message does not exist or is not available for visibility timeout change/,
    );
    expect(() => queue.changeVisibility("x", 43_201)).toThrow(/Must be between 0 and 43200, if provided/);
  });

  test("is in flight for 12 hours at most", () => {
    const { send, queue, clock } = queueAt(fifoModel("line.fifo", { retentionSec: 1_209_600 }));
    send("a", "1");
    const [one] = queue.receive({ max: 1 });
    clock.now += SEC;
    expect(() => queue.changeVisibility(one?.receiptHandle ?? "", 43_200)).toThrow(
      /beyond the limit \[43200/,
    );
  });

  test("drops what is older than its retention, whose handle then deletes nothing", () => {
    const { send, queue, clock, bodies } = queueAt();
    send("a", "1");
    const [one] = queue.receive({ max: 1, visibilitySec: 2000 });
    clock.now += 450 * SEC;
    send("a", "2");
    clock.now += 450 * SEC;
    expect(bodies()).toEqual(["2"]);
    expect(queue.delete(one?.receiptHandle ?? "")).toBe(one?.messageId);
  });

  test("hands on what was received too often, and goes on with the group", () => {
    const dead: Message[] = [];
    const model = fifoModel("line.fifo", { redrive: { deadLetterArn: "arn:dead", maxReceiveCount: 2 } });
    const { send, clock, bodies, queue } = queueAt(model, { onDeadLetter: (message) => dead.push(message) });
    send("a", "poison", "next");
    for (let receive = 0; receive < 2; receive++) {
      expect(bodies(1)).toEqual(["poison"]);
      clock.now += 30 * SEC;
    }
    expect(bodies(1)).toEqual(["next"]);
    expect(dead).toMatchObject([{ body: "poison", receiveCount: 2, groupId: "a" }]);
    const grave = queueAt(fifoModel("dead.fifo"));
    grave.clock.now = clock.now;
    for (const message of dead) grave.queue.adopt(message, queue.model.arn);
    expect(grave.queue.receive({ max: 1 })[0]).toMatchObject({
      messageId: dead[0]?.messageId,
      attributes: {
        ApproximateReceiveCount: "3",
        DeadLetterQueueSourceArn: queue.model.arn,
        SentTimestamp: String(clock.now),
        MessageGroupId: "a",
      },
    });
  });
});

describe("deduplication", () => {
  const message = { body: "x", groupId: "a", deduplicationId: "1" };

  test("swallows a repetition for five minutes, deleted or not, and answers as the first time", () => {
    const { queue, clock } = queueAt();
    const sent = queue.send(message, "s");
    const [received] = queue.receive({ max: 1 });
    queue.delete(received?.receiptHandle ?? "");
    clock.now += 300 * SEC - 1;
    expect(queue.send(message, "s")).toEqual(sent);
    expect(queue.messages()).toEqual([]);
    clock.now += 1;
    expect(queue.send(message, "s").messageId).not.toBe(sent.messageId);
  });

  test("compares within a group, or in the whole queue, as its scope says", () => {
    const other = { ...message, groupId: "b" };
    const perGroup = queueAt().queue;
    perGroup.send(message, "s");
    perGroup.send(other, "s");
    expect(perGroup.messages()).toHaveLength(2);
    const fifo = {
      contentBasedDeduplication: true,
      deduplicationScope: "queue",
      throughputLimit: "perQueue",
    } as const;
    const whole = queueAt(fifoModel("line.fifo", { fifo })).queue;
    whole.send(message, "s");
    whole.send(other, "s");
    whole.send({ body: "y", groupId: "a" }, "s");
    whole.send({ body: "y", groupId: "b" }, "s");
    expect(whole.messages().map(({ body }) => body)).toEqual(["x", "y"]);
  });

  test("passes faster where time does", () => {
    const { queue, clock } = queueAt(fifoModel(), { timeScale: 60 });
    queue.send(message, "s");
    clock.now += 5 * SEC;
    queue.send(message, "s");
    expect(queue.messages()).toHaveLength(2);
  });
});

describe("what a queue does not take", () => {
  const good = { body: "x", groupId: "a", deduplicationId: "1" };

  test.each<[string, object, string, RegExp]>([
    ["no body", { body: "" }, "MissingRequiredParameterException", /must contain the parameter MessageBody/],
    [
      "a body that is too large",
      { body: "é".repeat(524_289) },
      "InvalidParameterValueException",
      /shorter than 1048576 bytes/,
    ],
    ["U+FFFE", { body: "a\uFFFE" }, "InvalidMessageContents", /Invalid characters found/],
    ["a control character", { body: "a\u0001" }, "InvalidMessageContents", /Invalid characters found/],
    ["half a character", { body: "a\uD83D" }, "InvalidMessageContents", /Invalid characters found/],
    ["no group", { groupId: undefined }, "MissingRequiredParameterException", /MessageGroupId/],
    [
      "no deduplication id",
      { deduplicationId: undefined },
      "InvalidParameterValueException",
      /should either have ContentBasedDeduplication enabled/,
    ],
    [
      "a group with a space",
      { groupId: "a b" },
      "InvalidParameterValueException",
      /MessageGroupId can only include alphanumeric and punctuation characters\. 1 to 128/,
    ],
    [
      "an id that is too long",
      { deduplicationId: "x".repeat(129) },
      "InvalidParameterValueException",
      /MessageDeduplicationId can only include/,
    ],
  ])("%s", (_, wrong, type, message) => {
    const { queue } = queueAt();
    const send = () => queue.send({ ...good, ...wrong }, "s");
    expect(send).toThrow(expect.objectContaining({ type }));
    expect(send).toThrow(message);
    expect(queue.messages()).toEqual([]);
  });

  test("tab, line feed, carriage return, emoji, and ids of punctuation are fine", () => {
    const { queue } = queueAt();
    const ids = { groupId: "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", deduplicationId: "Az09=" };
    queue.send({ body: "\t\n\r 😀 \uE000\uFFFD", ...ids }, "s");
    expect(queue.receive({ max: 1 })[0]?.body).toBe("\t\n\r 😀 \uE000\uFFFD");
  });

  test("more than 300 messages a second of a group", () => {
    const { queue, send, clock } = queueAt();
    send("a", ...Array.from({ length: 300 }, String));
    const tooMany = () => send("a", "one more");
    expect(tooMany).toThrow(expect.objectContaining({ type: "RequestThrottled", status: 403 }));
    send("b", "another group");
    clock.now += 10;
    expect(() => send("a", "1", "2", "3", "4")).toThrow(/300 calls a second/);
    expect(queue.messages()).toHaveLength(304);
  });

  test("more than 300 calls a second of a queue without high throughput, or of a partition", () => {
    const fifo = {
      contentBasedDeduplication: false,
      deduplicationScope: "queue",
      throughputLimit: "perQueue",
    } as const;
    const slow = queueAt(fifoModel("line.fifo", { fifo }));
    for (let i = 0; i < 300; i++) slow.queue.admitReceive();
    expect(() => slow.queue.admitReceive()).toThrow(/on the queue/);
    const one = queueAt(fifoModel(), { partitions: 1 });
    for (let i = 0; i < 300; i++) one.send(`group ${i}`.replace(" ", "-"), "x");
    expect(() => one.send("another", "x")).toThrow(/the partition of the message group another/);
  });
});

describe("a standard queue", () => {
  test("locks single messages only, has no numbers, and deletes with an old handle", () => {
    const { queue, clock } = queueAt(standardModel());
    for (const body of ["1", "2"]) queue.send({ body }, "s");
    const [one] = queue.receive({ max: 1 });
    expect(one?.attributes).not.toHaveProperty("SequenceNumber");
    expect(queue.receive({ max: 10 }).map(({ body }) => body)).toEqual(["2"]);
    clock.now += 30 * SEC;
    queue.delete(one?.receiptHandle ?? "");
    expect(queue.messages().map(({ body }) => body)).toEqual(["2"]);
    expect(() => queue.send({ body: "x", deduplicationId: "1" }, "s")).toThrow(
      /not valid for this queue type/,
    );
  });
});

describe("whatever consumers do", () => {
  type Step =
    | { readonly do: "send"; readonly group: string }
    | { readonly do: "receive"; readonly max: number; readonly mixed: boolean }
    | { readonly do: "delete" | "hide"; readonly which: number; readonly sec: number }
    | { readonly do: "wait"; readonly ms: number };
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ do: fc.constant("send" as const), group: fc.constantFrom("a", "b", "c") }),
    fc.record({
      do: fc.constant("receive" as const),
      max: fc.integer({ min: 1, max: 10 }),
      mixed: fc.boolean(),
    }),
    fc.record({
      do: fc.constantFrom("delete" as const, "hide" as const),
      which: fc.nat(),
      sec: fc.integer({ min: 0, max: 40 }),
    }),
    fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 40_000 }) }),
  );

  test("no two hold messages of one group, and each group is in order", () => {
    const property = fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const { queue, clock } = queueAt(fifoModel("line.fifo", { retentionSec: 1_209_600 }));
      /** Handles that were given out, with the message and the end of their time. */
      const held: { handle: string; group: string; body: string; until: number; deleted: boolean }[] = [];
      let count = 0;
      for (const one of steps) {
        if (one.do === "wait") clock.now += one.ms;
        else if (one.do === "send") {
          queue.send({ body: String(count), groupId: one.group, deduplicationId: String(count++) }, "s");
        } else if (one.do === "receive") {
          const active = new Set(
            held.filter(({ until, deleted }) => !deleted && until > clock.now).map(({ group }) => group),
          );
          const got = queue.receive({ max: one.max, mixed: one.mixed });
          const last = new Map<string, number>();
          for (const { body, attributes, receiptHandle } of got) {
            const group = attributes.MessageGroupId ?? "";
            expect(active.has(group)).toBe(false);
            expect(Number(body)).toBeGreaterThan(last.get(group) ?? -1);
            last.set(group, Number(body));
            held.push({ handle: receiptHandle, group, body, until: clock.now + 30 * SEC, deleted: false });
          }
          // A group goes on with its oldest message that is left.
          for (const { groupId, body } of queue.messages()) {
            const first = got.find(({ attributes }) => attributes.MessageGroupId === groupId);
            if (first !== undefined) expect(Number(body)).toBeGreaterThanOrEqual(Number(first.body));
          }
        } else {
          const target = held[one.which % Math.max(1, held.length)];
          if (target === undefined) continue;
          const isValid = !target.deleted && target.until > clock.now;
          try {
            if (one.do === "delete") queue.delete(target.handle);
            else queue.changeVisibility(target.handle, one.sec);
            if (one.do === "hide") target.until = clock.now + one.sec * SEC;
            if (one.do === "delete" && isValid) {
              for (const each of held) if (each.body === target.body) each.deleted = true;
            }
            expect(isValid || target.deleted).toBe(true);
          } catch (error) {
            expect(isValid).toBe(false);
            expect(error).toMatchObject({ queryCode: "InvalidParameterValue" });
          }
        }
      }
      // Nothing is lost: all that nobody deleted comes in the end.
      clock.now += 50_000;
      const left = queue.messages().length;
      expect(left).toBe(count - new Set(held.filter(({ deleted }) => deleted).map(({ body }) => body)).size);
    });
    fc.assert(property, { numRuns: 300 });
  });
});
