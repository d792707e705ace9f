import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type InputOptions, type OutputOptions, rolldown } from "rolldown";
import { builtName } from "../infra/package-files.ts";
import { CLIENT, COMMONJS, DIST, INTERNAL, PUBLIC, ROOT } from "./package.ts";

/**
 * Packages that go into our files. Of the first four we use a part, or another build than Node would take, and whoever bundles our
 * files as ES modules would otherwise meet their `require` of Node's modules, which esbuild does not translate. The others
 * are the local cloud's, of which build/vendored.ts says why.
 */
const INCLUDED = [
  "undici",
  "socket.io-parser",
  "@socket.io/component-emitter",
  "devalue",
  "ws",
  "velocityjs",
];

/** As in infra/constructs/bundle.ts: the parser without its logging. */
const QUIET_PARSER = join(createRequire(import.meta.url).resolve("socket.io-parser"), "../../esm/index.js");

const isIncluded = (id: string): boolean => INCLUDED.some((name) => id === name || id.startsWith(`${name}/`));
const isRelative = (id: string): boolean => id.startsWith(".") || id.startsWith("/");

const server: InputOptions = {
  cwd: ROOT,
  platform: "node",
  external: (id) => !isRelative(id) && !isIncluded(id),
  resolve: { alias: { "socket.io-parser": QUIET_PARSER } },
  transform: { target: "node20.18" },
};

const client: InputOptions = {
  cwd: ROOT,
  platform: "neutral",
  external: (id) => !isRelative(id),
  transform: { target: "es2022" },
};

/**
 * All entries of a kind together: what they have in common is there once, or `connect(io)` would not know our Server.
 * @returns the files that went in
 */
export async function bundle(): Promise<string[]> {
  const esm = await write(server, [...PUBLIC, ...INTERNAL], { format: "esm", dir: join(DIST, "esm") });
  await write(
    server,
    PUBLIC.map((path) => COMMONJS[path] ?? path),
    { format: "cjs", dir: join(DIST, "cjs") },
  );
  await copyCommonjs();
  await write(client, [CLIENT], { format: "esm", dir: join(DIST, "esm") });
  await write(client, [CLIENT], { format: "cjs", dir: join(DIST, "cjs") });
  return esm;
}

async function write(
  options: InputOptions,
  paths: readonly string[],
  output: OutputOptions,
): Promise<string[]> {
  const input = Object.fromEntries(paths.map((path) => [builtName(path), path]));
  const build = await rolldown({ ...options, input });
  try {
    const written = await build.write({
      ...output,
      entryFileNames: "[name]",
      chunkFileNames: "chunks/[name]-[hash].js",
      sourcemap: true,
    });
    return written.output.flatMap((file) => (file.type === "chunk" ? file.moduleIds : []));
  } finally {
    await build.close();
  }
}

/** For the construct, which bundles the ES modules with applications of either kind: as it is, it finds its neighbor there. */
async function copyCommonjs(): Promise<void> {
  for (const path of Object.values(COMMONJS)) {
    const text = await readFile(join(ROOT, path), "utf8");
    await writeFile(join(DIST, "esm", path), text.replace('"./index.ts"', '"./index.js"'));
  }
}
