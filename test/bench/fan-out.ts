/**
 * How long a broadcast takes for rooms of growing size, against a sink that answers after 10 ms: the emitter and all workers in
 * one process, beside a bare loop of signed posts, as many at once. Alone: `node --import tsx test/bench/fan-out.ts`
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { runAlone } from "./support/alone.ts";
import type { FanOutRun } from "./support/fan-out-run.ts";
import { startSink } from "./support/sink.ts";
import { median, pairedRatio, round } from "./support/stats.ts";

const RUNS = 5;
/** Recipients, and how often each is measured: what takes long varies less. */
const SIZES = [
  [10, 31],
  [100, 31],
  [1_000, 15],
  [10_000, 7],
  [100_000, RUNS],
] as const;
const LATENCY_MS = 10;

export interface FanOutSize {
  /** Milliseconds, medians. */
  readonly ours: number;
  readonly control: number;
  /** Of our rate to the control's. */
  readonly rate: number;
  /** Of the process, in MB; it begins with about 100. */
  readonly peak_mb: number;
}

export interface FanOutTimes {
  /** By the number of recipients; `runs` at least. */
  readonly fanout_ms: Readonly<Record<string, FanOutSize>> & { readonly runs: number };
}

export async function benchFanOut(): Promise<FanOutTimes> {
  const sink = await startSink("sink.mjs", "{}", String(LATENCY_MS));
  try {
    const sizes: [string, FanOutSize][] = [];
    for (const [size, runs] of SIZES) {
      sizes.push([String(size), await measure(sink.url, size, runs)]);
      process.stderr.write(`  ${size} recipients, ${runs} times\n`);
    }
    return { fanout_ms: { ...Object.fromEntries(sizes), runs: RUNS } as FanOutTimes["fanout_ms"] };
  } finally {
    await sink.stop();
  }
}

/** In a process of its own, so that its memory is its own. */
async function measure(url: string, size: number, runs: number): Promise<FanOutSize> {
  const file = fileURLToPath(new URL("support/fan-out-run.ts", import.meta.url));
  const args = ["--expose-gc", "--import", "tsx", file, url, String(size), String(runs)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const { ours, control, peak }: FanOutRun = JSON.parse(stdout);
  return {
    ours: round(median(ours)),
    control: round(median(control)),
    rate: round(pairedRatio(control, ours), 2),
    peak_mb: round(peak, 0),
  };
}

await runAlone(import.meta.url, benchFanOut);
