import { statSync } from "node:fs";
import { extname, resolve } from "node:path";
import { SkysocketConfigError } from "./errors.ts";

const EXTENSIONS = [".ts", ".mts", ".cts", ".tsx", ".js", ".mjs", ".cjs", ".jsx"];

/**
 * The absolute path of an application module.
 * @param entry absolute, or relative to the working directory
 * @throws SkysocketConfigError when there is no such file, or esbuild would not take it for a module
 */
export function resolveEntry(entry: string): string {
  const path = resolve(entry);
  if (!EXTENSIONS.includes(extname(path))) {
    throw new SkysocketConfigError(
      "ENTRY_NOT_FOUND",
      `The application module has to be a JavaScript or TypeScript file, but got "${entry}". ` +
        `Allowed endings: ${EXTENSIONS.join(" ")}. Pass the file that default-exports your Server.`,
    );
  }
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) {
    throw new SkysocketConfigError(
      "ENTRY_NOT_FOUND",
      `There is no application module "${entry}" (looked for ${path}). ` +
        "Pass the path of the file that default-exports your Server, absolute or relative to the working directory.",
    );
  }
  return path;
}
