import fc from "fast-check";
import { LineBench } from "../../../support/line-bench.ts";
import { testLine } from "../../../support/line-properties.ts";

/** Batches of two clients, whose instances die at any of their calls. */
const CLIENTS = ["C=", "D="];
const HOLD_MS = 250;
/** The row is told well within this time that events are done, in milliseconds. */
const TOLD_MS = 30;

const schedule = fc.record({
  /** Of each client: how long the handler of each of its events takes, in milliseconds. */
  work: fc.array(fc.constantFrom(0, 0, 5, 40, 400, 3_000), { minLength: 1, maxLength: 14 }),
  /** When the client sends each, after the one before. */
  pauses: fc.array(fc.constantFrom(0, 0, 0, 10, 300), { minLength: 14, maxLength: 14 }),
  deaths: fc.array(
    fc.option(fc.record({ call: fc.integer({ min: 1, max: 25 }), after: fc.boolean() }), { freq: 2 }),
    { minLength: 12, maxLength: 12 },
  ),
  mixed: fc.boolean(),
});

type Schedule = typeof schedule extends fc.Arbitrary<infer S> ? S : never;

interface Run {
  readonly client: string;
  readonly n: number;
  readonly began: number;
  ended: number;
}

async function play({ work, pauses, deaths, mixed }: Schedule, changes: Change = {}) {
  const runs: Run[] = [];
  const ends: string[] = [];
  // CONNECTs are not what is looked at here: what dies begins after them.
  let connected = Number.POSITIVE_INFINITY;
  const bench = new LineBench(
    (io, { clock }) => {
      io.on("connection", (socket) => {
        socket.on("work", async (client: string, n: number) => {
          const run = { client, n, began: clock.now(), ended: Number.POSITIVE_INFINITY };
          runs.push(run);
          if ((work[n] ?? 0) > 0) await clock.sleep(work[n] ?? 0);
          run.ended = clock.now();
        });
        socket.on("disconnect", () => ends.push(socket.handshake.auth.client));
      });
    },
    {
      mixed,
      server: { orderHoldMs: HOLD_MS },
      diesAt: (batch) => (batch > connected ? (deaths[batch - connected - 1] ?? undefined) : undefined),
    },
  );
  changes.bench?.(bench);
  for (const client of CLIENTS) {
    await bench.connection(client);
    bench.send(client, `40${JSON.stringify({ client })}`);
  }
  await bench.queue.empty();
  connected = bench.queue.batches.length + (mixed ? CLIENTS.length : 0);
  for (const [n] of work.entries()) {
    if ((pauses[n] ?? 0) > 0) await bench.ports.clock.sleep(pauses[n] ?? 0);
    for (const client of CLIENTS) bench.send(client, `42${JSON.stringify(["work", client, n])}`);
  }
  for (const client of CLIENTS) bench.queue.disconnect(client, "end", bench.ports.clock.now());
  await bench.queue.empty();
  return { bench, runs, ends };
}

interface Change {
  readonly bench?: (bench: LineBench) => void;
}

type Played = Awaited<ReturnType<typeof play>>;

/** What is wrong, in words; nothing if all is right. */
function faultsOf({ bench, runs, ends }: Played, { work }: Schedule): readonly string[] {
  const faults: string[] = [];
  const buried = bench.queue.dead.map(({ connectionId, body }) => `${connectionId} ${body}`);
  for (const client of CLIENTS) {
    const own = runs.filter((run) => run.client === client);
    for (const [n] of work.entries()) {
      const times = own.filter((run) => run.n === n).length;
      const isBuried = buried.includes(`${client} 42${JSON.stringify(["work", client, n])}`);
      if (times === 0 && !isBuried) faults.push(`${client} ${n} was lost`);
      if (times > 2) faults.push(`${client} ${n} ran ${times} times`);
      if (times === 2 && bench.deaths.length === 0) faults.push(`${client} ${n} ran twice, and nobody died`);
    }
    const firsts = own.filter((run, i) => own.findIndex(({ n }) => n === run.n) === i);
    for (const { n } of own.filter((run) => !firsts.includes(run))) {
      const first = firsts.find((run) => run.n === n);
      const death = bench.deaths.find((at) => at >= (first?.began ?? 0)) ?? 0;
      const wasTold = firsts.every((run) => run.n > n || run.ended <= death - TOLD_MS);
      if (wasTold) faults.push(`${client} ${n} ran again, though it was done when its instance died`);
    }
    if (firsts.some(({ n }, i) => n < (firsts[i - 1]?.n ?? 0))) {
      faults.push(`${client} ran ${own.map(({ n }) => n).join()}`);
    }
    const crowded = firsts.find((run, i) => {
      const before = firsts[i - 1];
      return before && run.began < Math.min(before.ended, before.began + HOLD_MS);
    });
    if (crowded && bench.deaths.length === 0) faults.push(`${client} ${crowded.n} began before its turn`);
    if (ends.filter((end) => end === client).length > 1) faults.push(`${client} was disconnected twice`);
  }
  return faults;
}

testLine({
  clients: CLIENTS,
  schedule,
  play,
  faultsOf,
  // Each switched off is seen.
  rules: [
    {
      what: "a claim before an event is run again",
      change: { bench: ({ ports }) => Object.assign(ports.store, { claimRetry: async () => true }) },
    },
    {
      what: "the place up to which all is done",
      change: { bench: ({ ports }) => Object.assign(ports.store, { moveLine: async () => undefined }) },
    },
  ],
});
