import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { AssetHashType, DockerImage } from "aws-cdk-lib";
import { Code } from "aws-cdk-lib/aws-lambda";
import {
  type BuildFailure,
  type BuildOptions,
  buildSync,
  formatMessagesSync,
  type OutputFile,
} from "esbuild";
import { PACKAGE_ROOT } from "./entry.ts";
import { SkysocketConfigError } from "./errors.ts";

export interface BundleOptions {
  /** Absolute path of the function's entry. */
  readonly entry: string;
  /** Absolute path of the user's application, which entries import as `skysocket-app`. */
  readonly app: string;
  readonly sourceMap: boolean;
  /** False where CDK asks for a template only; nothing is built then. */
  readonly required: boolean;
}

/**
 * CommonJS packages in an ES module bundle still call `require` for Node's own modules and read `__dirname`. The latter two
 * go through `define`, under names that no module of an application can have declared itself.
 */
const COMMONJS_NAMES = [
  'import{createRequire as __skysocketCreateRequire}from"node:module";',
  'import{fileURLToPath as __skysocketToPath}from"node:url";',
  "const require=__skysocketCreateRequire(import.meta.url),",
  "__skysocketFilename=__skysocketToPath(import.meta.url),",
  '__skysocketDirname=__skysocketToPath(new URL(".",import.meta.url)).slice(0,-1);',
].join("");

/**
 * A function's code: one minified ES module with everything in it, the AWS SDK too (AWS advises to bundle it for short cold
 * starts: https://aws.amazon.com/blogs/developer/reduce-lambda-cold-start-times-migrate-to-aws-sdk-for-javascript-v3/).
 *
 * esbuild is called in process, not through `NodejsFunction`: that one starts `npx esbuild` in a directory that has to hold
 * a lock file and the entry (not so once this package is installed), turns to Docker when it fails, and reports a typing
 * error in the application as "npx … exited with status 1".
 * @throws SkysocketConfigError when the application cannot be bundled
 */
export function bundleCode(options: BundleOptions): Code {
  const files = options.required ? build(options) : [];
  return Code.fromAsset(PACKAGE_ROOT, {
    assetHashType: AssetHashType.CUSTOM,
    assetHash: options.required ? hashOf(files) : "not-bundled",
    bundling: {
      // Never started: the local provider below always succeeds. CDK demands the property.
      image: DockerImage.fromRegistry("none"),
      local: {
        tryBundle(outputDir: string): boolean {
          for (const file of files) writeFileSync(join(outputDir, basename(file.path)), file.contents);
          return true;
        },
      },
    },
  });
}

function hashOf(files: readonly OutputFile[]): string {
  const hash = createHash("sha256");
  for (const file of files) hash.update(basename(file.path)).update("\0").update(file.contents);
  return hash.digest("hex");
}

function build(options: BundleOptions): OutputFile[] {
  try {
    return buildSync({ ...buildOptions(options), write: false }).outputFiles;
  } catch (error) {
    if (!isBuildFailure(error)) throw error;
    throw new SkysocketConfigError("ENTRY_NOT_BUNDLED", explain(error, options), { cause: error });
  }
}

function buildOptions({ entry, app, sourceMap }: BundleOptions): BuildOptions {
  return {
    entryPoints: [entry],
    // Only names the output: nothing is written here, and source maps hold paths relative to it, hence the same everywhere.
    outfile: join(PACKAGE_ROOT, "dist", "index.mjs"),
    // Messages name files relative to it: as the user would.
    absWorkingDir: process.cwd(),
    alias: { "skysocket-app": app, skysocket: join(PACKAGE_ROOT, "lambdas/server/index.ts") },
    bundle: true,
    platform: "node",
    format: "esm",
    // The oldest Node that the local cloud runs the same bundle on; Lambda's is newer.
    target: "node20",
    // ES modules first: they can be tree-shaken, CommonJS cannot.
    mainFields: ["module", "main"],
    define: { __filename: "__skysocketFilename", __dirname: "__skysocketDirname" },
    banner: { js: COMMONJS_NAMES },
    minify: true,
    legalComments: "none",
    sourcemap: sourceMap ? "linked" : false,
    logLevel: "silent",
  };
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return typeof error === "object" && error !== null && "errors" in error && Array.isArray(error.errors);
}

/** esbuild's own words with file and line, and what to do about the two mistakes that everybody makes once. */
function explain(failure: BuildFailure, options: BundleOptions): string {
  const details = formatMessagesSync(failure.errors, { kind: "error" }).join("").trim();
  const texts = failure.errors.map((error) => error.text);
  const advice: string[] = [];
  if (texts.some((text) => text.startsWith("Could not resolve") && text.includes('"socket.io"'))) {
    advice.push('Import from "skysocket" instead of "socket.io".');
  }
  if (texts.some((text) => text.includes('for import "default"'))) {
    advice.push("Default-export the Server: `export default io;`.");
  }
  return [`The application ${options.app} cannot be bundled:`, details, ...advice].join("\n");
}
