import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(import.meta.url);

/** False in the repository, where the sources run. */
export const IS_BUILT = !HERE.endsWith(".ts");

/** Not from the working directory, so that it also holds when the package sits in `node_modules`. */
export const PACKAGE_ROOT = rootAbove(dirname(HERE));

/** The absolute path of a source's code: itself, or what `npm run build` has made of it. */
export function codeFile(source: string): string {
  return IS_BUILT ? join(PACKAGE_ROOT, "dist/esm", builtName(source)) : join(PACKAGE_ROOT, source);
}

/**
 * The path in `dist/esm` of what is made of a source. The seams of a function's bundle (`.mjs`) are beside what imports them, as they
 * are in the bundle, which keeps those imports as they are.
 */
export function builtName(source: string): string {
  return source.endsWith(".mjs") ? `chunks/${basename(source)}` : source.replace(/\.ts$/, ".js");
}

/** Our own package.json is the one that has a name: those in `dist` only say what kind of modules is there. */
function rootAbove(directory: string): string {
  const above = dirname(directory);
  if (above === directory)
    throw new Error(`skysocket is not complete: there is no package.json above ${HERE}`);
  return hasName(join(directory, "package.json")) ? directory : rootAbove(above);
}

function hasName(file: string): boolean {
  try {
    const content: unknown = JSON.parse(readFileSync(file, "utf8"));
    return typeof content === "object" && content !== null && "name" in content;
  } catch {
    return false;
  }
}
