import { spawnSync } from "node:child_process";
import { join } from "node:path";
import type { BuildOptions, Message } from "esbuild";
import { PACKAGE_ROOT } from "../package-files.ts";

const SCRIPT = join(PACKAGE_ROOT, "infra/constructs/esbuild-process.mjs");
/** Far more than Lambda takes. */
const MAX_OUTPUT_BYTES = 1 << 30;

export interface SyncBuild {
  /** Without plugins. The output is not written. */
  readonly options: BuildOptions;
  /** Of the modules that `require` finds under a name: the files, where they are others than those that `import` finds. */
  readonly commonjs: Readonly<Record<string, string>>;
}

export interface BuiltFile {
  /** Absolute, as if it had been written. */
  readonly path: string;
  readonly text: string;
}

/** What the process answers. */
type Answer =
  | { readonly files: readonly BuiltFile[]; readonly imports: readonly string[] }
  | { readonly errors: Message[] };

/** Runs esbuild, with `require` as Node has it, and waits for it. */
export function buildAndWait(build: SyncBuild): Answer {
  const { NODE_OPTIONS: _parents, ...env } = process.env;
  const { stdout, stderr, status, error } = spawnSync(process.execPath, [SCRIPT], {
    input: JSON.stringify(build),
    encoding: "utf8",
    env,
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`esbuild did not run:\n${stderr}`);
  const answer: Answer = JSON.parse(stdout);
  return answer;
}
