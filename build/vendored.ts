/**
 * What the local cloud and the construct need of other packages goes into the package: with them as dependencies, a function would
 * install a native addon and fifty packages more that it never loads.
 */
import { cp, mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { DIST, ROOT } from "./package.ts";

const resolve = (path: string): string => createRequire(import.meta.url).resolve(path);

/** Of socket.io-client's files, those that the page loads. */
const CLIENT_FILES = ["socket.io.esm.min.js", "socket.io.esm.min.js.map"];

/** @returns the files that went in, for their licenses */
export async function vendor(): Promise<string[]> {
  const local = join(DIST, "esm/infra/local");
  await mkdir(join(local, "socket.io-client"), { recursive: true });
  const client = dirname(resolve("socket.io-client/dist/socket.io.js"));
  for (const name of CLIENT_FILES) await cp(join(client, name), join(local, "socket.io-client", name));
  return [
    join(client, "index.js"),
    ...(await bundleDynalite(join(local, "dynamodb/dynalite.cjs"))),
    ...(await bundleBabel(join(DIST, "esm/infra/constructs/in-memory/babel.cjs"))),
  ];
}

/** esbuild follows `require("./actions/" + name)` if the ending of the files is there, too. */
const whole: Plugin = {
  name: "whole file names",
  setup(plugged) {
    plugged.onLoad({ filter: /\bdynalite\/index\.js$/ }, async ({ path }) => ({
      contents: (await readFile(path, "utf8")).replace(
        /require\(('\.\/\w+\/' \+ action)\)/g,
        "require($1 + '.js')",
      ),
    }));
  },
};

const bundleDynalite = (outfile: string): Promise<string[]> =>
  bundle(outfile, {
    entryPoints: [resolve("dynalite")],
    // Only for tables in files, which we have none of: a native addon.
    alias: { level: "memory-level" },
    plugins: [whole],
  });

const bundleBabel = (outfile: string): Promise<string[]> =>
  bundle(outfile, {
    stdin: {
      contents: 'exports.parser = require("@babel/parser"); exports.traverse = require("@babel/traverse");',
      resolveDir: ROOT,
    },
  });

async function bundle(outfile: string, options: BuildOptions): Promise<string[]> {
  const { metafile } = await build({
    ...options,
    absWorkingDir: ROOT,
    outfile,
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "node20.18",
    metafile: true,
    logLevel: "warning",
  });
  return Object.keys(metafile.inputs).flatMap((path) => (path.startsWith("<") ? [] : join(ROOT, path)));
}
