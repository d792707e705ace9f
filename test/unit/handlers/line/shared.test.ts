/** Events of clients that share variables, in batches whose instances die at any of their calls. */
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { LineBench } from "../../../support/line-bench.ts";
import { plays, schedulesOr } from "../../../support/schedules.ts";

const CLIENTS = ["C=", "D="];
const HOLD_MS = 250;

const schedule = fc.record({
  /** Of each event: how long its handler takes, in milliseconds. Slow ones overlap. */
  work: fc.array(fc.constantFrom(0, 0, 0, 5, 200, 400), { minLength: 1, maxLength: 8 }),
  /** When the clients send each, after the one before. */
  pauses: fc.array(fc.constantFrom(0, 0, 0, 10, 300), { minLength: 8, maxLength: 8 }),
  deaths: fc.array(
    fc.option(fc.record({ call: fc.integer({ min: 1, max: 40 }), after: fc.boolean() }), { freq: 2 }),
    { minLength: 12, maxLength: 12 },
  ),
  mixed: fc.boolean(),
});

type Schedule = typeof schedule extends fc.Arbitrary<infer S> ? S : never;

async function play({ work, pauses, deaths, mixed }: Schedule, change?: (bench: LineBench) => void) {
  let connected = Number.POSITIVE_INFINITY;
  const bench = new LineBench(
    (io, { clock }) => {
      const added = io.shared("added", [] as string[]);
      const total = io.shared("total", { sum: 0 });
      io.on("connection", (socket) => {
        socket.on("add", async (name: string, ms: number, ack: (sum: number) => void) => {
          if (ms > 0) await clock.sleep(ms);
          added.push(name);
          total.sum++;
          ack(total.sum);
        });
        socket.on("content", (ack: (...content: unknown[]) => void) => ack(added, total.sum));
      });
    },
    {
      mixed,
      server: { orderHoldMs: HOLD_MS },
      diesAt: (batch) => (batch > connected ? (deaths[batch - connected - 1] ?? undefined) : undefined),
    },
  );
  change?.(bench);
  for (const client of CLIENTS) {
    await bench.connection(client);
    bench.send(client, "40");
  }
  await bench.queue.empty();
  connected = bench.queue.batches.length + (mixed ? CLIENTS.length : 0);
  for (const [n, ms] of work.entries()) {
    if ((pauses[n] ?? 0) > 0) await bench.ports.clock.sleep(pauses[n] ?? 0);
    for (const client of CLIENTS) bench.send(client, `42${n}${JSON.stringify(["add", `${client}${n}`, ms])}`);
  }
  await bench.queue.empty();
  connected = Number.POSITIVE_INFINITY;
  bench.send("C=", `42999["content"]`);
  await bench.queue.empty();
  const content = bench.heard("C=").find((frame) => frame.startsWith("43999"));
  const [added, sum] = JSON.parse(content?.slice("43999".length) ?? "[[], 0]") as [string[], number];
  return { bench, added, sum };
}

/** What is wrong, in words; nothing if all is right. */
function faultsOf({ bench, added, sum }: Awaited<ReturnType<typeof play>>, { work }: Schedule): string[] {
  const faults: string[] = [];
  const buried = bench.queue.dead.map(({ connectionId, body }) => `${connectionId} ${body}`);
  if (new Set(added).size < added.length) faults.push(`something is there twice: ${added.join(" ")}`);
  if (sum !== added.length) faults.push(`the sum is ${sum}, and there are ${added.length}`);
  for (const client of CLIENTS) {
    for (const [n, ms] of work.entries()) {
      const name = `${client}${n}`;
      const isBuried = buried.includes(`${client} 42${n}${JSON.stringify(["add", name, ms])}`);
      const isIn = added.includes(name);
      // The line lets go of messages whose handlers have had their time.
      if (!isIn && !isBuried && ms <= HOLD_MS) faults.push(`${name} is lost`);
      if (!isIn && bench.heard(client).some((frame) => frame.startsWith(`43${n}[`)))
        faults.push(`${name} was acknowledged, and is not there`);
    }
  }
  return faults;
}

test("each event's change is there once, whenever its instance died, unless the event was given up", async () => {
  let deaths = 0;
  await fc.assert(
    fc.asyncProperty(schedule, async (played) => {
      const outcome = await play(played);
      deaths += outcome.bench.deaths.length;
      expect(faultsOf(outcome, played)).toEqual([]);
    }),
    plays(schedulesOr(60)),
  );
  expect(deaths).toBeGreaterThan(0);
});

/** Each rule switched off is seen. */
test.each<{ what: string; change: (bench: LineBench) => void }>([
  {
    what: "the notes of the frames that are in",
    change: ({ ports: { store } }) => {
      const { writeLease } = store;
      store.writeLease = (nsp, token, { commit, ...change }) =>
        writeLease(nsp, token, { ...change, ...(commit && { commit: { ...commit, notes: [] } }) });
    },
  },
  {
    what: "a commit before messages are deleted",
    change: ({ ports: { store, clock }, deaths }) => {
      const { writeLease } = store;
      store.writeLease = async (nsp, token, change) => {
        const { length } = deaths;
        // What nobody waits for dies with its instance.
        void clock.sleep(5).then(() => deaths.length === length && writeLease(nsp, token, change));
        return true;
      };
    },
  },
])("$what: needed", async ({ change }) => {
  const found = await fc.check(
    fc.asyncProperty(schedule, async (played) => {
      const outcome = await play(played, change);
      expect(faultsOf(outcome, played)).toEqual([]);
    }),
    plays(400),
  );
  expect(found.failed).toBe(true);
});
