import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { AssetHashType, DockerImage } from "aws-cdk-lib";
import { Code } from "aws-cdk-lib/aws-lambda";
import { type BuildOptions, buildSync, formatMessagesSync, type Message } from "esbuild";
import { codeFile, PACKAGE_ROOT } from "../package-files.ts";
import { SkysocketConfigError } from "./errors.ts";
import { type BuiltFile, buildAndWait } from "./esbuild-sync.ts";

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
 * What a start does without stays files of their own, which Node loads when they are first asked for. No code is shared with
 * them: esbuild's splitting would, and make each start load the shared pieces, one file after the other.
 */
const LAZY = [
  "lambdas/aws/skysocket-service.mjs",
  "lambdas/aws/skysocket-event-streams.mjs",
  "lambdas/gateway/skysocket-connections-client.mjs",
];

/**
 * The parser's build for Node logs through `debug`, which loads more than the parser itself; the other one is the same
 * without.
 */
const SOCKET_IO_PARSER = join(
  createRequire(import.meta.url).resolve("socket.io-parser"),
  "../../esm/index.js",
);

/** `require("skysocket")` is a function, as with Socket.IO. */
const COMMONJS = { skysocket: codeFile("lambdas/server/api/commonjs.cjs") };

/**
 * A function's code: one minified ES module with everything in it but {@link LAZY}, what is used of the AWS SDK too (AWS
 * advises to bundle it for short cold starts:
 * https://aws.amazon.com/blogs/developer/reduce-lambda-cold-start-times-migrate-to-aws-sdk-for-javascript-v3/).
 *
 * esbuild is called as a library, not through `NodejsFunction`: that one starts `npx esbuild` in a directory that has to hold
 * a lock file and the entry (not so once this package is installed), turns to Docker when it fails, and reports a typing
 * error in the application as "npx … exited with status 1".
 * @throws SkysocketConfigError when the application cannot be bundled
 */
export function bundleCode(options: BundleOptions): Code {
  const files = options.required ? bundleFiles(options) : [];
  return Code.fromAsset(PACKAGE_ROOT, {
    assetHashType: AssetHashType.CUSTOM,
    assetHash: options.required ? hashOf(files) : "not-bundled",
    bundling: {
      // Never started: the local provider below always succeeds. CDK demands the property.
      image: DockerImage.fromRegistry("none"),
      local: {
        tryBundle(outputDir: string): boolean {
          for (const file of files) writeFileSync(join(outputDir, basename(file.path)), file.text);
          return true;
        },
      },
    },
  });
}

function hashOf(files: readonly BuiltFile[]): string {
  const hash = createHash("sha256");
  for (const file of files) hash.update(basename(file.path)).update("\0").update(file.text);
  return hash.digest("hex");
}

/**
 * The files of {@link bundleCode}, named as they are deployed: `index.mjs` and what it loads later.
 * @throws SkysocketConfigError when the application cannot be bundled
 */
export function bundleFiles(options: Omit<BundleOptions, "required">): BuiltFile[] {
  const built = buildAndWait({ options: buildOptions(options), commonjs: COMMONJS });
  if ("errors" in built) throw new SkysocketConfigError("ENTRY_NOT_BUNDLED", explain(built.errors, options));
  const names = new Set(built.imports.map((path) => basename(path)));
  const later = LAZY.filter((path) => names.has(basename(path)));
  return [...built.files, ...later.flatMap((path) => lazyFiles(path, options))];
}

/** By what they depend on: the functions of a stack load the same ones. */
const lazy = new Map<string, BuiltFile[]>();

function lazyFiles(path: string, options: Omit<BundleOptions, "required">): BuiltFile[] {
  const key = JSON.stringify([path, options.app, options.sourceMap]);
  const files = lazy.get(key) ?? buildLazy(path, options);
  lazy.set(key, files);
  return files;
}

function buildLazy(path: string, options: Omit<BundleOptions, "required">): BuiltFile[] {
  const { outputFiles } = buildSync({
    ...buildOptions(options),
    entryPoints: [codeFile(path)],
    outfile: join(PACKAGE_ROOT, "dist", basename(path)),
    alias: aliases(options.app),
    external: [],
    metafile: false,
    write: false,
  });
  return outputFiles;
}

function buildOptions({ entry, app, sourceMap }: Omit<BundleOptions, "required">): BuildOptions {
  return {
    entryPoints: [entry],
    // Only names the output: nothing is written here, and source maps hold paths relative to it, hence the same everywhere.
    outfile: join(PACKAGE_ROOT, "dist", "index.mjs"),
    // Messages name files relative to it: as the user would.
    absWorkingDir: process.cwd(),
    alias: { ...aliases(app), "@smithy/core/event-streams": "./skysocket-event-streams.mjs" },
    bundle: true,
    external: LAZY.map((path) => `*/${basename(path)}`),
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
    metafile: true,
    write: false,
  };
}

function aliases(app: string): Record<string, string> {
  return {
    "skysocket-app": app,
    skysocket: codeFile("lambdas/server/api/index.ts"),
    "skysocket/outside": codeFile("lambdas/functions/outside.ts"),
    "socket.io-parser": SOCKET_IO_PARSER,
    // The application's own clients find theirs in the environment too.
    "@aws-sdk/credential-provider-node": codeFile("lambdas/aws/environment-credentials.ts"),
    "@aws-sdk/endpoint-cache": codeFile("lambdas/aws/endpoint-cache.ts"),
  };
}

/** Advice of esbuild's about its own options, which nobody can set here. */
const ABOUT_ESBUILD = /\b(mark the (path|package)|external|loader|plugin|platform)\b/i;

/** esbuild's own words with file and line, and what to do about the mistakes that everybody makes once. */
function explain(failures: readonly Message[], options: Pick<BundleOptions, "app">): string {
  const errors = failures.map((error) => ({
    ...error,
    notes: error.notes.filter(({ text }) => !ABOUT_ESBUILD.test(text)),
  }));
  const details = formatMessagesSync(errors, { kind: "error" }).join("").trim();
  const texts = failures.map((error) => error.text);
  const advice: string[] = [];
  if (texts.some((text) => text.startsWith("Could not resolve") && text.includes('"socket.io"'))) {
    advice.push('Import from "skysocket" instead of "socket.io".');
  }
  const packages = texts.flatMap((text) => /^Could not resolve "([^./"][^"]*)"/.exec(text)?.[1] ?? []);
  for (const name of new Set(packages.filter((one) => one !== "socket.io"))) {
    advice.push(`Install the package of "${name}" in your project, or remove the import.`);
  }
  if (texts.some((text) => text.startsWith("No loader is configured"))) {
    advice.push(
      "A bundle holds JavaScript, TypeScript, JSON and text: read other files at run time from where they are stored.",
    );
  }
  const missing = texts.filter((text) => text.includes('for import "default"'));
  if (missing.some((text) => /lambdas\/server\/api\/index\.[jt]s/.test(text))) {
    advice.push('Import by name, { Server } from "skysocket": it has no default export.');
  } else if (missing.length > 0) {
    advice.push("Default-export the Server: `export default io;`.");
  }
  return [`The application ${options.app} cannot be bundled:`, details, ...advice].join("\n");
}
