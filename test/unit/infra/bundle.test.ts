import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { App, Stack } from "aws-cdk-lib";
import { Architecture, Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import { bundleCode } from "../../../infra/constructs/bundle.ts";

/** Prints what the bundle gave the entry, in a Node that knows nothing of this repository. */
const ENTRY = `
import app from "skysocket-app";
export const handler = async () => app;
`;

let root: string;

beforeAll(async () => {
  // A space and an umlaut, as in people's home directories.
  root = await mkdtemp(join(tmpdir(), "sky söcket "));
  await writeFile(join(root, "entry.ts"), ENTRY);
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

/** Writes files below a directory of its own and returns the path of the first. */
async function project(name: string, files: Record<string, string>): Promise<string> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(root, name, path, ".."), { recursive: true });
    await writeFile(join(root, name, path), text);
  }
  return join(root, name, Object.keys(files)[0] ?? "");
}

/** Bundles as the construct does. The directory of the asset, whose name ends in the hash. */
async function bundle(app: string, outdir: string, sourceMap = false): Promise<string> {
  const cdk = new App({ outdir, analyticsReporting: false, builtinCloudFormationValidation: false });
  new LambdaFunction(new Stack(cdk, "Stack"), "Function", {
    code: bundleCode({ entry: join(root, "entry.ts"), app, sourceMap, required: true }),
    handler: "index.handler",
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
  });
  cdk.synth();
  const asset = (await readdir(outdir)).find((name) => name.startsWith("asset."));
  return join(outdir, asset ?? "no asset");
}

/** What the handler of a bundle resolves to, as JSON, run by a plain Node. */
async function run(asset: string): Promise<unknown> {
  const script = `const { handler } = await import(${JSON.stringify(pathToFileURL(join(asset, "index.mjs")).href)});
    console.log(JSON.stringify(await handler()));`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
  return JSON.parse(stdout);
}

const STRANGER = {
  "app.ts": `
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { Server } from "skysocket";
import { answer } from "./lib/answer.ts";
import legacy from "legacy";
const require = createRequire(import.meta.url);
const __dirname = dirname(fileURLToPath(import.meta.url));
export default {
  server: typeof Server,
  answer: answer satisfies number,
  legacy,
  platform: require("node:os").platform(),
  here: __dirname.length > 0,
};`,
  "lib/answer.ts": "export const answer: number = 42;",
  "node_modules/legacy/package.json": '{ "name": "legacy", "main": "index.js" }',
  "node_modules/legacy/index.js":
    'const { sep } = require("path"); module.exports = { sep, dir: typeof __dirname, file: __filename.endsWith("index.mjs") };',
};

const COMMONJS = {
  "app.cjs": `
const io = require("skysocket")(require("http").createServer(), { cors: { origin: "*" } });
const open = require("database");
exports.made = io instanceof require("skysocket").Server;
exports.dual = require("dual")();
exports.rows = open("built-in");
try { open("other"); } catch (error) { exports.missing = error.code; }`,
  // With a build for each kind of modules.
  "node_modules/dual/package.json": '{ "name": "dual", "main": "main.js", "module": "module.mjs" }',
  "node_modules/dual/main.js": 'module.exports = () => "main";',
  "node_modules/dual/module.mjs": 'export default () => "module";',
  // Asks for a driver when it needs it, which is not installed.
  "node_modules/database/package.json": '{ "name": "database", "main": "index.js" }',
  "node_modules/database/index.js": `
const drivers = { "built-in": () => "built-in", other: () => require("driver-that-nobody-has") };
module.exports = (name) => drivers[name]();`,
};

describe("bundling a stranger's application", () => {
  test("anywhere on the disk, importing skysocket, its own files and its own CommonJS packages", async () => {
    const asset = await bundle(await project("stranger", STRANGER), join(root, "out-stranger"));
    expect(await readdir(asset)).toEqual(["index.mjs"]);
    expect(await run(asset)).toEqual({
      server: "function",
      answer: 42,
      legacy: { sep: "/", dir: "string", file: true },
      platform: process.platform,
      here: true,
    });
  });

  test("of CommonJS, whose require gives what it gives in Node", async () => {
    const app = await project("commonjs", COMMONJS);
    expect(await run(await bundle(app, join(root, "out-commonjs")))).toEqual({
      made: true,
      dual: "main",
      rows: "built-in",
      missing: "MODULE_NOT_FOUND",
    });
  });

  test("gives the same bytes and the same hash wherever the file and the output are", async () => {
    const first = await bundle(await project("here", STRANGER), join(root, "out-1"));
    const second = await bundle(await project("somewhere/else", STRANGER), join(root, "deeper/out-2"));
    expect(second.split("asset.")[1]).toBe(first.split("asset.")[1]);
    const [bytes, others] = await Promise.all(
      [first, second].map((asset) => readFile(join(asset, "index.mjs"), "utf8")),
    );
    expect(others).toBe(bytes);
    expect(bytes).not.toContain(root);
  });

  test("gives another hash when an imported file changes", async () => {
    const first = await bundle(await project("before", STRANGER), join(root, "out-before"));
    const changed = { ...STRANGER, "lib/answer.ts": "export const answer: number = 43;" };
    const second = await bundle(await project("after", changed), join(root, "out-after"));
    expect(second.split("asset.")[1]).not.toBe(first.split("asset.")[1]);
  });

  test("two applications of one CDK app do not share a bundle", async () => {
    const outdir = join(root, "out-two");
    const cdk = new App({ outdir, analyticsReporting: false, builtinCloudFormationValidation: false });
    for (const value of ["one", "two"]) {
      const app = await project(value, { "app.ts": `export default "${value}";` });
      new LambdaFunction(new Stack(cdk, value), "Function", {
        code: bundleCode({ entry: join(root, "entry.ts"), app, sourceMap: false, required: true }),
        handler: "index.handler",
        runtime: Runtime.NODEJS_24_X,
      });
    }
    cdk.synth();
    const assets = (await readdir(outdir)).filter((name) => name.startsWith("asset."));
    expect((await Promise.all(assets.map((name) => run(join(outdir, name))))).sort()).toEqual(["one", "two"]);
  });

  test("ships a source map on request", async () => {
    const app = await project("mapped", { "app.ts": "export default 1;" });
    const asset = await bundle(app, join(root, "out-mapped"), true);
    expect((await readdir(asset)).sort()).toEqual(["index.mjs", "index.mjs.map"]);
    expect(await readFile(join(asset, "index.mjs"), "utf8")).toMatch(
      /\/\/# sourceMappingURL=index\.mjs\.map\s*$/,
    );
  });
});

describe("an application that cannot be bundled", () => {
  test.each([
    ["a syntax error", "export default [1 2];", [/app\.ts:1:18/, /Expected "]" but found "2"/]],
    [
      "an import of nothing",
      'import "nowhere"; export default 1;',
      [/Could not resolve "nowhere"/, /app\.ts:1:7/, /Install the package of "nowhere"/, /^(?!.*external)/s],
    ],
    [
      "an import of a file of another kind",
      'import addon from "./addon.node"; export default addon;',
      [/No loader is configured for "\.node"/, /read other files at run time/],
    ],
    [
      "an import of socket.io",
      'import { Server } from "socket.io"; export default new Server();',
      [/Could not resolve "socket\.io"/, /Import from "skysocket" instead/],
    ],
    [
      "a default import of the library",
      'import Server from "skysocket"; export default new Server();',
      [/No matching export/, /\{ Server \} from "skysocket"/],
    ],
    ["no default export", "export const io = 1;", [/No matching export/, /export default io;/]],
  ])("%s is told with its place and a way out", async (what, text, messages) => {
    const app = await project(`broken ${what}`, { "app.ts": text, "addon.node": "" });
    expect.assertions(messages.length + 2);
    try {
      bundleCode({ entry: join(root, "entry.ts"), app, sourceMap: false, required: true });
    } catch (error) {
      expect(error).toMatchObject({ name: "SkysocketConfigError", code: "ENTRY_NOT_BUNDLED" });
      const message = error instanceof Error ? error.message : "";
      expect(message.startsWith(`The application ${app} cannot be bundled:\n`)).toBe(true);
      for (const pattern of messages) expect(message).toMatch(pattern);
    }
  });
});
