import { pathToFileURL } from "node:url";

/** Runs a bench and prints what it measured, if its file is what Node was started with. */
export async function runAlone(moduleUrl: string, bench: () => Promise<unknown>): Promise<void> {
  if (pathToFileURL(process.argv[1] ?? "").href !== moduleUrl) return;
  process.stdout.write(`${JSON.stringify(await bench(), undefined, 2)}\n`);
}
