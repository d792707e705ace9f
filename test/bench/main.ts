/**
 * All benches. `npm run bench` prints a table, `-- --json` one object, `-- --docs` writes docs/PERFORMANCE.md and its plots;
 * `-- --from FILE` takes the numbers of an earlier `--json` instead of measuring. Ends with 1 when a bar is missed.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { availableParallelism, cpus, loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { benchCalls } from "./calls.ts";
import { benchColdLoad } from "./cold-load.ts";
import { benchEcho } from "./echo.ts";
import { benchEventCpu } from "./event-cpu.ts";
import { benchFanOut } from "./fan-out.ts";
import { benchPost } from "./post.ts";
import { priceOf } from "./price.ts";
import type { Results } from "./results.ts";
import { benchServer } from "./server.ts";
import { markdownOf, plotsOf, textOf } from "./support/report.ts";
import { missedBars } from "./support/rows.ts";
import { benchThroughput } from "./throughput.ts";

const DOCS = fileURLToPath(new URL("../../docs/", import.meta.url));

/** One after the other: each wants the machine for itself. */
async function measure(): Promise<Results> {
  const part = async <T>(name: string, bench: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    process.stderr.write(`${name} …\n`);
    const result = await bench();
    process.stderr.write(`${name}: ${((performance.now() - start) / 1000).toFixed(0)} s\n`);
    return result;
  };
  const parts = {
    ...(await part("post", benchPost)),
    ...(await part("cold load", benchColdLoad)),
    ...(await part("event", benchEventCpu)),
    ...(await part("echo", benchEcho)),
    ...(await part("events a second", benchThroughput)),
    ...(await part("calls", benchCalls)),
    ...(await part("fan-out", benchFanOut)),
    ...(await part("stock server", benchServer)),
  };
  return { ...parts, ...priceOf(parts) };
}

/** Others' work before ours began: what is measured beside it, takes longer. */
const [loadBefore = 0] = loadavg();

async function writeDocs(results: Results): Promise<void> {
  const machine =
    `${availableParallelism()} cores (${cpus()[0]?.model ?? "unknown"}), Node.js ${process.versions.node}, ` +
    `load average ${loadBefore.toFixed(1)} before it began`;
  await mkdir(`${DOCS}performance`, { recursive: true });
  for (const [name, svg] of Object.entries(plotsOf(results)))
    await writeFile(`${DOCS}performance/${name}`, svg);
  await writeFile(`${DOCS}PERFORMANCE.md`, markdownOf(results, machine));
}

// The SDK's note about the version of Node.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
const { values } = parseArgs({
  options: { json: { type: "boolean" }, docs: { type: "boolean" }, from: { type: "string" } },
});
const results: Results = values.from ? JSON.parse(await readFile(values.from, "utf8")) : await measure();
if (values.docs) await writeDocs(results);
process.stdout.write(`${values.json ? JSON.stringify(results) : textOf(results)}\n`);
for (const missed of missedBars(results)) {
  process.stderr.write(`missed: ${missed}\n`);
  // No process.exit: what is written to a pipe may still be on its way.
  process.exitCode = 1;
}
