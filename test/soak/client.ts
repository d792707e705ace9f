import { io, type Socket } from "socket.io-client";
import { type Change, EVERYBODY, type Ledger, now } from "./ledger.ts";

/** A session as its client has lived through it: all that came under one id. */
export interface Session {
  readonly sid: string;
  /** Ids of emits, in the order of their arrival, repeated ones too. */
  readonly received: number[];
  /** When each of them came first. */
  readonly arrivals: Map<number, number>;
  readonly joins: Change[];
  readonly leaves: Change[];
  /** From the cut to the `connect` after it, and the last emit that the client had. */
  readonly resumes: { readonly cut: number; readonly back: number; readonly last: number | undefined }[];
  /** The server has answered an event of it: whoever comes back for it has to be recovered. */
  entered: boolean;
  /** The client left on purpose. */
  left: boolean;
}

/** How a connection comes to its end. */
export type Cut = "closed" | "terminated" | "unnoticed";

export interface SoakTarget {
  readonly url: string;
  readonly path: string;
}

/** A client that has not got its `40` after this is cut off, in milliseconds; the heartbeat would do it after two minutes. */
const PATIENCE_MS = 10_000;
const ANSWER_MS = 8_000;

/** An official client, and what it sees. */
export class SoakClient {
  readonly name: string;
  readonly sessions: Session[] = [];
  /** Ids of letters, in the order of their arrival, repeated ones too. */
  readonly letters: number[] = [];
  /** Sessions that it came back for and did not get. */
  refused = 0;
  /** Times that it waited in vain for its `40`. */
  stalled = 0;
  readonly #ledger: Ledger;
  readonly #socket: Socket;
  #cutAt = now();
  #patience: NodeJS.Timeout | undefined;
  readonly #zombies = new Set<NodeJS.Timeout>();

  constructor(target: SoakTarget, name: string, ledger: Ledger, inboxes: readonly string[]) {
    this.name = name;
    this.#ledger = ledger;
    this.#socket = io(target.url, {
      path: target.path,
      transports: ["websocket"],
      forceNew: true,
      reconnectionDelay: 30,
      reconnectionDelayMax: 400,
      auth: { inboxes },
    });
    this.#socket.on("connect", () => this.#connected());
    this.#socket.on("disconnect", (reason) => this.#lost(reason));
    this.#socket.on("number", (id: number) => {
      const { session } = this;
      session?.received.push(id);
      if (session && !session.arrivals.has(id)) session.arrivals.set(id, now());
      ledger.news();
    });
    this.#socket.on("letter", (id: number, ack: () => void) => {
      this.letters.push(id);
      ack();
      ledger.news();
    });
    this.#socket.io.on("open", () => this.#impatient());
  }

  get session(): Session | undefined {
    return this.sessions.at(-1);
  }

  get connected(): boolean {
    return this.#socket.connected;
  }

  get resumes(): number {
    return this.sessions.reduce((sum, { resumes }) => sum + resumes.length, 0);
  }

  /** The server's answer to an event; undefined if the connection was lost before, or it took too long. */
  async ask(event: string, ...args: unknown[]): Promise<boolean> {
    return await this.#socket
      .timeout(ANSWER_MS)
      .emitWithAck(event, ...args)
      .then(
        () => true,
        () => false,
      );
  }

  /** The network goes: without a word, with a close frame, or so that only the client notices. */
  cut(how: Cut, noticedMs = 0): void {
    const { engine } = this.#socket.io;
    // A manager does not notice the end of an engine that it is still opening, but by its timeout.
    if (engine.readyState !== "open") return;
    if (how === "closed") {
      engine.close();
      return;
    }
    const transport = engine.transport as unknown as WebSocketTransport | undefined;
    if (!transport?.ws) return;
    const { ws } = transport;
    if (how === "terminated") {
      ws.terminate();
      return;
    }
    ws.onmessage = null;
    ws.onclose = null;
    ws.onerror = () => undefined;
    const timer = setTimeout(() => {
      this.#zombies.delete(timer);
      ws.terminate();
    }, noticedMs);
    this.#zombies.add(timer);
    transport.onClose({ description: "nobody has noticed" });
  }

  /** `disconnect()`, then `connect()`: it begins another session. */
  quit(): void {
    if (this.session) this.session.left = true;
    this.#socket.disconnect();
    this.#socket.connect();
  }

  /** Whether it is connected, now or within the time. */
  async whenConnected(limitMs = 30_000): Promise<boolean> {
    return await this.#ledger.until(() => this.connected, limitMs);
  }

  stop(): void {
    clearTimeout(this.#patience);
    for (const timer of this.#zombies) clearTimeout(timer);
    this.#socket.removeAllListeners();
    this.#socket.disconnect();
  }

  #connected(): void {
    clearTimeout(this.#patience);
    const { session } = this;
    const { id: sid = "", recovered } = this.#socket;
    if (session && recovered && sid === session.sid) {
      session.resumes.push({ cut: this.#cutAt, back: now(), last: session.received.at(-1) });
    } else {
      if (recovered) throw new Error(`recovered as ${sid}, but was ${session?.sid}`);
      if (session?.entered && !session.left) this.refused++;
      const joins = ["lobby", sid, EVERYBODY].map((room): Change => ({ room, began: this.#cutAt }));
      const empty = {
        received: [],
        arrivals: new Map(),
        leaves: [],
        resumes: [],
        entered: false,
        left: false,
      };
      this.sessions.push({ sid, joins, ...empty });
    }
    void this.#enter();
    this.#ledger.news();
  }

  /** Events wait until the connection listeners are done: with the first answer the socket is in its rooms. */
  async #enter(): Promise<void> {
    const { session } = this;
    if (!session || session.entered || !(await this.ask("enter"))) return;
    session.entered = true;
    for (const join of session.joins.slice(0, 3)) join.resolved ??= now();
    this.#ledger.news();
  }

  #lost(reason: string): void {
    this.#cutAt = now();
    // Stock clients stay away after this one: an application that closes connections brings them back by hand.
    if (reason === "io server disconnect") this.#socket.connect();
  }

  #impatient(): void {
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => {
      if (this.connected) return;
      this.stalled++;
      this.#socket.io.engine.close();
    }, PATIENCE_MS);
  }
}

/** The parts of engine.io-client's transport that are not in its types. */
interface WebSocketTransport {
  readonly ws?: {
    onmessage: unknown;
    onclose: unknown;
    onerror: unknown;
    terminate(): void;
  };
  onClose(details: { readonly description: string }): void;
}
