import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { ApiGateway } from "./api-gateway/api-gateway.ts";
import { LocalCloudError } from "./errors.ts";
import type { EventStream } from "./event-stream.ts";
import type { Hosts } from "./hosts.ts";
import { sendStaticFile } from "./static-files.ts";

/** Of an upgrade that is not to be, before the reason. */
const CLOSING = {
  forbidden: "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n",
  unavailable: "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n",
};

const MAX_REFUSALS_TOLD = 20;

/** What the server shows once the cloud is up. */
export interface PublicContent {
  readonly gateway: ApiGateway;
  readonly events: EventStream;
  /** Of `/config.json`: how a client connects. The page does under the name that it was loaded from. */
  readonly config: { readonly url: string; readonly path: string };
}

export interface PublicServerOptions {
  /** 0 takes a free one. */
  readonly port: number;
  readonly hosts: Hosts;
  readonly onError: (error: unknown) => void;
  /** Told once of each name that is not answered. */
  readonly onRefused: (message: string) => void;
}

/** The one port of the local cloud: the API Gateway's stages, and the page beside them. */
export class PublicServer {
  readonly port: number;
  readonly #servers: readonly Server[];
  readonly #options: PublicServerOptions;
  readonly #pending = new Set<Promise<void>>();
  readonly #refused = new Set<string>();
  #content: PublicContent | undefined;

  private constructor(servers: readonly Server[], port: number, options: PublicServerOptions) {
    this.#servers = servers;
    this.port = port;
    this.#options = options;
    for (const server of servers) {
      // A frozen function keeps its connections for as long as it is frozen, and must not find them closed when it wakes.
      server.keepAliveTimeout = 0;
      server.on("request", (request, response) => this.#track(this.#respond(request, response)));
      server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
    }
  }

  /** Throws LocalCloudError if the port cannot be had. */
  static async listen(options: PublicServerOptions): Promise<PublicServer> {
    const servers: Server[] = [];
    let { port } = options;
    try {
      for (const address of options.hosts.addresses) {
        const server = await listen(port, address);
        servers.push(server);
        port = portOf(server);
      }
    } catch (error) {
      for (const server of servers) server.close();
      throw error;
    }
    return new PublicServer(servers, port, options);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Until then every request gets 503. */
  show(content: PublicContent): void {
    this.#content = content;
  }

  async close(): Promise<void> {
    const closed = this.#servers.map(
      (server) =>
        new Promise<void>((resolve) => {
          server.close(() => resolve());
        }),
    );
    this.#content?.events.close();
    for (const server of this.#servers) server.closeAllConnections();
    await Promise.all([...closed, ...this.#pending]);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Without a listener, a client that goes away now would end the process.
    socket.on("error", () => socket.destroy());
    const refusal = this.#refusalOf(request);
    if (refusal !== undefined) socket.end(`${CLOSING.forbidden}${refusal}\n`);
    else if (this.#content) this.#content.gateway.handleUpgrade(request, socket, head);
    else socket.end(CLOSING.unavailable);
  }

  #refusalOf({ headers: { host } }: IncomingMessage): string | undefined {
    const { hosts, onRefused } = this.#options;
    if (hosts.allows(host)) return undefined;
    const refusal = hosts.refusal(host);
    // Bounded: names are whatever somebody sends.
    if (this.#refused.size < MAX_REFUSALS_TOLD && !this.#refused.has(refusal)) {
      this.#refused.add(refusal);
      onRefused(refusal);
    }
    return refusal;
  }

  #track(work: Promise<void>): void {
    const tracked: Promise<void> = work.finally(() => this.#pending.delete(tracked));
    this.#pending.add(tracked);
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#route(request, response);
    } catch (error) {
      // Whoever left before the end of the answer is no fault of ours.
      if (response.destroyed) return;
      this.#options.onError(error);
      if (!response.headersSent) response.writeHead(500);
      response.end();
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refusal = this.#refusalOf(request);
    if (refusal !== undefined) {
      response.writeHead(403, { "content-type": "text/plain" }).end(`${refusal}\n`);
      return;
    }
    const content = this.#content;
    if (content === undefined) {
      response.writeHead(503, { "retry-after": "1" }).end();
      return;
    }
    if (await content.gateway.handleRequest(request, response)) return;
    const pathname = request.url?.split("?", 1)[0] ?? "/";
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD" }).end();
    } else if (pathname === "/config.json") {
      response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
      response.end(JSON.stringify({ ...content.config, latestEvent: content.events.latest }));
    } else if (pathname === "/events") {
      content.events.add(response, lastEventOf(request));
    } else if (!(await sendStaticFile(pathname, response))) {
      response.writeHead(404, { "content-type": "text/plain" }).end("Not found\n");
    }
  }
}

/** After which event a reader goes on: EventSource says it in a header when it comes back, and the page in the query. */
function lastEventOf({ url = "", headers }: IncomingMessage): number | undefined {
  const said = headers["last-event-id"] ?? new URL(url, "http://local").searchParams.get("after");
  return typeof said === "string" && /^\d{1,15}$/.test(said) ? Number(said) : undefined;
}

async function listen(port: number, address: string): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(explain(error, port, address)));
    server.listen(port, address, resolve);
  });
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port");
  return address.port;
}

function explain(error: Error, port: number, address: string): Error {
  const cause = "code" in error ? error.code : undefined;
  if (cause === "EADDRNOTAVAIL") {
    return new LocalCloudError(
      "OPTIONS_INVALID",
      `This machine does not have the address ${address}. --host takes one of its own, 0.0.0.0 for all of them, or a name.`,
      { cause: error },
    );
  }
  if (cause !== "EADDRINUSE" && cause !== "EACCES") return error;
  const why = cause === "EACCES" ? "needs rights that you do not have" : "is in use";
  return new LocalCloudError(
    "PORT_NOT_FREE",
    `Port ${port} ${why}. Stop what listens there or take another one: --port 0 takes any that is free.`,
    { cause: error },
  );
}
