import { type FSWatcher, watch } from "node:fs";
import { readdir } from "node:fs/promises";
import { dirname, extname, join, resolve } from "node:path";
import { build } from "esbuild";
import { IS_BUILT, PACKAGE_ROOT } from "../package-files.ts";

/** Our own sources: whatever changes in these directories may change the template or the bundles. */
const OWN_DIRECTORIES = IS_BUILT
  ? []
  : ["lambdas", "infra/constructs"].map((name) => join(PACKAGE_ROOT, name));

const SOURCE_EXTENSIONS = new Set([".ts", ".mts", ".cts", ".tsx", ".js", ".mjs", ".cjs", ".jsx", ".json"]);

/** Editors write a file in several steps, and "save all" writes several files. */
const DEBOUNCE_MS = 100;

export interface WatchOptions {
  /** The application module. */
  readonly app: string;
  /** Called after a change, never while the call before is still running. */
  readonly onChange: () => Promise<void>;
  readonly onError: (error: unknown) => void;
}

/** Watches the application, everything that it imports from its own files, and our own sources. */
export class SourceWatcher {
  readonly #options: WatchOptions;
  readonly #app: string;
  readonly #watchers = new Map<string, FSWatcher>();
  /** Files of the application's bundle; undefined while it cannot be bundled, since any file may mend it then. */
  #inputs: ReadonlySet<string> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #closed = false;

  private constructor(options: WatchOptions) {
    this.#options = options;
    this.#app = resolve(options.app);
  }

  /** Resolves when changes are seen. */
  static async start(options: WatchOptions): Promise<SourceWatcher> {
    const watcher = new SourceWatcher(options);
    await watcher.#refresh();
    return watcher;
  }

  /** Resolves when a call of `onChange` that is under way has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
    await this.#running;
  }

  /** Watches the directories of all sources as they are now. */
  async #refresh(): Promise<void> {
    this.#inputs = await inputsOf(this.#app);
    const own = await Promise.all(OWN_DIRECTORIES.map(directoriesIn));
    const wanted = new Set([dirname(this.#app), ...[...(this.#inputs ?? [])].map(dirname), ...own.flat()]);
    for (const [directory, watcher] of this.#watchers) {
      // While the application is broken its imports are unknown, so what was watched stays watched.
      if (this.#inputs === undefined || wanted.has(directory)) continue;
      watcher.close();
      this.#watchers.delete(directory);
    }
    for (const directory of wanted) if (!this.#watchers.has(directory)) this.#watch(directory);
  }

  /** Directories and not files: editors replace a file by another one of the same name, and a watch of the file would be lost. */
  #watch(directory: string): void {
    if (this.#closed) return;
    try {
      const watcher = watch(directory, (_event, name) => this.#changed(directory, name));
      watcher.on("error", this.#options.onError);
      this.#watchers.set(directory, watcher);
    } catch (error) {
      this.#options.onError(error);
    }
  }

  #changed(directory: string, name: string | null): void {
    if (name !== null && !this.#matters(join(directory, name))) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#again = true;
      this.#running ??= this.#run().finally(() => {
        this.#running = undefined;
      });
    }, DEBOUNCE_MS);
  }

  #matters(file: string): boolean {
    if (!SOURCE_EXTENSIONS.has(extname(file))) return this.#inputs?.has(file) ?? false;
    const isOwn = OWN_DIRECTORIES.some((directory) => file.startsWith(directory));
    return isOwn || (this.#inputs?.has(file) ?? true);
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false;
      try {
        await this.#refresh();
        await this.#options.onChange();
      } catch (error) {
        this.#options.onError(error);
      }
    }
  }
}

/** The files that esbuild would put into the application's bundle, packages left out; undefined if it cannot be bundled. */
async function inputsOf(app: string): Promise<ReadonlySet<string> | undefined> {
  try {
    const { metafile } = await build({
      entryPoints: [app],
      bundle: true,
      write: false,
      metafile: true,
      platform: "node",
      format: "esm",
      packages: "external",
      absWorkingDir: dirname(app),
      logLevel: "silent",
    });
    return new Set(Object.keys(metafile.inputs).map((input) => resolve(dirname(app), input)));
  } catch {
    // What is wrong with it is told by the synthesis.
    return undefined;
  }
}

/** The directory and all below it. */
async function directoriesIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true });
  const below = entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
  return [directory, ...below];
}
