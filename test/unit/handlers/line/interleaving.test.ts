import fc from "fast-check";
import type { Gateway } from "../../../../lambdas/server/ports/gateway.ts";
import { LineBench, type LineBenchOptions } from "../../../support/line-bench.ts";
import { testLine } from "../../../support/line-properties.ts";

/** Batches of two clients, whose instances die or stand still at any of their calls, and whose posts take any time. */
const CLIENTS = ["C=", "D="];
const HOLD_MS = 250;
/** The row is told well within this time that events are done, in milliseconds. */
const TOLD_MS = 30;

/** Longer than a message is an instance's own, in milliseconds. */
const STILL_MS = 40_000;

const schedule = fc.record({
  /** Of each client: how long the handler of each of its events takes, in milliseconds. */
  work: fc.array(fc.constantFrom(0, 0, 5, 40, 400, 3_000), { minLength: 1, maxLength: 14 }),
  /** When the client sends each, after the one before. */
  pauses: fc.array(fc.constantFrom(0, 0, 0, 10, 300), { minLength: 14, maxLength: 14 }),
  deaths: fc.array(
    fc.option(fc.record({ call: fc.integer({ min: 1, max: 25 }), after: fc.boolean() }), { freq: 2 }),
    { minLength: 12, maxLength: 12 },
  ),
  stills: fc.array(fc.option(fc.integer({ min: 1, max: 25 }), { freq: 2 }), { minLength: 12, maxLength: 12 }),
  /** How long posts take, one after the other, in milliseconds. */
  posts: fc.oneof(
    fc.constant<number[]>([0]),
    fc.array(fc.constantFrom<number>(0, 0, 0, 20, 600), { minLength: 8, maxLength: 8 }),
  ),
  mixed: fc.boolean(),
});

type Schedule = typeof schedule extends fc.Arbitrary<infer S> ? S : never;

interface Run {
  readonly client: string;
  readonly n: number;
  readonly began: number;
  ended: number;
  /** The batch of its instance, if its message was not in that one's hands any more when it began. */
  readonly strays: number | undefined;
}

async function play({ work, pauses, deaths, stills, posts, mixed }: Schedule, changes: Change = {}) {
  const runs: Run[] = [];
  const ends: string[] = [];
  // CONNECTs are not what is looked at here: what dies begins after them.
  let connected = Number.POSITIVE_INFINITY;
  const ofBatch = <T>(all: readonly (T | null)[], batch: number): T | undefined =>
    batch > connected ? (all[batch - connected - 1] ?? undefined) : undefined;
  const bench = new LineBench(
    (io, { clock }, instance) => {
      io.on("connection", (socket) => {
        socket.on("work", async (client: string, n: number) => {
          const strays = instance.holds(frameOf(client, n)) ? undefined : instance.batch;
          const run = { client, n, began: clock.now(), ended: Number.POSITIVE_INFINITY, strays };
          runs.push(run);
          void socket.emit("began", n);
          if ((work[n] ?? 0) > 0) await clock.sleep(work[n] ?? 0);
          run.ended = clock.now();
        });
        socket.on("disconnect", () => ends.push(socket.handshake.auth.client));
      });
    },
    {
      mixed,
      server: { orderHoldMs: HOLD_MS },
      diesAt: (batch) => ofBatch(deaths, batch),
      standsStillAt: (batch) => {
        const call = ofBatch(stills, batch);
        return call === undefined ? undefined : { call, ms: STILL_MS };
      },
      instance: (ports) => changes.instance?.(ports) ?? ports,
      isTimeless: changes.isTimeless ?? false,
    },
  );
  let posted = 0;
  const { gateway, clock } = bench.ports;
  const post = gateway.post.bind(gateway);
  gateway.post = async (...args) => {
    if (connected < Number.POSITIVE_INFINITY) await clock.sleep(posts[posted++ % posts.length] ?? 0);
    return await post(...args);
  };
  changes.bench?.(bench);
  for (const client of CLIENTS) {
    await bench.connection(client);
    bench.send(client, `40${JSON.stringify({ client })}`);
  }
  await bench.queue.empty();
  connected = bench.queue.batches.length + (mixed ? CLIENTS.length : 0);
  for (const [n] of work.entries()) {
    if ((pauses[n] ?? 0) > 0) await bench.ports.clock.sleep(pauses[n] ?? 0);
    for (const client of CLIENTS) bench.send(client, frameOf(client, n));
  }
  // Who stood still goes on while the connection is there.
  await bench.ports.clock.sleep(2 * STILL_MS);
  for (const client of CLIENTS) bench.queue.disconnect(client, "end", bench.ports.clock.now());
  await bench.queue.empty();
  return { bench, runs, ends };
}

const frameOf = (client: string, n: number): string => `42${JSON.stringify(["work", client, n])}`;

interface Change {
  readonly bench?: (bench: LineBench) => void;
  readonly instance?: LineBenchOptions["instance"];
  readonly isTimeless?: boolean;
}

type Played = Awaited<ReturnType<typeof play>>;

/** What is wrong, in words; nothing if all is right. */
function faultsOf({ bench, runs, ends }: Played, { work, posts }: Schedule): readonly string[] {
  const faults: string[] = [];
  const failures = [...bench.deaths, ...bench.stills].sort((a, b) => a - b);
  // What an event has emitted is posted before the row is told that it is done.
  const toldMs = posts.some((ms) => ms > 0) ? Number.POSITIVE_INFINITY : TOLD_MS;
  const buried = bench.queue.dead.map(({ connectionId, body }) => `${connectionId} ${body}`);
  for (const client of CLIENTS) {
    const own = runs.filter((run) => run.client === client);
    for (const [n] of work.entries()) {
      const times = own.filter((run) => run.n === n).length;
      const isBuried = buried.includes(`${client} ${frameOf(client, n)}`);
      if (times === 0 && !isBuried) faults.push(`${client} ${n} was lost`);
      if (times > 2) faults.push(`${client} ${n} ran ${times} times`);
      if (times === 2 && failures.length === 0) faults.push(`${client} ${n} ran twice, and nobody died`);
    }
    const firsts = own.filter((run, i) => own.findIndex(({ n }) => n === run.n) === i);
    for (const { n } of own.filter((run) => !firsts.includes(run))) {
      const first = firsts.find((run) => run.n === n);
      const failure = failures.find((at) => at >= (first?.began ?? 0)) ?? 0;
      const wasTold = firsts.every((run) => run.n > n || run.ended <= failure - toldMs);
      if (wasTold) faults.push(`${client} ${n} ran again, though it was done when its instance died`);
    }
    // An instance that stood still after its last look may go on with one when the line has given that up, and says so.
    const isOutside = (n: number): boolean =>
      own.some((run) => run.n === n && run.strays !== undefined) ||
      buried.includes(`${client} ${frameOf(client, n)}`);
    const inLine = firsts.filter(({ n }) => !isOutside(n));
    if (inLine.some(({ n }, i) => n < (inLine[i - 1]?.n ?? 0))) {
      faults.push(`${client} ran ${own.map(({ n }) => n).join()}`);
    }
    const crowded = firsts.find((run, i) => {
      const before = firsts[i - 1];
      return before && run.began < Math.min(before.ended, before.began + HOLD_MS);
    });
    if (crowded && failures.length === 0) faults.push(`${client} ${crowded.n} began before its turn`);
    // One may have been on its way when its instance stood still.
    const strays = own.flatMap(({ strays }) => strays ?? []);
    if (new Set(strays).size < strays.length)
      faults.push(`several of ${client} began when their messages were somebody else's`);
    const heard = bench.heard(client).map((frame) => Number(/^42\["began",(\d+)\]$/.exec(frame)?.[1]));
    const news = heard.filter((n, i) => heard.indexOf(n) === i && !isOutside(n));
    if (news.some((n, i) => n < (news[i - 1] ?? 0))) faults.push(`${client} heard ${heard.join()}`);
    if (ends.filter((end) => end === client).length > 1) faults.push(`${client} was disconnected twice`);
  }
  return faults;
}

/** Posts of one instance come in their order, but nobody waits for them. */
function unawaited<G extends Gateway>(gateway: G): G {
  let last: Promise<unknown> = Promise.resolve();
  const post: Gateway["post"] = async (...args) => {
    last = last.then(() => gateway.post(...args));
    return "ok";
  };
  return new Proxy(gateway, {
    get: (target, name) => {
      const member: unknown = name === "post" ? post : Reflect.get(target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

testLine<Schedule, Played, Change>({
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
    { what: "the time after which no frame begins", change: { isTimeless: true } },
    {
      what: "to wait for what has been emitted before the line moves on",
      change: { instance: (ports) => ({ ...ports, gateway: unawaited(ports.gateway) }) },
    },
  ],
});
