/** package.json, tsconfig.json and the build name the same sources. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { CLIENT, COMMONJS, INTERNAL, PUBLIC, ROOT } from "../../../build/package.ts";

const read = (name: string) => JSON.parse(readFileSync(join(ROOT, name), "utf8"));
const { exports, files } = read("package.json");
const { paths } = read("tsconfig.json").compilerOptions;

const built = (format: string, source: string, ending: string): string =>
  `./dist/${format}/${source.replace(/\.ts$/, ending)}`;

const entry = (source: string) => ({
  import: { types: built("esm", source, ".d.ts"), default: built("esm", source, ".js") },
  require: { types: built("cjs", source, ".d.ts"), default: built("cjs", COMMONJS[source] ?? source, ".js") },
});

const names = Object.keys(exports).filter((name) => name !== "./package.json");

test.each(names)("%s is a source's code and declarations, for import and require", (name) => {
  const source = String(paths[name.replace(".", "skysocket")]).replace("./", "");
  expect([...PUBLIC, CLIENT]).toContain(source);
  expect(exports[name]).toEqual(entry(source));
});

test("everything that is built for users has a name", () => {
  expect(names.length).toBe(PUBLIC.length + 1);
});

test("what is built is there", () => {
  const sources = [...PUBLIC, CLIENT, ...Object.values(COMMONJS), ...INTERNAL];
  expect(sources.filter((source) => !existsSync(join(ROOT, source)))).toEqual([]);
});

test("no source is published as TypeScript but the example, which is there to be read", () => {
  const sources = files.filter((file: string) => /^(lambdas|infra|client|build)/.test(file));
  expect(sources).toEqual([
    "lambdas/app.ts",
    "lambdas/protocol/*.md",
    "infra/constructs/esbuild-process.mjs",
    "infra/local/lambda/bootstrap.mjs",
    "infra/local/page",
  ]);
});
