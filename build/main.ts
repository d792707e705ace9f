/** `npm run build`: makes of the sources what is published, in `dist/`. */
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bundle } from "./bundles.ts";
import { declare } from "./declarations.ts";
import { writeLicenses } from "./licenses.ts";
import { DIST } from "./package.ts";
import { vendor } from "./vendored.ts";

await rm(DIST, { recursive: true, force: true });
await writeLicenses([...(await bundle()), ...(await vendor())]);
for (const [format, type] of [
  ["esm", "module"],
  ["cjs", "commonjs"],
] as const) {
  // Node and TypeScript ask the nearest package.json what a `.js` and a `.d.ts` are.
  await writeFile(join(DIST, format, "package.json"), `${JSON.stringify({ type })}\n`);
}
await declare();
