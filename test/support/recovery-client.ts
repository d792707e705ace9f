import type { Plan } from "./recovery-application.ts";
import type { Ledger, Moment } from "./recovery-ledger.ts";
import type { Peer, SimulatedCloud, SimulatedConnection } from "./simulated-cloud.ts";
import { Life, type Simulation } from "./simulation.ts";

/** A session as its client has lived through it: all that came with one pid. */
export interface Session {
  readonly pid: string;
  readonly sid: string;
  /** Numbers in the order of their arrival, repeated ones too. */
  readonly received: number[];
  /** The client came back for it: when it said so, and the number of the offset it had. */
  readonly resumes: { readonly asked: Moment; readonly from: number | undefined }[];
  /** The client left on purpose. */
  left?: Moment;
}

/** What a client was answered when it came back. */
export interface Return {
  readonly asked: Moment;
  readonly session: Session;
  readonly recovered: boolean;
}

/** How a connection is cut: who notices it when, in milliseconds. */
export interface Cut {
  readonly gatewayMs: number;
  readonly clientMs: number;
  /** Not before so many more events have arrived. */
  readonly afterEvents?: number;
}

/** The client gives up a connection that does not come to its `40`, in milliseconds. */
const CONNECT_TIMEOUT_MS = 45_000;
const RECONNECT_DELAYS_MS = [0, 20, 300, 2_000] as const;

/**
 * What socket.io-client 4.8 does (lib/socket.ts): it keeps the pid of the last `40`, and as its offset the last argument of any
 * event, if that is a string; it says both when it connects, whatever the pid is by then; events before `40` are handed over
 * after it. It connects again whenever it has lost its connection.
 */
export class RecoveryClient {
  readonly sessions: Session[] = [];
  readonly returns: Return[] = [];
  /** Events that arrived before `40`: there must be none. */
  early = 0;
  refusals = 0;
  readonly #delays: readonly number[];
  readonly #simulation: Simulation;
  readonly #cloud: SimulatedCloud;
  readonly #ledger: Ledger;
  readonly #numbers = new Map<string, number>();
  #offset: string | undefined;
  #asked: Moment | undefined;
  #connection: SimulatedConnection | undefined;
  /** Counts connections: what an earlier one still says is not heard. */
  #turn = 0;
  #connected = false;
  #waiting: (() => void)[] = [];
  #patience = new AbortController();
  #armed: { readonly cut: Cut; events: number } | undefined;
  /** Cuts that are to come once the next connections are there, the first one first. */
  #cuts: (Cut & { readonly afterMs: number })[] = [];

  /** @param delays before it connects again, in milliseconds: one of them */
  constructor(
    simulation: Simulation,
    cloud: SimulatedCloud,
    ledger: Ledger,
    delays: readonly number[] = RECONNECT_DELAYS_MS,
  ) {
    this.#delays = delays;
    this.#simulation = simulation;
    this.#cloud = cloud;
    this.#ledger = ledger;
  }

  get session(): Session | undefined {
    return this.sessions.at(-1);
  }

  /** Connected as far as it knows. */
  get connected(): boolean {
    return this.#connected;
  }

  get connection(): SimulatedConnection | undefined {
    return this.#connection;
  }

  start(): void {
    void this.#connect();
  }

  async whenConnected(): Promise<void> {
    if (!this.#connected) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  say(plans: readonly Plan[]): void {
    this.send(["say", plans]);
  }

  change(what: "join" | "leave", room: string): void {
    this.send([what, room, this.#ledger.now()]);
  }

  /** The network goes; `again` are cuts of the connections that follow, each so long after it began to connect. */
  cut(cut: Cut, again: readonly (Cut & { readonly afterMs: number })[] = []): void {
    this.#cuts.push(...again);
    this.#arm(cut);
  }

  /** `disconnect()`, then `connect()`. */
  quit(): void {
    const { session } = this;
    if (session) session.left ??= this.#ledger.now();
    const connection = this.#connection;
    if (connection) {
      this.#cloud.send(connection, "41");
      this.#cloud.close(connection, 1005);
    }
    this.#lost(this.#turn);
  }

  send(event: readonly unknown[]): void {
    if (this.#connection) this.#cloud.send(this.#connection, `42${JSON.stringify(event)}`);
  }

  #arm(cut: Cut): void {
    if (cut.afterEvents === undefined) this.#cut(cut);
    else this.#armed = { cut, events: cut.afterEvents };
  }

  #cut({ gatewayMs, clientMs }: Cut): void {
    this.#armed = undefined;
    const turn = this.#turn;
    if (this.#connection) this.#cloud.cut(this.#connection, gatewayMs);
    void this.#sleep(clientMs).then(() => this.#lost(turn));
  }

  async #connect(): Promise<void> {
    const turn = ++this.#turn;
    const peer: Peer = {
      receive: (frame) => {
        if (turn === this.#turn) this.#receive(frame);
      },
      closed: () => this.#lost(turn),
    };
    const patience = new AbortController();
    this.#patience = patience;
    const connection = await this.#cloud.connect(peer);
    if (!connection) return this.#lost(turn);
    this.#connection = connection;
    const cut = this.#cuts.shift();
    if (cut) void this.#sleep(cut.afterMs).then(() => turn === this.#turn && this.#arm(cut));
    await this.#simulation.clock(new Life()).sleep(CONNECT_TIMEOUT_MS, patience.signal);
    if (patience.signal.aborted || turn !== this.#turn) return;
    this.#cloud.close(connection, 1006);
    this.#lost(turn);
  }

  #lost(turn: number): void {
    if (turn !== this.#turn) return;
    this.#turn++;
    this.#connected = false;
    this.#connection = undefined;
    this.#armed = undefined;
    this.#patience.abort();
    const delay = this.#delays[Math.floor(this.#simulation.random() * this.#delays.length)];
    void this.#sleep(delay ?? 0).then(() => this.#connect());
  }

  #receive(frame: string): void {
    const [kind, payload] = [frame.slice(0, 2), frame.slice(2)];
    if (kind === "0{") this.#opened();
    else if (kind === "40") this.#accepted(JSON.parse(payload));
    else if (kind === "44") this.refusals++;
    else if (kind === "42" && !this.#connected) this.early++;
    else if (kind === "42") this.#event(JSON.parse(payload));
  }

  #opened(): void {
    this.#asked = this.#ledger.now();
    const pid = this.session && { pid: this.session.pid, offset: this.#offset };
    const { place, ms } = this.#asked;
    const auth = { ...pid, began: { place, ms } };
    if (this.#connection) this.#cloud.send(this.#connection, `40${JSON.stringify(auth)}`);
  }

  #accepted({ sid, pid }: { readonly sid: string; readonly pid: string }): void {
    const before = this.session;
    const asked = this.#asked ?? this.#ledger.now();
    const recovered = before !== undefined && before.pid === pid;
    if (before) this.returns.push({ asked, session: before, recovered });
    if (recovered) {
      const from = this.#offset === undefined ? undefined : this.#numbers.get(this.#offset);
      before.resumes.push({ asked, from });
    } else {
      this.sessions.push({ pid, sid, received: [], resumes: [] });
    }
    this.#connected = true;
    this.#patience.abort();
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #event(event: readonly unknown[]): void {
    const [name, n] = event;
    const last = event.at(-1);
    if (name === "n" && typeof n === "number") this.session?.received.push(n);
    if (typeof last !== "string") return;
    this.#offset = last;
    // One that comes late, by a resume, bears the offset of another.
    if (typeof n === "number" && !this.#numbers.has(last)) this.#numbers.set(last, n);
    if (this.#armed && this.#armed.events-- === 0) this.#cut(this.#armed.cut);
  }

  async #sleep(ms: number): Promise<void> {
    if (ms > 0) await this.#simulation.clock(new Life()).sleep(ms);
  }
}
