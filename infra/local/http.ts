/** What the HTTP fronts of the emulated services share. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { FAULTLESS, type Faults } from "./faults.ts";

/** A request read to its end. */
export interface HttpRequest {
  readonly method: string;
  /** Path and query as they were sent. */
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

export interface HttpService {
  /** `http://127.0.0.1:<port>`, without a trailing slash. */
  readonly endpoint: string;
  /** Ends open requests, too. */
  close(): Promise<void>;
}

/**
 * An AWS endpoint on a free port of the loopback interface; what `handle` throws is answered with 500 and told to `onError`.
 * @param faults happen to the callers
 */
export async function serve(
  handle: (request: HttpRequest) => Promise<HttpResponse>,
  onError: (error: unknown) => void,
  faults: Faults = FAULTLESS,
): Promise<HttpService> {
  const pending = new Set<Promise<void>>();
  const server = createServer((incoming, outgoing) => {
    const work = respond(
      incoming,
      outgoing,
      (request) => faults(request, () => handle(request)),
      onError,
    ).finally(() => pending.delete(work));
    pending.add(work);
  });
  // A frozen function keeps its connections, however long it is frozen. If this side closed them, its next invocation
  // would write into a dead socket and see ECONNRESET, which AWS's endpoints do only after minutes.
  server.keepAliveTimeout = 0;
  await listen(server);
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("No port was given to the endpoint");
  const { port }: AddressInfo = address;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    async close() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      server.closeAllConnections();
      await closed;
      await Promise.all(pending);
    },
  };
}

async function listen(server: Server): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
}

async function respond(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  handle: (request: HttpRequest) => Promise<HttpResponse | undefined>,
  onError: (error: unknown) => void,
): Promise<void> {
  try {
    const body = await readBody(incoming);
    // The caller left before it had said everything: a worker that was terminated.
    if (body === undefined) return;
    const { method = "GET", url = "/", headers } = incoming;
    const response = await handle({ method, url, headers, body });
    if (outgoing.destroyed) return;
    if (response === undefined) {
      outgoing.destroy();
      return;
    }
    outgoing.writeHead(response.status, {
      ...response.headers,
      "content-length": String(Buffer.byteLength(response.body)),
    });
    outgoing.end(response.body);
  } catch (error) {
    onError(error);
    if (!outgoing.headersSent) outgoing.writeHead(500);
    outgoing.end();
  }
}

async function readBody(incoming: IncomingMessage): Promise<Buffer | undefined> {
  return await new Promise<Buffer | undefined>((resolve) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => resolve(Buffer.concat(chunks)));
    incoming.on("error", () => resolve(undefined));
    incoming.on("close", () => resolve(undefined));
  });
}
