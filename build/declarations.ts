import { execFile } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { CLIENT, DIST, PUBLIC, ROOT } from "./package.ts";

const EMITTED = join(DIST, "declarations");

/** Relative imports in a declaration: `from "…"`, `import("…")`, `declare module "…"`. */
const IMPORTS = /(\bfrom |\bimport\(|\bimport |\bdeclare module )"(\.[^"]*)\.ts"/g;

/**
 * Writes the declarations of what users import, and of all that those name, for both module formats. They stay the files that
 * they are: some add to an interface of another file, which no bundler of declarations follows.
 */
export async function declare(): Promise<void> {
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  await promisify(execFile)(process.execPath, [
    tsc,
    "-p",
    join(ROOT, "build/tsconfig.json"),
    "--outDir",
    EMITTED,
  ]);
  const written = new Set<string>();
  for (const path of [...PUBLIC, CLIENT]) await write(declarationOf(path), written);
  await rm(EMITTED, { recursive: true });
}

/** The file, and those that it imports. */
async function write(path: string, written: Set<string>): Promise<void> {
  if (written.has(path)) return;
  written.add(path);
  const text = await readFile(join(EMITTED, path), "utf8");
  for (const format of ["esm", "cjs"]) {
    const file = join(DIST, format, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text.replace(IMPORTS, '$1"$2.js"'));
  }
  for (const [, , imported] of text.matchAll(IMPORTS)) {
    await write(join(dirname(path), `${imported}.d.ts`), written);
  }
}

const declarationOf = (path: string): string => path.replace(/\.ts$/, ".d.ts");
