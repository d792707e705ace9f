import { createRequire } from "node:module";
import { join } from "node:path";
import { type InputOptions, type OutputOptions, rolldown } from "rolldown";
import { CLIENT, COMMONJS, DIST, INTERNAL, PUBLIC, ROOT } from "./package.ts";

/**
 * Packages of which we use a part, or another build than Node would take: they go into our files. Whoever bundles those as ES
 * modules would otherwise meet their `require` of Node's modules, which esbuild does not translate.
 */
const INCLUDED = ["undici", "socket.io-parser", "@socket.io/component-emitter"];

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

/** All entries of a kind together: what they have in common is there once, or `connect(io)` would not know our Server. */
export async function bundle(): Promise<void> {
  await write(server, [...PUBLIC, ...INTERNAL], { format: "esm", dir: join(DIST, "esm") });
  await write(
    server,
    PUBLIC.map((path) => COMMONJS[path] ?? path),
    { format: "cjs", dir: join(DIST, "cjs") },
  );
  await write(client, [CLIENT], { format: "esm", dir: join(DIST, "esm") });
  await write(client, [CLIENT], { format: "cjs", dir: join(DIST, "cjs") });
}

async function write(options: InputOptions, paths: readonly string[], output: OutputOptions): Promise<void> {
  const input = Object.fromEntries(paths.map((path) => [nameOf(path), path]));
  const build = await rolldown({ ...options, input });
  try {
    await build.write({
      ...output,
      entryFileNames: "[name]",
      chunkFileNames: "chunks/[name]-[hash].js",
      sourcemap: true,
    });
  } finally {
    await build.close();
  }
}

/** Of the file: that of its source, and the seams of a bundle (`.mjs`) keep theirs whole. */
const nameOf = (path: string): string => path.replace(/\.(ts|cjs)$/, ".js");
