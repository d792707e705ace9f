import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { ApiGateway } from "./api-gateway/api-gateway.ts";
import { LocalCloudError } from "./errors.ts";
import type { EventStream } from "./event-stream.ts";
import { sendStaticFile } from "./static-files.ts";

const HOST = "127.0.0.1";

/** What the server shows once the cloud is up. */
export interface PublicContent {
  readonly gateway: ApiGateway;
  readonly events: EventStream;
  /** Of `/config.json`: how the page's client connects. */
  readonly config: { readonly url: string; readonly path: string };
}

/** The one port of the local cloud: the API Gateway's stages, and the page beside them. */
export class PublicServer {
  readonly port: number;
  readonly #server: Server;
  readonly #onError: (error: unknown) => void;
  readonly #pending = new Set<Promise<void>>();
  #content: PublicContent | undefined;

  private constructor(server: Server, port: number, onError: (error: unknown) => void) {
    this.#server = server;
    this.port = port;
    this.#onError = onError;
    // A frozen function keeps its connections for as long as it is frozen, and must not find them closed when it wakes.
    server.keepAliveTimeout = 0;
    server.on("request", (request, response) => this.#track(this.#respond(request, response)));
    server.on("upgrade", (request, socket, head) => {
      if (this.#content) this.#content.gateway.handleUpgrade(request, socket, head);
      else socket.end("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n");
    });
  }

  /** @param port 0 takes a free one. Throws LocalCloudError if the port cannot be had. */
  static async listen(port: number, onError: (error: unknown) => void): Promise<PublicServer> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error) => reject(explain(error, port)));
      server.listen(port, HOST, resolve);
    });
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("The server has no port");
    return new PublicServer(server, address.port, onError);
  }

  get url(): string {
    return `http://${HOST}:${this.port}`;
  }

  /** Until then every request gets 503. */
  show(content: PublicContent): void {
    this.#content = content;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    this.#content?.events.close();
    this.#server.closeAllConnections();
    await closed;
    await Promise.all(this.#pending);
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
      this.#onError(error);
      if (!response.headersSent) response.writeHead(500);
      response.end();
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
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
      response.end(JSON.stringify(content.config));
    } else if (pathname === "/events") {
      content.events.add(response);
    } else if (!(await sendStaticFile(pathname, response))) {
      response.writeHead(404, { "content-type": "text/plain" }).end("Not found\n");
    }
  }
}

function explain(error: Error, port: number): Error {
  const cause = "code" in error ? error.code : undefined;
  if (cause !== "EADDRINUSE" && cause !== "EACCES") return error;
  const why = cause === "EACCES" ? "needs rights that you do not have" : "is in use";
  return new LocalCloudError(
    "PORT_NOT_FREE",
    `Port ${port} ${why}. Stop what listens there or take another one: --port 0 takes any that is free.`,
    { cause: error },
  );
}
