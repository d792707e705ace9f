/**
 * How long loading a function's bundle takes, in fresh processes, and that of a bundle of just the two AWS clients in the same
 * run. Alone: `node --import tsx test/bench/cold-load.ts`
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { bundleFiles } from "../../infra/constructs/bundle.ts";
import { PACKAGE_ROOT } from "../../infra/package-files.ts";
import { runAlone } from "./support/alone.ts";
import { median, pairedRatio, round } from "./support/stats.ts";

const RUNS = 15;

/** Bars: the socket function may take 1.25 times the floor, the others no more than it. */
const ENTRIES = [
  { name: "socket", entry: "lambdas/functions/socket.ts" },
  { name: "fanout", entry: "lambdas/functions/fan-out.ts" },
  { name: "heartbeat", entry: "lambdas/functions/heartbeat.ts" },
] as const;

/** What posts and starts tasks, loaded after the start while the first request to DynamoDB is on its way. */
const SERVICE = "skysocket-service.mjs";

export interface ColdLoad {
  /** Milliseconds, medians, without starting Node itself. `bytes`: what is loaded. */
  readonly ms: number;
  readonly bytes: number;
  /** Of its milliseconds to the floor's in the same run, the median. */
  readonly ratio: number;
}

export interface FunctionLoad extends ColdLoad {
  /** Together with {@link SERVICE}, one after the other. */
  readonly with_service: ColdLoad;
}

export interface ColdLoads {
  readonly cold_load_ms: {
    readonly ours: Readonly<Record<string, FunctionLoad>>;
    readonly floor: Omit<ColdLoad, "ratio">;
    readonly runs: number;
  };
}

/** What the functions read when they start. */
const ENV = {
  AWS_REGION: "us-east-1",
  AWS_LAMBDA_FUNCTION_NAME: "function",
  PING_INTERVAL_MINUTES: "8",
  SOCKET_FUNCTION_NAME: "function",
  FAN_OUT_FUNCTION_NAME: "function",
  CALLBACK_URL: "https://api.execute-api.us-east-1.amazonaws.com/prod",
  TABLE_NAME: "table",
  // A note of the SDK about the version of Node, which costs time to print.
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
};

const LOAD = `const start = performance.now();
await import(process.argv[1]).catch((error) => {
  // Not the line of minified code that Node would print.
  process.stdout.write(String(error));
  process.exit(1);
});
const started = performance.now() - start;
if (process.argv[2]) await import(process.argv[2]);
process.stdout.write(JSON.stringify([started, performance.now() - start]));
process.exit();`;

/** Medians over alternating runs. */
export async function benchColdLoad(): Promise<ColdLoads> {
  const directory = await mkdtemp(join(tmpdir(), "skysocket-bench-"));
  try {
    const floor = await bundleFloor(directory);
    const ours = await Promise.all(
      ENTRIES.filter(({ entry }) => existsSync(join(PACKAGE_ROOT, entry))).map(({ name, entry }) =>
        bundle(directory, name, entry),
      ),
    );
    for (let run = 0; run < RUNS; run++) {
      for (const bundled of [floor, ...ours]) {
        const [start, withService] = await load(bundled);
        bundled.times.push(start);
        bundled.service?.times.push(withService);
      }
    }
    const loadOf = ({ bytes, times }: Timed): ColdLoad => ({
      ms: round(median(times)),
      bytes,
      ratio: round(pairedRatio(times, floor.times), 2),
    });
    const result = (bundled: BundledFunction): readonly [string, FunctionLoad] => [
      bundled.name,
      { ...loadOf(bundled), with_service: loadOf(bundled.service) },
    ];
    return {
      cold_load_ms: {
        ours: Object.fromEntries(ours.map(result)),
        floor: { ms: round(median(floor.times)), bytes: floor.bytes },
        runs: RUNS,
      },
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

interface Timed {
  readonly path: string;
  readonly bytes: number;
  readonly times: number[];
}

interface Bundled extends Timed {
  readonly name: string;
  readonly service?: Timed;
}

interface BundledFunction extends Bundled {
  /** Its bytes and times are those of both files. */
  readonly service: Timed;
}

/** As it is deployed, with the example application. */
async function bundle(directory: string, name: string, entry: string): Promise<BundledFunction> {
  const files = bundleFiles({
    entry: join(PACKAGE_ROOT, entry),
    app: join(PACKAGE_ROOT, "lambdas/app.ts"),
    sourceMap: false,
  });
  await mkdir(join(directory, name));
  await Promise.all(files.map(({ path, text }) => writeFile(join(directory, name, basename(path)), text)));
  const timed = (file: string): Timed => {
    const text = files.find(({ path }) => basename(path) === file)?.text;
    if (text === undefined) throw new Error(`the bundle of ${entry} has no ${file}`);
    return { path: join(directory, name, file), bytes: Buffer.byteLength(text), times: [] };
  };
  const [index, service] = [timed("index.mjs"), timed(SERVICE)];
  return { name, ...index, service: { ...service, bytes: index.bytes + service.bytes } };
}

/** As anyone bundles the two clients, with the options of infra/constructs/bundle.ts that are not about our own code. */
async function bundleFloor(directory: string): Promise<Bundled> {
  const path = join(directory, "floor", "index.mjs");
  await build({
    entryPoints: [join(PACKAGE_ROOT, "test/bench/support/two-clients.ts")],
    outfile: path,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    mainFields: ["module", "main"],
    banner: {
      js: 'import{createRequire}from"node:module";const require=createRequire(import.meta.url);',
    },
    minify: true,
    legalComments: "none",
    logLevel: "silent",
  });
  return { name: "floor", path, bytes: (await stat(path)).size, times: [] };
}

/** Milliseconds until it is loaded, and until what comes after it is. In a process of its own: a module is loaded once. */
async function load({ path, service }: Bundled): Promise<readonly [number, number]> {
  const paths = [path, ...(service ? [service.path] : [])].map((file) => pathToFileURL(file).href);
  const script = ["--input-type=module", "--eval", LOAD, ...paths];
  const { stdout } = await promisify(execFile)(process.execPath, script, {
    env: { ...process.env, ...ENV },
  }).catch(({ stdout: said }: { stdout?: string }) => {
    throw new Error(`${path} does not load: ${said}`);
  });
  const [started, after]: readonly number[] = JSON.parse(stdout);
  if (started === undefined || after === undefined) throw new Error(`${path} told no times: ${stdout}`);
  return [started, after];
}

await runAlone(import.meta.url, benchColdLoad);
