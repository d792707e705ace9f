import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PAGE = join(ROOT, "infra/local/page");
const CLIENT = join(ROOT, "node_modules/socket.io-client/dist");
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".map": "application/json",
};

export interface PageServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Serves the page as the local cloud does, for a chat that runs elsewhere; its `/events` never says anything. */
export async function servePage(chat: { readonly url: string; readonly path: string }): Promise<PageServer> {
  const server = createServer((request, response) => {
    respond(request, response, chat).catch((error: unknown) => response.destroy(Error(String(error))));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the page's server has no port");
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${address.port}`, stop };
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  chat: { readonly url: string; readonly path: string },
): Promise<void> {
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  if (pathname === "/config.json") {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ url: chat.url, path: chat.path }));
  } else if (pathname === "/events") {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    response.write(": nothing happens here\n\n");
  } else {
    await sendFile(response, fileOf(pathname));
  }
}

function fileOf(pathname: string): string {
  const path = normalize(pathname === "/" ? "/index.html" : decodeURIComponent(pathname));
  const client = "/socket.io-client/";
  return path.startsWith(client) ? join(CLIENT, path.slice(client.length)) : join(PAGE, path);
}

async function sendFile(response: ServerResponse, file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
  createReadStream(file).pipe(response);
}
