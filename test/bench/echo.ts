/**
 * How long an echo with its acknowledgement takes on this machine: through the local cloud, which plays API Gateway, SQS, Lambda and
 * DynamoDB without the network between them, with the line and without it, and through stock Socket.IO.
 * Alone: `node --import tsx test/bench/echo.ts`
 */
import { fileURLToPath } from "node:url";
import { io } from "socket.io-client";
import { TestClouds } from "../support/cloud.ts";
import { startStock } from "../support/stock.ts";
import { runAlone } from "./support/alone.ts";
import { median, percentile, round } from "./support/stats.ts";

const RUNS = 5;
const ECHOES = 200;
const APP = fileURLToPath(new URL("../apps/bench.ts", import.meta.url));

/** `direct` is the construct with `ordered: false`. */
const TARGETS = ["ordered", "direct", "stock"] as const;

interface Latency {
  readonly p50: number;
  readonly p99: number;
}

export interface EchoLatency {
  /** Milliseconds, medians over runs; one echo after the other. */
  readonly echo_ms: Readonly<Record<(typeof TARGETS)[number], Latency>> & { readonly runs: number };
}

/** Alternating runs. */
export async function benchEcho(): Promise<EchoLatency> {
  const clouds = new TestClouds();
  const stock = await startStock(APP);
  try {
    const ordered = await clouds.start({ app: APP, ordered: true });
    const targets = { ordered, direct: await clouds.start({ app: APP, ordered: false }), stock };
    const runs: Record<keyof typeof targets, Latency[]> = { ordered: [], direct: [], stock: [] };
    for (let run = -1; run < RUNS; run++) {
      for (const name of TARGETS) {
        const latency = await echo(targets[name]);
        // The first run starts instances.
        if (run >= 0) runs[name].push(latency);
      }
    }
    const { ordered: line, direct, stock: server } = runs;
    return {
      echo_ms: { ordered: medians(line), direct: medians(direct), stock: medians(server), runs: RUNS },
    };
  } finally {
    await stock.stop();
    await clouds.stop();
  }
}

const medians = (runs: readonly Latency[]): Latency => ({
  p50: round(median(runs.map(({ p50 }) => p50)), 2),
  p99: round(median(runs.map(({ p99 }) => p99)), 2),
});

async function echo({ url, path }: { readonly url: string; readonly path: string }): Promise<Latency> {
  const socket = io(url, { path, transports: ["websocket"], forceNew: true });
  try {
    await new Promise<void>((resolve) => socket.once("connect", resolve));
    const times: number[] = [];
    for (let n = 0; n < ECHOES; n++) {
      const start = performance.now();
      await socket.timeout(20_000).emitWithAck("echo", n);
      times.push(performance.now() - start);
    }
    return { p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
  } finally {
    socket.disconnect();
  }
}

await runAlone(import.meta.url, benchEcho);
