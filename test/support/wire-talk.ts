import { EventEmitter, once } from "node:events";
import { expect } from "@jest/globals";
import { WebSocket } from "ws";
import type { Target } from "./scenario-target.ts";

/** Frames that a plain WebSocket sends, and what has to be different about the answers. */
export interface Talk {
  readonly name: string;
  /**
   * Sent one after the other. `<id>` stands for the id of the server's question, which is asked for first; its answer is waited
   * for in the end. `<2 heard>` is not sent, but waits until that many frames were heard: stock looks at a frame while it
   * still handles the one before, if it comes at once.
   */
  readonly frames: readonly string[];
  /** Sent before, and answered with one frame each. @default a CONNECT to "/" */
  readonly before?: readonly string[];
  /** Where we do not do what stock does. */
  readonly differs?: Difference;
}

export interface Difference {
  readonly why: string;
  readonly ours: readonly string[];
  /** In the line, only where the frames come in several batches: what one of them leaves unfinished the next need not look at. */
  readonly isOfBatches?: true;
}

/** A server that frames are sent to. */
export interface Listener {
  readonly target: Target;
  /** Frames come through the line. */
  readonly isOrdered?: boolean;
  /** Where frames are written in another format than in the talks. */
  readonly format?: Format;
}

export interface Format {
  write(frame: string): string;
  read(frame: string): string;
}

/** Namespaces that only these talks connect to: all that was sent before has been answered when the second one answers. */
const MARKERS = ["/first marker", "/second marker"] as const;
/** Milliseconds until what must come counts as missing, however busy the machine is. */
const PATIENCE_MS = 5 * 60_000;

/** What ours may answer to a talk. */
export const answersOf = (
  { differs }: Talk,
  theirs: readonly string[],
  { isOrdered }: Listener,
): (readonly string[])[] => {
  if (!differs) return [theirs];
  // A difference that has gone away must not stay written down.
  expect(theirs).not.toEqual(differs.ours);
  return differs.isOfBatches && isOrdered ? [theirs, differs.ours] : [differs.ours];
};

/** What the client saw after the open packet, with names for ids: frames in their order, `closed` if the server closed. */
export async function hear(talk: Talk, listener: Listener): Promise<readonly string[]> {
  const { url, path } = listener.target;
  const query = "EIO=4&transport=websocket&b64=1";
  const client = await connect(`${url.replace(/^http/, "ws")}${path}/?${query}`, listener.format);
  try {
    const conversation = new Conversation(client);
    for (const frame of talk.before ?? ["40"]) await conversation.ask(frame);
    await conversation.sendAll(talk.frames);
    await conversation.end();
    return conversation.heard();
  } catch (error) {
    throw new Error(`on ${listener.target.name}, having heard ${JSON.stringify(client.heard)}`, {
      cause: error,
    });
  } finally {
    await client.stop();
  }
}

/** Again, as clients do, where the server is too busy to open a connection in time. */
async function connect(url: string, format: Format | undefined): Promise<PlainClient> {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const client = new PlainClient(url, format);
    await client.until("the open packet", (heard) => heard.length > 0);
    if (!client.isClosed) return client;
    if (Date.now() > until) throw new Error(`${url} opened no connection in ${PATIENCE_MS} ms`);
  }
}

class Conversation {
  readonly #client: PlainClient;
  #askId: string | undefined;

  constructor(client: PlainClient) {
    this.#client = client;
  }

  /** Sends a frame and waits for another one. */
  async ask(frame: string): Promise<void> {
    const { length } = this.#client.heard;
    this.#send(frame);
    await this.#client.until(`an answer to ${frame}`, (heard) => heard.length > length);
  }

  async sendAll(frames: readonly string[]): Promise<void> {
    const asks = frames.some((frame) => frame.includes("<id>"));
    if (asks) await this.#question();
    for (const frame of frames) {
      const [, count] = /^<(\d+) heard>$/.exec(frame) ?? [];
      if (count !== undefined) await this.#client.until(frame, (heard) => heard.length > Number(count));
      if (this.#client.isClosed) return;
      if (count !== undefined) continue;
      this.#send(frame.replaceAll("<id>", this.#askId ?? ""));
    }
    if (!asks) return;
    await this.#client.until("the end of the question", (heard) =>
      heard.some((one) => one.startsWith('42["answered"')),
    );
  }

  /** All is said: the markers come back, or the connection is closed. */
  async end(): Promise<void> {
    for (const marker of MARKERS) {
      if (this.#client.isClosed) return;
      this.#send(`40${marker},`);
      await this.#client.until("a marker", (heard) => heard.some((one) => one.startsWith(`40${marker},`)));
    }
  }

  heard(): readonly string[] {
    const said = this.#client.heard
      .slice(1)
      .filter((one) => !MARKERS.some((marker) => one.startsWith(`40${marker},`)));
    return said.map((one) =>
      one.replace(/"sid":"[^"]+"/, '"sid":"…"').replace(/^42\d+\["question"/, '42<id>["question"'),
    );
  }

  async #question(): Promise<void> {
    this.#send('42["ask"]');
    const isQuestion = (one: string): boolean => /^42\d+\["question"/.test(one);
    await this.#client.until("the question", (heard) => heard.some(isQuestion));
    this.#askId = /^42(\d+)/.exec(this.#client.heard.find(isQuestion) ?? "")?.[1];
  }

  #send(frame: string): void {
    this.#client.send(frame);
  }
}

/** A WebSocket and nothing more. */
class PlainClient {
  readonly heard: string[] = [];
  readonly closed: Promise<void>;
  isClosed = false;
  readonly #socket: WebSocket;
  readonly #format: Format | undefined;
  readonly #news = new EventEmitter();

  constructor(url: string, format: Format | undefined) {
    this.#format = format;
    this.#socket = new WebSocket(url, { perMessageDeflate: false });
    this.#socket.on("message", (data, isBinary) => this.#hear(isBinary ? "a binary frame" : data.toString()));
    this.closed = new Promise((resolve) => {
      this.#socket.on("close", () => {
        this.isClosed = true;
        this.#hear("closed");
        resolve();
      });
    });
    this.#socket.on("error", () => undefined); // its "close" follows
  }

  send(frame: string): void {
    this.#socket.send(this.#format ? this.#format.write(frame) : frame);
  }

  /** Waits until what was heard is enough, or the connection is closed. */
  async until(what: string, isEnough: (heard: readonly string[]) => boolean): Promise<void> {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    while (!isEnough(this.heard) && !this.isClosed) {
      await once(this.#news, "heard", { signal }).catch((cause: unknown) => {
        throw new Error(`waited ${PATIENCE_MS} ms in vain for ${what}`, { cause });
      });
    }
  }

  async stop(): Promise<void> {
    this.#socket.terminate();
    await this.closed;
  }

  #hear(frame: string): void {
    this.heard.push(this.#format ? this.#format.read(frame) : frame);
    this.#news.emit("heard");
  }
}
