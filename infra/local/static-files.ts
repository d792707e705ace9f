import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { dirname, extname, join, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { codeFile, IS_BUILT, PACKAGE_ROOT } from "../package-files.ts";

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".map": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
};

/** URL prefix → directory, the longest prefix first. */
const ROOTS: readonly (readonly [string, string])[] = [
  [
    "/socket.io-client/",
    IS_BUILT
      ? codeFile("infra/local/socket.io-client")
      : dirname(createRequire(import.meta.url).resolve("socket.io-client/dist/socket.io.js")),
  ],
  ["/", join(PACKAGE_ROOT, "infra/local/page")],
];

/** Sends a file of the page or of the official client's bundles; false if there is none under this path. */
export async function sendStaticFile(pathname: string, response: ServerResponse): Promise<boolean> {
  const file = fileOf(pathname);
  if (file === undefined) return false;
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) return false;
  response.writeHead(200, {
    "content-type": CONTENT_TYPES[extname(file)] ?? "application/octet-stream",
    "content-length": found.size,
    // Whoever edits the page wants to see the edit.
    "cache-control": "no-cache",
  });
  if (response.req.method === "HEAD") response.end();
  else await pipeline(createReadStream(file), response);
  return true;
}

/** The file that a URL path names, or undefined if it names something outside of its directory. */
function fileOf(pathname: string): string | undefined {
  const path = decode(pathname);
  const [prefix, root] = ROOTS.find(([start]) => path?.startsWith(start)) ?? [];
  if (path === undefined || prefix === undefined || root === undefined || path.includes("\0"))
    return undefined;
  const name = path.slice(prefix.length);
  const file = join(root, name === "" ? "index.html" : name);
  return file.startsWith(root + sep) ? file : undefined;
}

function decode(pathname: string): string | undefined {
  try {
    return decodeURIComponent(pathname);
  } catch {
    return undefined;
  }
}
