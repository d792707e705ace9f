import { describeError } from "../common/errors.ts";
import { type Handshake, handshakeOf } from "../common/handshake.ts";
import { MAX_ANSWERS_BYTES } from "../common/row-limits.ts";
import type { NamespaceCore } from "../declared/namespace-core.ts";
import type { SocketFacade } from "../declared/socket-facade.ts";
import type { Invocation } from "../invocation/invocation.ts";
import type { Participant } from "../invocation/participant.ts";
import { type AnswerPlace, RecordedAnswers } from "../invocation/recorded-answers.ts";
import { type Scope, scopes } from "../invocation/scope.ts";
import { stopCallingTimer } from "../invocation/timers.ts";
import type { ErrorCode } from "../ports/error-codes.ts";
import type { ConnectionRecord, Json, SocketKey, SocketRecord } from "../ports/sockets.ts";
import type { Recipient } from "../posting/posts.ts";
import { ClientConnection } from "./client-connection.ts";
import { KeptState } from "./kept-state.ts";
import { Listeners } from "./listeners.ts";
import { Memberships } from "./memberships.ts";
import { SocketLife } from "./socket-life.ts";
import { Trace } from "./trace.ts";

/** What a new socket starts with; the same fields as a row that has nothing yet. */
export type SocketSeed = Pick<
  SocketRecord,
  | "connectionId"
  | "nsp"
  | "id"
  | "token"
  | "auth"
  | "data"
  | "props"
  | "rooms"
  | "spent"
  | "answers"
  | "trace"
  | "rerunMiddlewares"
  | "pid"
  | "recovered"
  | "resuming"
  | "left"
  | "forgotten"
>;

/** Everything the server knows of one socket in one invocation. The application sees it through its facade. */
export class SocketCore implements Participant {
  readonly invocation: Invocation;
  readonly nsp: NamespaceCore;
  readonly connection: ConnectionRecord;
  readonly key: SocketKey;
  readonly id: string;
  readonly auth: Json;
  /** Its session, when connection state recovery is on. */
  readonly pid: string | undefined;
  readonly recovered: boolean;
  readonly forgotten: string | undefined;
  client: ClientConnection;
  listeners = new Listeners();
  trace = new Trace();
  /** A replay of its listeners is not done at once: other code runs while it goes on. */
  replayWaits = false;
  /** Of the first run: what the replay is compared with. */
  firstTrace: string;
  rerunMiddlewares: boolean;
  readonly spent: Set<string>;
  /** What was got from outside in the first run. */
  readonly answers: RecordedAnswers;
  readonly memberships: Memberships;
  readonly life: SocketLife;
  /** What the application sees of it. */
  readonly facade: SocketFacade;
  #state: KeptState;
  #contextLost = false;
  #handshake: Handshake | undefined;

  constructor(
    invocation: Invocation,
    nsp: NamespaceCore,
    connection: ConnectionRecord,
    seed: SocketSeed,
    stage: "middleware" | "live",
  ) {
    this.invocation = invocation;
    this.nsp = nsp;
    this.connection = connection;
    this.client = new ClientConnection(connection);
    this.key = { connectionId: seed.connectionId, nsp: seed.nsp };
    this.id = seed.id;
    this.pid = seed.pid;
    this.recovered = seed.recovered ?? false;
    this.life = new SocketLife(stage, seed.resuming ?? false);
    this.forgotten = seed.forgotten;
    this.auth = seed.auth;
    this.firstTrace = seed.trace;
    this.rerunMiddlewares = seed.rerunMiddlewares;
    this.spent = new Set(seed.spent);
    this.answers = new RecordedAnswers(seed.answers);
    this.memberships = new Memberships(seed);
    this.facade = nsp.server.facades.socket(this);
    this.#state = new KeptState(this, seed);
    invocation.sockets.add(this);
  }

  /** What is kept of it between events. */
  get state(): KeptState {
    return this.#state;
  }

  /** One object for the socket's whole event. */
  get handshake(): Handshake {
    this.#handshake ??= this.client.rebuilt.add("handshake", handshakeOf(this.connection, this.auth));
    return this.#handshake;
  }

  /** What the first run of its listeners, in this very invocation, has left for the replays. */
  noteFirstRun({ trace, rerunMiddlewares }: Pick<SocketRecord, "trace" | "rerunMiddlewares">): void {
    this.firstTrace = trace;
    this.rerunMiddlewares = rerunMiddlewares;
  }

  /**
   * The next event of the same invocation is as the first: its listeners are those of a replay of its own, since what closures
   * keep would otherwise outlive an event by luck.
   */
  startOver(): void {
    if (!this.life.ready) return;
    this.reportLost();
    this.listeners = new Listeners();
    this.trace = new Trace();
    this.answers.rewind();
    this.client = new ClientConnection(this.connection);
    this.#handshake = undefined;
    this.life.startOver();
  }

  /** At the end of an event: says what its handlers have put where nothing is kept. */
  reportLost(): void {
    const names = this.life.reachable ? this.client.rebuilt.lost : [];
    if (names.length === 0) return;
    this.invocation.ports.log.warn(
      "SKY_CHANGE_LOST",
      `a handler has changed ${names.map((name) => `socket.${name}`).join(" and ")}, which is created again for each event: the next event will not see the change. Keep it in socket.data; what a middleware puts there is there in each event.`,
      { nsp: this.nsp.name, socket: this.id },
    );
  }

  get recipient(): Recipient {
    const { connectionId } = this.key;
    return { connectionId, connectedAt: this.connection.connectedAt, ...this.hold };
  }

  /** Posts to the socket's own connection; one that is gone is ended at the end of the invocation. */
  async send(frames: readonly string[]): Promise<void> {
    await this.invocation.posts.send(this.recipient, frames);
  }

  /** What member rows and recipients of this socket carry while its session is being resumed. */
  get hold(): { readonly hold?: string } {
    return this.life.resuming && this.pid !== undefined ? { hold: this.pid } : {};
  }

  /** Runs the application's code as this socket's: what it does through `socket` or `io` is told by this scope. */
  runAs<T>(scope: Pick<Scope, "mode" | "registering" | "middleware">, code: () => T): T {
    const { lane, stay } = scopes.getStore() ?? {};
    return scopes.run({ invocation: this.invocation, socket: this, lane, stay, ...scope }, code);
  }

  /**
   * Whose effect is it? The context counts only if it belongs to this very object: a callback pool born in one run would
   * otherwise carry that run's mode into all later ones. Without a context the stage decides (docs/ARCHITECTURE.md, Replay 1).
   */
  mode(): "live" | "replay" {
    if (this.invocation.ended) stopCallingTimer();
    const scope = scopes.getStore();
    if (scope?.socket === this) return scope.mode;
    if (scope?.invocation !== this.invocation) this.#reportLostContext();
    return this.life.stage === "replay" ? "replay" : "live";
  }

  /** True while handlers may be registered: in middlewares and connection listeners, and what they started. */
  get registering(): boolean {
    const scope = scopes.getStore();
    return scope?.socket === this ? scope.registering === true : this.life.stage !== "live";
  }

  /** Notes an operation of a connection listener, so that replays can be compared with the first run. */
  note(operation: string, name: string): void {
    if (this.registering && !this.#inMiddleware) this.trace.add(operation, name);
  }

  /** Where the next answer is recorded that a listener or middleware asks for; undefined in event handlers. */
  nextAnswer(): AnswerPlace | undefined {
    if (!this.registering) return undefined;
    return this.answers.next(this.#inMiddleware ? "middlewares" : "listeners");
  }

  /** Keeps what clients answered for the replays. */
  recordAnswer(place: AnswerPlace, json: Json): void {
    if (this.answers.record(place, json)) return;
    this.invocation.ports.log.error(
      "SKY_ANSWER_NOT_KEPT",
      `a connection listener got an answer of ${Buffer.byteLength(json)} bytes from clients; of all that its listeners and middlewares get, ${MAX_ANSWERS_BYTES} bytes are kept. When they run again before an event, they are told that no answer came. Have clients send short answers, or send an event.`,
      { nsp: this.nsp.name, socket: this.id },
    );
  }

  get #inMiddleware(): boolean {
    const scope = scopes.getStore();
    return scope?.socket === this ? scope.middleware === true : this.life.stage === "middleware";
  }

  /** What the application changed since the last save, as the write that saves it; undefined if nothing. */
  takeChanges(): (() => Promise<void>) | undefined {
    // A replay does again what is saved already; it is put back when the replay is over.
    return this.life.stage === "replay" || this.life.drafting ? undefined : this.state.takeChanges();
  }

  /** Takes over the state of a later reading of the row; what the application changed in between would be lost. */
  reload(row: Pick<SocketRecord, "data" | "props">): void {
    this.#state = new KeptState(this, row);
  }

  /**
   * A post has found that its connection is gone. Handlers that are still running see it at once, as on stock; its end, with the
   * `disconnect` listeners, comes in another invocation, and needs the tokens of its rooms.
   */
  lose(): void {
    this.life.lose();
    this.client.state = "closed";
    this.memberships.hide();
  }

  /** The socket is over: stock empties its rooms and refuses its packets from here on. */
  close(): void {
    this.life.disconnect();
    this.memberships.clear();
  }

  /**
   * Calls an application's function; what it throws or rejects with is logged and disturbs nobody else.
   * @returns its promise, which never rejects; undefined if it gave none
   */
  call(what: string, code: ErrorCode, fn: () => unknown): Promise<void> | undefined {
    const failed = (error: unknown): void =>
      this.invocation.ports.log.error(code, `${what} failed`, {
        nsp: this.nsp.name,
        socket: this.id,
        error: describeError(error),
      });
    try {
      const result = fn();
      return isThenable(result) ? Promise.resolve(result).then(() => undefined, failed) : undefined;
    } catch (error) {
      failed(error);
      return undefined;
    }
  }

  #reportLostContext(): void {
    if (this.#contextLost) return;
    this.#contextLost = true;
    const why = scopes.getStore()
      ? "that runs for an earlier event: of an object (a connection, a pool, an emitter) that was made in that event and is still in use. Make such objects when the module is loaded, or anew in each event"
      : "that was created outside its event (a shared pool or emitter). Wrap such callbacks in AsyncResource.bind";
    this.invocation.ports.log.warn(
      "SKY_ASYNC_CONTEXT_LOST",
      `async context lost: the socket was used from a callback ${why}.`,
      { socket: this.id },
    );
  }
}

/** The sockets that take part in an invocation. */
export const socketsOf = (invocation: Invocation): readonly SocketCore[] =>
  [...invocation.sockets].filter((socket) => socket instanceof SocketCore);

/** The socket of this library that takes part in an invocation as `participant`. */
export function asSocketCore(participant: Participant): SocketCore {
  if (participant instanceof SocketCore) return participant;
  throw new TypeError("no socket of this server");
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
