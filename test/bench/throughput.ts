/**
 * How many events a second the local cloud takes on this machine from one client and from a hundred, with the line and without it,
 * and how many requests of SQS an event needs then. Alone: `node --import tsx test/bench/throughput.ts`
 */
import { fileURLToPath } from "node:url";
import { io, type Socket } from "socket.io-client";
import type { LocalCloud } from "../../infra/local/cloud.ts";
import { TestClouds } from "../support/cloud.ts";
import { runAlone } from "./support/alone.ts";
import { median, pairedRatio, round } from "./support/stats.ts";

const RUNS = 5;
/** Events that each client sends at once. */
const BURSTS = { one: { clients: 1, events: 200 }, hundred: { clients: 100, events: 5 } } as const;
const APP = fileURLToPath(new URL("../apps/bench.ts", import.meta.url));

interface Rates {
  /** Acknowledged events a second, medians over runs. */
  readonly ordered: number;
  readonly direct: number;
  /** Median over pairs of runs. */
  readonly ratio: number;
  /** Of SQS, for an event of the ordered one: sends, receives that got something, and deletes. */
  readonly queue_requests: number;
}

export interface Throughput {
  readonly events_per_second: Readonly<Record<keyof typeof BURSTS, Rates>> & { readonly runs: number };
}

/** Alternating runs. */
export async function benchThroughput(): Promise<Throughput> {
  const clouds = new TestClouds();
  try {
    const ordered = await clouds.start({ app: APP, ordered: true });
    const direct = await clouds.start({ app: APP, ordered: false });
    return {
      events_per_second: {
        one: await rates(ordered, direct, BURSTS.one),
        hundred: await rates(ordered, direct, BURSTS.hundred),
        runs: RUNS,
      },
    };
  } finally {
    await clouds.stop();
  }
}

interface Burst {
  readonly clients: number;
  readonly events: number;
}

async function rates(line: LocalCloud, beside: LocalCloud, burst: Burst): Promise<Rates> {
  const [senders, others] = [await dial(line, burst.clients), await dial(beside, burst.clients)];
  try {
    const ordered: number[] = [];
    const direct: number[] = [];
    const requests: number[] = [];
    for (let run = -1; run < RUNS; run++) {
      const mark = line.meter.mark();
      const one = await eventsPerSecond(senders, burst.events);
      const asked = queueRequests(line, mark) / (burst.clients * burst.events);
      const other = await eventsPerSecond(others, burst.events);
      // The first run starts instances.
      if (run < 0) continue;
      ordered.push(one);
      direct.push(other);
      requests.push(asked);
    }
    return {
      ordered: round(median(ordered), 0),
      direct: round(median(direct), 0),
      ratio: round(pairedRatio(ordered, direct), 3),
      queue_requests: round(median(requests), 2),
    };
  } finally {
    for (const socket of [...senders, ...others]) socket.disconnect();
  }
}

async function dial({ url, path }: LocalCloud, clients: number): Promise<readonly Socket[]> {
  const sockets = Array.from({ length: clients }, () =>
    io(url, { path, transports: ["websocket"], forceNew: true }),
  );
  await Promise.all(
    sockets.map((socket) => new Promise<void>((resolve) => socket.once("connect", () => resolve()))),
  );
  return sockets;
}

/** Until each has been acknowledged. */
async function eventsPerSecond(sockets: readonly Socket[], events: number): Promise<number> {
  const start = performance.now();
  await Promise.all(
    sockets.flatMap((socket) => Array.from({ length: events }, (_, n) => socket.emitWithAck("echo", n))),
  );
  return (sockets.length * events * 1000) / (performance.now() - start);
}

function queueRequests({ meter }: LocalCloud, since: ReturnType<LocalCloud["meter"]["mark"]>): number {
  return meter
    .events(since)
    .reduce(
      (all, event) =>
        event.kind === "sqs" && event.operation !== "EmptyReceive" ? all + event.requests : all,
      0,
    );
}

await runAlone(import.meta.url, benchThroughput);
