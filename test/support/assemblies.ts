import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { type SynthOptions, synthesize } from "../../infra/local/synth.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const CACHE = join(ROOT, "node_modules", ".cache", "skysocket-assemblies");
/** Directories of sources: applications in them import nothing but each other and packages. */
const SOURCES = ["lambdas", "infra", "test/apps"];
/** Which packages are installed, and how they and we are compiled. `node_modules/.package-lock.json` is npm's own note. */
const SETTINGS = ["package.json", "package-lock.json", "tsconfig.json", "node_modules/.package-lock.json"];
/** An assembly that no test asked for in so long is removed, in milliseconds. */
const KEPT_MS = 24 * 60 * 60_000;
/** How a directory says that it cannot be put in the place of another one. */
const TAKEN: ReadonlySet<unknown> = new Set(["ENOTEMPTY", "EEXIST"]);

export type AssemblyOptions = Pick<
  SynthOptions,
  "app" | "cdkApp" | "ordered" | "routeResponses" | "throttle"
>;

/**
 * Directory of the assembly that `synthesize` would make now, not to be written to. It is kept for the other tests and the next
 * runs under a hash of all that goes in, so no change goes unseen.
 * @throws SynthError, as `synthesize`
 */
export async function assemblyOf(options: AssemblyOptions): Promise<string> {
  const directory = join(CACHE, await keyOf(options));
  const now = new Date();
  if (await isMade(directory, now)) return directory;
  await mkdir(CACHE, { recursive: true });
  await removeOld(now);
  const own = `${directory}.${randomBytes(6).toString("hex")}`;
  try {
    await synthesize({ ...options, outdir: own });
    await rename(own, directory);
  } catch (error) {
    await rm(own, { recursive: true, force: true });
    // Another worker has just made the same one.
    if (!isTaken(error)) throw error;
  }
  return directory;
}

/** Whether the application is one of those whose every change is seen. */
export const isKept = (app: string): boolean =>
  SOURCES.some((directory) => resolve(app).startsWith(join(ROOT, directory) + sep));

async function keyOf({ app, cdkApp, ...options }: AssemblyOptions): Promise<string> {
  const entries = [app, cdkApp].map((path) => path && relative(ROOT, resolve(path)));
  const hash = createHash("sha256").update(JSON.stringify([process.version, entries, options]));
  for (const path of [...SETTINGS, ...(await sources())]) {
    hash.update(`\0${path}\0`).update(readFileSync(join(ROOT, path)));
  }
  return hash.digest("hex").slice(0, 32);
}

async function sources(): Promise<string[]> {
  const lists = SOURCES.map(async (directory) => {
    const entries = await readdir(join(ROOT, directory), { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
  });
  return (await Promise.all(lists)).flat().sort();
}

/** Notes that it is in use, too. */
async function isMade(directory: string, now: Date): Promise<boolean> {
  return await utimes(directory, now, now).then(
    () => true,
    () => false,
  );
}

/** Old ones, and what a process left that was ended while it made one. */
async function removeOld(now: Date): Promise<void> {
  for (const name of await readdir(CACHE)) {
    const directory = join(CACHE, name);
    const used = await stat(directory).catch(() => undefined);
    if (used && now.getTime() - used.mtimeMs > KEPT_MS) await rm(directory, { recursive: true, force: true });
  }
}

/** In a test Node's own errors are no `Error`: each test file has a global object of its own. */
const isTaken = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "code" in error && TAKEN.has(error.code);
