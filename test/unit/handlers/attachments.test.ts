import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Server } from "../../../lambdas/server/api/index.ts";
import { closedGate } from "../../../lambdas/server/common/gate.ts";
import type { Store } from "../../../lambdas/server/ports/store.ts";
import { createMemoryStore } from "../../../lambdas/store/memory/store.ts";
import { BinaryBench, type Sending, upload } from "../../support/binary-client.ts";
import { Harness, realClock } from "../../support/harness.ts";
import { plays, schedulesOr } from "../../support/schedules.ts";
import { NO_FAULTS } from "../../support/simulated-cloud.ts";

const SCHEDULES = schedulesOr(50);

async function bench(): Promise<BinaryBench> {
  const made = new BinaryBench(1);
  expect(await made.connect()).toBe(true);
  return made;
}

function permutations<T>(all: readonly T[]): T[][] {
  if (all.length === 0) return [[]];
  return all.flatMap((first, i) => permutations(all.toSpliced(i, 1)).map((rest) => [first, ...rest]));
}

/** Sent in their order, `wait` milliseconds apart, and handled in the order of `ranks`, 20 ms apart. */
const reordered = (bodies: readonly string[], ranks: readonly number[], wait: number): Sending[] =>
  bodies.map((body, i) => ({ body, wait, held: [(ranks[i] ?? 0) * 20 + (bodies.length - i) * wait] }));

describe("a packet with attachments", () => {
  describe.each([1, 2, 3])("%d of them", (count) => {
    const bodies = upload(["text"], ...["a", "b", "c"].slice(0, count));
    test.each(permutations(bodies.map((_, i) => i)).map((ranks) => ({ ranks })))(
      "runs once when its frames are handled in the order $ranks",
      async ({ ranks }) => {
        const { ran, ...made } = await outcomeOf(reordered(bodies, ranks, 1));
        expect(ran).toEqual([["text", ...["<a>", "<b>", "<c>"].slice(0, count)]]);
        expect(made.log).toEqual([]);
        expect(made.parts.map(({ kind }) => kind)).toEqual(["done"]);
      },
    );
  });

  test("that is empty", async () => {
    expect((await outcomeOf(reordered(upload([], ""), [1, 0], 0))).ran).toEqual([["<>"]]);
  });

  test.each(permutations([0, 1]).map((ranks) => ({ ranks })))(
    "one of them, sent in the millisecond of its header, runs in the order $ranks",
    async ({ ranks }) => {
      expect((await outcomeOf(reordered(upload([], "a"), ranks, 0))).ran).toEqual([["<a>"]]);
    },
  );

  test("whose frames are handed over twice, also after it has run, runs once", async () => {
    const bodies = upload([], "a", "b");
    const sent = bodies.map((body, i): Sending => ({ body, wait: 1, held: [10, 10 + i, 400, 5_000] }));
    const { ran, log, parts, open } = await outcomeOf(sent);
    expect(ran).toEqual([["<a>", "<b>"]]);
    expect(log).toEqual([]);
    expect(open).toBe(true);
    expect(parts.map(({ kind }) => kind)).toEqual(["done"]);
  });

  test("that stays unfinished disturbs nobody, and is gone after a minute", async () => {
    const made = await bench();
    await made.send([{ body: upload([], "a")[0] ?? "" }, { body: '42["upload","text"]' }]);
    expect(made.ran).toEqual([["text"]]);
    expect(made.connection.open).toBe(true);
    expect(await made.parts()).toHaveLength(1);
    await made.send(upload([], "b").map((body, i) => ({ body, wait: i === 0 ? 61_000 : 0 })));
    expect(made.cloud.log).toEqual([]);
    expect(made.ran.at(-1)).toEqual(["<b>"]);
  });

  test("may be an answer, whose attachment is handled before its header", async () => {
    const made = await bench();
    await made.answer(reordered(upload([], "a"), [1, 0], 0));
    expect(made.answers).toEqual(["<a>"]);
    expect(made.cloud.log).toEqual([]);
  });
});

test("of several invocations that see a whole packet at the same time, one runs it", async () => {
  const ran: unknown[] = [];
  const second = closedGate();
  let claims = 0;
  // The first claim has no effect before another one is made: whoever looks meanwhile sees the whole packet as well.
  const memory = createMemoryStore({ clock: realClock });
  const store: Store = {
    ...memory,
    claimPacket: async (...args) => {
      if (++claims > 1) second.open();
      await second.opened;
      return await memory.claimPacket(...args);
    },
  };
  const harness = new Harness({
    app: () => {
      const io = new Server();
      io.on("connection", (socket) => {
        socket.on("upload", (bytes: Buffer) => {
          ran.push(String(bytes));
        });
      });
      return io;
    },
    ports: { store },
  });
  const wire = await harness.join();
  const [header = "", attachment = ""] = upload([], "a");
  const stamp = { messageId: "M=" };
  await Promise.all([wire.send(header), ...Array.from({ length: 5 }, () => wire.send(attachment, stamp))]);
  await harness.settled();
  expect(ran).toEqual(["a"]);
  expect(claims).toBeGreaterThan(1);
  expect(harness.log).toEqual([]);
});

/** What comes of these frames. */
async function outcomeOf(frames: readonly Sending[]) {
  const made = await bench();
  await made.send(frames);
  return {
    ran: made.ran,
    errors: made.errors,
    log: made.cloud.log,
    parts: await made.parts(),
    open: made.connection.open,
  };
}

describe("two packets with attachments at once", () => {
  const bodies = [...upload(["1"], "a"), ...upload(["2"], "b")];

  test.each(permutations([0, 1, 2, 3]).map((ranks) => ({ ranks })))(
    "both run when each is sent in a time of its own, handled in the order $ranks",
    async ({ ranks }) => {
      const sent = bodies.map((body, i) => ({
        body,
        wait: i === 2 ? 1 : 0,
        held: [(ranks[i] ?? 0) * 20 + 20],
      }));
      const { ran, log, open } = await outcomeOf(sent);
      expect(ran.toSorted()).toEqual([
        ["1", "<a>"],
        ["2", "<b>"],
      ]);
      expect(log).toEqual([]);
      expect(open).toBe(true);
    },
  );

  test.each(permutations([0, 1, 2, 3]).map((ranks) => ({ ranks })))(
    "are refused, and neither runs, when they are sent in one millisecond, handled in the order $ranks",
    async ({ ranks }) => {
      const { ran, log, open, errors } = await outcomeOf(reordered(bodies, ranks, 0));
      expect(ran).toEqual([]);
      expect(open).toBe(false);
      expect(log.filter((line) => line.startsWith("SKY_BINARY_AMBIGUOUS"))).toHaveLength(1);
      expect(errors).toEqual([expect.stringContaining("cannot be told apart")]);
    },
  );

  test("that were mixed up, since a frame came too late, close the connection with an error", async () => {
    const [header1 = "", attachment1 = "", header2 = "", attachment2 = ""] = bodies;
    const { ran, open, errors } = await outcomeOf([
      { body: header1 },
      { body: attachment1, held: [2_000] },
      { body: header2, wait: 5, held: [2_000] },
      { body: attachment2 },
    ]);
    expect(ran).toEqual([["1", "<b>"]]); // what no rule could have known at that time
    expect(open).toBe(false);
    expect(errors).toEqual([expect.stringContaining("after a packet had been put together")]);
  });
});

describe("what makes no packet", () => {
  test("several attachments of one millisecond", async () => {
    const { ran, open, errors } = await outcomeOf(upload([], "a", "b").map((body) => ({ body })));
    expect(ran).toEqual([]);
    expect(open).toBe(false);
    expect(errors).toEqual([expect.stringMatching(/cannot be told apart.*msgpack/s)]);
  });

  test("but several equal ones do", async () => {
    expect((await outcomeOf(upload([], "a", "a").map((body) => ({ body })))).ran).toEqual([["<a>", "<a>"]]);
  });

  test("an attachment without a header closes the connection with stock's error, after seconds", async () => {
    const made = await bench();
    const start = made.simulation.now;
    await made.send([{ body: "bAQID" }]);
    expect(made.errors).toEqual(["got binary data when not reconstructing a packet"]);
    expect(made.connection.open).toBe(false);
    expect(made.cloud.log).toEqual([expect.stringContaining("SKY_PACKET_REFUSED")]);
    expect(made.simulation.now - start).toBeGreaterThanOrEqual(3_000);
  });

  test("a packet before the last one is whole gets stock's error", async () => {
    const [first = ""] = upload([], "a");
    const { errors, open } = await outcomeOf([
      { body: first },
      ...upload([], "b").map((body) => ({ body, wait: 1 })),
    ]);
    expect(errors).toEqual(["got plaintext data when reconstructing a packet"]);
    expect(open).toBe(false);
  });

  test("a header whose placeholders name no attachment gets stock's error, when it is whole", async () => {
    const { errors, open } = await outcomeOf([
      { body: '451-["upload",{"_placeholder":true,"num":5}]' },
      { body: "bAQID", wait: 1 },
    ]);
    expect(errors).toEqual(["illegal attachments"]);
    expect(open).toBe(false);
  });

  test("a flood is refused at once, and the table keeps few of its frames", async () => {
    const made = await bench();
    const start = made.simulation.now;
    await made.send(Array.from({ length: 60 }, (_, i) => ({ body: "bAQID", wait: 1, held: [i] })));
    expect(made.connection.open).toBe(false);
    expect(made.errors).toHaveLength(1);
    expect((await made.parts()).length).toBeLessThan(40);
    expect(made.simulation.now - start).toBeLessThan(10_000);
  });
});

describe("interleavings of packets with attachments", () => {
  const packet = fc.record({
    waits: fc.array(fc.constantFrom(0, 0, 1, 7, 300), { minLength: 2, maxLength: 4 }),
    // Often the same: what is handed over at one time is handled in any order, call by call.
    held: fc.array(fc.constantFrom(0, 0, 60, 200), { minLength: 4, maxLength: 4 }),
    twice: fc.boolean(),
  });
  const packets = fc.array(packet, { minLength: 1, maxLength: 4 });
  type Packets = typeof packets extends fc.Arbitrary<infer T> ? T : never;

  const contentOf = (index: number, one: number): string => `${index}.${one}`;
  const attachmentsOf = (waits: readonly number[], index: number): string[] =>
    waits.slice(1).map((_, one) => contentOf(index, one));

  const toSendings = (sent: Packets, minWait: number): Sending[] =>
    sent.flatMap(({ waits, held, twice }, index) =>
      upload([`${index}`], ...attachmentsOf(waits, index)).map((body, i) => ({
        body,
        wait: Math.max(minWait, waits[i] ?? 0),
        held: twice ? [held[i] ?? 0, held[i] ?? 0] : [held[i] ?? 0],
      })),
    );

  const expected = (sent: Packets): unknown[][] =>
    sent.map(({ waits }, index) => [
      `${index}`,
      ...attachmentsOf(waits, index).map((content) => `<${content}>`),
    ]);

  /** The second packet's attachment stood in for one of the first's that was held up; nobody waited for it to come free. */
  const stoodIn: Packets = [
    { waits: [0, 0, 7, 1], held: [0, 0, 200, 60], twice: false },
    { waits: [1, 0], held: [60, 0, 0, 0], twice: false },
  ];

  test("each runs at most once and with its own attachments, or the connection is closed", async () => {
    let closed = 0;
    let complete = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(), packets, async (seed, sent) => {
        const made = new BinaryBench(seed);
        await made.connect();
        await made.send(toSendings(sent, 0));
        const all = expected(sent);
        for (const one of made.ran) expect(all).toContainEqual(one);
        expect(new Set(made.ran.map(([index]) => index)).size).toBe(made.ran.length);
        if (made.connection.open) {
          expect(made.ran.toSorted()).toEqual(all);
          complete++;
        } else {
          expect(made.errors).toHaveLength(1);
          closed++;
        }
      }),
      { ...plays(SCHEDULES), examples: [[0, stoodIn]] },
    );
    expect(Math.min(closed, complete)).toBeGreaterThan(SCHEDULES / 20);
  });

  test("all run when each frame has a millisecond of its own", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), packets, async (seed, sent) => {
        const made = new BinaryBench(seed);
        await made.connect();
        await made.send(toSendings(sent, 1));
        expect(made.cloud.log).toEqual([]);
        expect(made.ran.toSorted()).toEqual(expected(sent));
        expect(made.connection.open).toBe(true);
      }),
      plays(SCHEDULES),
    );
  });

  test("with invocations that crash at any request: at most once, and with their own attachments", async () => {
    let crashes = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(), packets, async (seed, sent) => {
        const made = new BinaryBench(seed, { ...NO_FAULTS, crash: 0.03 });
        if (await made.connect()) await made.send(toSendings(sent, 0));
        crashes += made.cloud.crashes;
        const indexes = made.ran.map(([index]) => index);
        expect(new Set(indexes).size).toBe(indexes.length);
      }),
      plays(SCHEDULES),
    );
    expect(crashes).toBeGreaterThan(SCHEDULES / 10);
  });
});
