import { WebSocket } from "ws";
import type { Names } from "./scenario-names.ts";
import { type Entry, PATIENCE_MS, Trace } from "./scenario-trace.ts";

/** How an upgrade ends. */
const ENDS: ReadonlySet<string> = new Set(["open", "refused", "closed"]);

/** A WebSocket without any Socket.IO in it, for what the official client never sends. Records frames as they come. */
export class RawClient {
  readonly name: string;
  readonly trace: Trace;
  readonly #dial: () => WebSocket;
  #socket: WebSocket;

  constructor(name: string, url: string, names: Names, headers: Readonly<Record<string, string>> = {}) {
    this.name = name;
    this.trace = new Trace(name);
    this.#dial = () => this.#recorded(new WebSocket(url, { headers, perMessageDeflate: false }), names);
    this.#socket = this.#dial();
  }

  #recorded(socket: WebSocket, names: Names): WebSocket {
    const record = (...entry: Entry): void => {
      if (socket === this.#socket) this.trace.push(entry);
    };
    socket.on("message", (data, isBinary) => {
      const text = data.toString();
      record(...(isBinary ? (["binary frame"] as const) : toEntry(text)));
      const id = /^40(?:\/[^,]*,)?(\{.*\})$/.exec(text)?.[1];
      if (id) names.learn(sidOf(id), this.name);
    });
    // No close code: a server's close() is 1005 on the wire, API Gateway's DELETE is not documented.
    socket.on("close", () => record("closed"));
    socket.on("unexpected-response", (request, response) => {
      record("refused", response.statusCode);
      response.resume();
      request.destroy();
    });
    // What follows an error is "close" or "unexpected-response", which are recorded.
    socket.on("error", () => {});
    return socket;
  }

  send(frame: string | Buffer): void {
    this.#socket.send(frame);
  }

  /** The next frame that nobody has waited for yet. */
  async frame(): Promise<string> {
    const [, text] = await this.trace.next("a frame", ([kind]) => kind === "frame");
    return String(text);
  }

  /** Connects again, as clients do, where the server was too busy to open a connection in time. */
  async opened(): Promise<Entry> {
    for (;;) {
      const entry = await this.trace.next("the Engine.IO open packet", ([kind]) => ENDS.has(kind));
      const [kind, status] = entry;
      if (kind === "open") return entry;
      if (kind === "refused" && Number(status) < 500) throw new Error(`${this.name} was refused: ${status}`);
      this.trace.clear();
      this.#socket = this.#dial();
    }
  }

  closed(): Promise<Entry> {
    return this.trace.next("the end of the connection", ([kind]) => kind === "closed");
  }

  refused(): Promise<Entry> {
    return this.trace.next("a refused upgrade", ([kind]) => kind === "refused");
  }

  /** A close frame with this code; without one, the close frame has none (1005). */
  close(code?: number): void {
    this.#socket.close(code);
  }

  /** Drops the TCP connection without a close frame. */
  terminate(): void {
    this.#socket.terminate();
  }

  async stop(): Promise<void> {
    this.trace.close();
    if (this.#socket.readyState === WebSocket.CLOSED) return;
    const closed = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${this.name} could not close`)), PATIENCE_MS);
      this.#socket.once("close", () => {
        clearTimeout(timer);
        resolve();
      });
    });
    this.#socket.terminate();
    await closed;
  }
}

/** The values in the open packet are each server's own; that it is one, and which upgrades it offers, is protocol. */
function toEntry(text: string): Entry {
  if (!text.startsWith("0{")) return ["frame", text];
  const open: unknown = JSON.parse(text.slice(1));
  if (typeof open !== "object" || open === null) return ["frame", text];
  return ["open", Object.keys(open).sort(), "upgrades" in open ? open.upgrades : undefined];
}

function sidOf(json: string): string {
  const connect: unknown = JSON.parse(json);
  if (typeof connect === "object" && connect !== null && "sid" in connect) return String(connect.sid);
  throw new Error(`a CONNECT answer without sid: ${json}`);
}
