import fc from "fast-check";
import { CountingClient } from "../../../support/counting-client.ts";
import { LineBench } from "../../../support/line-bench.ts";
import { testLine } from "../../../support/line-properties.ts";

/** Two clients that count, whose frames come into the queue in another order, in batches whose instances die at any of their calls. */
const CLIENTS = ["C=", "D="];
/** The row is told well within this time that events are done, in milliseconds. */
const TOLD_MS = 30;

const delays = (...ms: readonly number[]) =>
  fc.array(fc.constantFrom(...ms), { minLength: 60, maxLength: 60 });

const schedule = fc.record({
  /** How long the handler of each event takes, in milliseconds; an odd event has two attachments. */
  work: fc.array(fc.constantFrom(0, 0, 5, 40, 400), { minLength: 1, maxLength: 14 }),
  /** When the client sends each, after the one before. */
  pauses: delays(0, 0, 0, 10, 300),
  /** How long it takes until each frame is in the queue. */
  sends: delays(0, 0, 1, 2, 15, 200, 2_500),
  deaths: fc.array(
    fc.option(fc.record({ call: fc.integer({ min: 1, max: 25 }), after: fc.boolean() }), { freq: 3 }),
    { minLength: 12, maxLength: 12 },
  ),
  mixed: fc.boolean(),
});

type Schedule = typeof schedule extends fc.Arbitrary<infer S> ? S : never;

interface Run {
  readonly client: string;
  readonly n: number;
  readonly at: number;
  readonly parts: string;
  ended: number;
}

interface Change {
  readonly bench?: (bench: LineBench) => void;
  /** What goes over the wire instead of a frame. */
  readonly frame?: (frame: string) => string;
}

async function play({ work, pauses, sends, deaths, mixed }: Schedule, changes: Change = {}) {
  const runs: Run[] = [];
  const ends: string[] = [];
  // CONNECTs are not what is looked at here: what dies begins after them.
  let connected = Number.POSITIVE_INFINITY;
  const bench = new LineBench(
    (io, { clock }) => {
      io.on("connection", (socket) => {
        socket.on("work", async (client: string, n: number, ...parts: Buffer[]) => {
          const ended = Number.POSITIVE_INFINITY;
          const run: Run = { client, n, at: clock.now(), parts: parts.map(String).join(), ended };
          runs.push(run);
          if ((work[n] ?? 0) > 0) await clock.sleep(work[n] ?? 0);
          run.ended = clock.now();
        });
        socket.on("disconnect", () => ends.push(socket.handshake.auth.client));
      });
    },
    {
      mixed,
      diesAt: (batch) => (batch > connected ? (deaths[batch - connected - 1] ?? undefined) : undefined),
    },
  );
  changes.bench?.(bench);
  const { clock } = bench.ports;
  const clients = CLIENTS.map((id) => ({ id, count: new CountingClient() }));
  for (const { id, count } of clients) {
    await bench.connection(id);
    bench.send(id, ...count.connect("/", { client: id }));
  }
  await bench.queue.empty();
  connected = bench.queue.batches.length + (mixed ? CLIENTS.length : 0);
  const sending: Promise<void>[] = [];
  const send = (id: string, frame: string): void => {
    const ms = sends[sending.length % sends.length] ?? 0;
    const put = (): void => bench.send(id, changes.frame?.(frame) ?? frame);
    // A send that takes no time is over before the next one begins.
    if (ms === 0) put();
    sending.push(ms === 0 ? Promise.resolve() : clock.sleep(ms).then(put));
  };
  for (const [n] of work.entries()) {
    if ((pauses[n] ?? 0) > 0) await clock.sleep(pauses[n] ?? 0);
    for (const { id, count } of clients) {
      const parts = n % 2 === 1 ? [Buffer.from(`a${n}`), Buffer.from(`b${n}`)] : [];
      for (const frame of count.event("work", id, n, ...parts)) send(id, frame);
    }
  }
  await Promise.all(sending);
  await bench.queue.empty();
  const left = await Promise.all(CLIENTS.map((id) => bench.ports.store.readEarly(id)));
  for (const id of CLIENTS) bench.queue.disconnect(id, "end", clock.now());
  await bench.queue.empty();
  return { bench, runs, ends, left: left.flat() };
}

type Played = Awaited<ReturnType<typeof play>>;

/** What is wrong, in words; nothing if all is right. */
function faultsOf({ bench, runs, ends, left }: Played, { work }: Schedule): readonly string[] {
  const faults: string[] = [];
  const died = bench.deaths.length > 0;
  for (const client of CLIENTS) {
    const own = runs.filter((run) => run.client === client);
    const lost: number[] = [];
    for (const [n] of work.entries()) {
      const times = own.filter((run) => run.n === n).length;
      if (times === 0) lost.push(n);
      if (times > (died ? 2 : 1)) faults.push(`${client} ${n} ran ${times} times`);
    }
    const buried = bench.queue.dead.filter(({ connectionId }) => connectionId === client);
    if (lost.length > buried.length) faults.push(`${client} ${lost.join()} were lost`);
    const firsts = own.filter((run, i) => own.findIndex(({ n }) => n === run.n) === i);
    if (firsts.some(({ n }, i) => n < (firsts[i - 1]?.n ?? 0)))
      faults.push(`${client} ran ${own.map(({ n }) => n).join()}`);
    for (const run of own.filter((one) => !firsts.includes(one))) {
      const first = firsts.find(({ n }) => n === run.n);
      const death = bench.deaths.find((at) => at >= (first?.at ?? 0)) ?? 0;
      const wasTold = firsts.every((one) => one.n > run.n || one.ended <= death - TOLD_MS);
      if (wasTold) faults.push(`${client} ${run.n} ran again, though it was done when its instance died`);
    }
    for (const { n, parts } of own) {
      if (parts !== (n % 2 === 1 ? `a${n},b${n}` : "")) faults.push(`${client} ${n} had ${parts}`);
    }
    if (ends.filter((end) => end === client).length > 1) faults.push(`${client} was disconnected twice`);
  }
  if (left.length > 0 && !died) faults.push(`${left.length} frames are still kept`);
  if (bench.ports.logged.some(([code]) => code === "SKY_LINE_GAP"))
    faults.push("a connection was closed for a gap");
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
      what: "a count",
      change: { frame: (frame) => frame.replace(/^4#\d+,/, "4").replace(/^b.{16}/, "b") },
    },
    {
      what: "what is kept of early frames",
      change: { bench: ({ ports }) => Object.assign(ports.store, { putEarly: async () => undefined }) },
    },
    {
      what: "how far the row says that they are",
      change: { bench: ({ ports }) => Object.assign(ports.store, { countLine: async () => undefined }) },
    },
    {
      what: "a claim before an event is run again",
      change: { bench: ({ ports }) => Object.assign(ports.store, { claimRetry: async () => true }) },
    },
  ],
});
