import { type CliOptions, HELP, parseOptions } from "./cli-options.ts";
import { formatLine, oneLine, readyLine, readyText } from "./cli-output.ts";
import { type LocalCloud, startLocalCloud } from "./cloud.ts";
import { LocalCloudError } from "./errors.ts";
import { CLOUD } from "./logs.ts";
import type { LogLine } from "./model.ts";
import { SynthError } from "./synth.ts";
import { TemplateError } from "./template/errors.ts";
import { SourceWatcher } from "./watch.ts";

const PARENT_CHECK_MS = 500;

/** `npm run dev`: the local cloud for a person, or with `--json` for a program. */
async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop.abort());
  if (process.env.npm_lifecycle_event !== undefined) onOrphaned(() => stop.abort());
  const print = printer(options.json ? process.stderr : process.stdout);
  try {
    await run(options, print, stop.signal);
  } catch (error) {
    // Whoever stops a start that is under way gets what he wants.
    if (!stop.signal.aborted) throw error;
  }
}

async function run(options: CliOptions, print: (line: LogLine) => void, signal: AbortSignal): Promise<void> {
  const { app, port, hosts, dynamodb, instances: instancesInTurn, json } = options;
  const cloud = await startLocalCloud({ app, port, hosts, dynamodb, instancesInTurn, onLog: print, signal });
  try {
    const say = (level: LogLine["level"], text: string) => cloud.logs.add(level, text);
    const watcher = await SourceWatcher.start({
      app,
      onChange: () => rebuild(cloud, say, signal),
      onError: (error) => say("warn", `Changes of the application may go unnoticed: ${oneLine(error)}`),
    });
    process.stdout.write(json ? `${readyLine(cloud)}\n` : readyText(cloud, app));
    await aborted(signal);
    await watcher.close();
  } finally {
    await cloud.stop();
  }
}

async function rebuild(
  cloud: LocalCloud,
  say: (level: LogLine["level"], text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const startedAt = performance.now();
  try {
    await cloud.reload();
    say("info", `Rebuilt in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
  } catch (error) {
    if (signal.aborted) return;
    say("error", `Not rebuilt; the previous code stays in use: ${oneLine(error)}`);
  }
}

function printer(stream: NodeJS.WriteStream): (line: LogLine) => void {
  const colors = stream.isTTY && !process.env.NO_COLOR;
  return (line) => stream.write(`${formatLine(line, colors)}\n`);
}

/**
 * Calls `listener` when the parent process has gone. `npm run dev` that is told to end (SIGTERM) ends the shell between
 * itself and this process, and the shell passes nothing on.
 */
function onOrphaned(listener: () => void): void {
  const { ppid } = process;
  const timer = setInterval(() => {
    if (process.ppid === ppid) return;
    clearInterval(timer);
    listener();
  }, PARENT_CHECK_MS);
  timer.unref();
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
}

/** Mistakes of a user are told in one line; anything else is ours and comes with its stack. */
function explain(error: unknown): string {
  const isUsers =
    error instanceof LocalCloudError || error instanceof SynthError || error instanceof TemplateError;
  if (isUsers) return oneLine(error);
  return `${CLOUD} failed: ${error instanceof Error ? error.stack : String(error)}`;
}

main().then(
  // A stopped cloud leaves nothing behind; should it do so one day, Ctrl-C must still end it.
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${explain(error)}\n`, () => process.exit(1));
  },
);
