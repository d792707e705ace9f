import { BroadcastOperator, type Rooms, roomList } from "./broadcast-operator.ts";
import type { Effect } from "./effect.ts";
import { type EmitFlags, emitToSocket, emitWithAck } from "./emit.ts";
import { disconnectSocket } from "./ending.ts";
import { type Handshake, handshakeOf } from "./handshake.ts";
import type { PacketMiddleware } from "./listeners.ts";
import { finishJoin, leave, startJoin } from "./membership.ts";
import type { Namespace } from "./namespace.ts";
import type { DisconnectReason } from "./ports.ts";
import { resolved } from "./server-core.ts";
import { lateRegistration, type SocketCore } from "./socket-core.ts";
import type {
  AckedParams,
  AckValue,
  AnyFunction,
  DefaultEventsMap,
  EventNames,
  EventParams,
  EventsMap,
  ListenerOf,
  WithTimeout,
} from "./typed-events.ts";

/** What the server itself emits on a socket. */
export interface SocketReservedEvents {
  disconnecting: (reason: DisconnectReason, description?: unknown) => unknown;
  disconnect: (reason: DisconnectReason, description?: unknown) => unknown;
  error: (error: Error) => unknown;
}

type SocketEventNames<M extends EventsMap> = EventNames<M> | keyof SocketReservedEvents;

/**
 * A client in a namespace, with Socket.IO's members. It lives for one event: the next one gets a new object, on which the
 * connection listeners have run again. Own properties that the application adds (`socket.username = …`) are kept like
 * `data`, so everything of ours is private or on the prototype.
 */
export class Socket<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  ServerSideEvents extends EventsMap = DefaultEventsMap,
  // biome-ignore lint/suspicious/noExplicitAny: an application that does not say what data it keeps may keep anything
  SocketData = any,
> {
  readonly #core: SocketCore;
  #flags: EmitFlags = {};
  #handshake: Handshake | undefined;

  constructor(core: SocketCore) {
    this.#core = core;
  }

  /** Random, and known to other clients if the application tells them; also the name of the socket's own room. */
  get id(): string {
    return this.#core.id;
  }

  get nsp(): Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
    return this.#core.nsp.facade as unknown as Namespace<
      ListenEvents,
      EmitEvents,
      ServerSideEvents,
      SocketData
    >;
  }

  /** The upgrade request's details and the client's `auth`. */
  get handshake(): Handshake {
    this.#handshake ??= handshakeOf(this.#core.connection, this.#core.auth);
    return this.#handshake;
  }

  get connected(): boolean {
    return this.#core.connected;
  }

  get disconnected(): boolean {
    return !this.#core.connected;
  }

  /** True when the session was restored with what it missed. */
  get recovered(): boolean {
    return false;
  }

  /** True while the connection listeners run again before an event: what they do now has been done already. */
  get replayed(): boolean {
    return this.#core.mode() === "replay";
  }

  /** The rooms it is in; changes as soon as `join` or `leave` is called. */
  get rooms(): Set<string> {
    return this.#core.rooms;
  }

  /** Anything JSON-able, kept between events by top-level key: the last write of a key wins. */
  get data(): SocketData {
    return this.#core.data as SocketData;
  }

  set data(value: SocketData) {
    this.#core.data = value as Record<string, unknown>;
  }

  // ── listening ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** @throws SkysocketError inside an event handler: the next event would not know of it */
  on<Ev extends SocketEventNames<ListenEvents>>(
    event: Ev,
    listener: ListenerOf<SocketReservedEvents, ListenEvents, Ev>,
  ): this {
    return this.#listen("on", event, listener as AnyFunction, {});
  }

  addListener<Ev extends SocketEventNames<ListenEvents>>(
    event: Ev,
    listener: ListenerOf<SocketReservedEvents, ListenEvents, Ev>,
  ): this {
    return this.on(event, listener);
  }

  prependListener<Ev extends SocketEventNames<ListenEvents>>(
    event: Ev,
    listener: ListenerOf<SocketReservedEvents, ListenEvents, Ev>,
  ): this {
    return this.#listen("on", event, listener as AnyFunction, { first: true });
  }

  /** A listener that runs at most once for this socket, whichever invocation gets the event. */
  once<Ev extends SocketEventNames<ListenEvents>>(
    event: Ev,
    listener: ListenerOf<SocketReservedEvents, ListenEvents, Ev>,
  ): this {
    return this.#listen("once", event, listener as AnyFunction, { once: true });
  }

  off(event: string, listener: AnyFunction): this {
    this.#registering(`socket.off(${JSON.stringify(event)})`);
    this.#core.listeners.remove(event, listener);
    return this;
  }

  removeListener(event: string, listener: AnyFunction): this {
    return this.off(event, listener);
  }

  removeAllListeners(event?: string): this {
    this.#registering("socket.removeAllListeners()");
    this.#core.listeners.remove(event);
    return this;
  }

  listeners(event: string): AnyFunction[] {
    return this.#core.listeners.of(event).map(({ fn }) => fn);
  }

  listenerCount(event: string): number {
    return this.#core.listeners.of(event).length;
  }

  eventNames(): string[] {
    return this.#core.listeners.names();
  }

  /** Called with every incoming event, before its own listeners. */
  onAny(listener: (event: string, ...args: unknown[]) => void): this {
    this.#registering("socket.onAny()");
    this.#core.listeners.any.push(listener);
    return this;
  }

  prependAny(listener: (event: string, ...args: unknown[]) => void): this {
    this.#registering("socket.prependAny()");
    this.#core.listeners.any.unshift(listener);
    return this;
  }

  offAny(listener?: AnyFunction): this {
    this.#registering("socket.offAny()");
    this.#core.listeners.any = without(this.#core.listeners.any, listener);
    return this;
  }

  listenersAny(): AnyFunction[] {
    return this.#core.listeners.any;
  }

  /** Called with every event that is sent to this socket by itself. */
  onAnyOutgoing(listener: (event: string, ...args: unknown[]) => void): this {
    this.#registering("socket.onAnyOutgoing()");
    this.#core.listeners.anyOutgoing.push(listener);
    return this;
  }

  prependAnyOutgoing(listener: (event: string, ...args: unknown[]) => void): this {
    this.#registering("socket.prependAnyOutgoing()");
    this.#core.listeners.anyOutgoing.unshift(listener);
    return this;
  }

  offAnyOutgoing(listener?: AnyFunction): this {
    this.#registering("socket.offAnyOutgoing()");
    this.#core.listeners.anyOutgoing = without(this.#core.listeners.anyOutgoing, listener);
    return this;
  }

  listenersAnyOutgoing(): AnyFunction[] {
    return this.#core.listeners.anyOutgoing;
  }

  /** A middleware for incoming events: `next(error)` gives the socket's `error` listeners the error instead. */
  use(middleware: PacketMiddleware): this {
    this.#registering("socket.use()");
    this.#core.note("use", "");
    this.#core.listeners.middlewares.push(middleware);
    return this;
  }

  // ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Sends an event to this client; with a function as last argument, calls it with the client's answer.
   * @returns a promise of the post being accepted; nobody has to await it
   */
  emit<Ev extends EventNames<EmitEvents>>(event: Ev, ...args: EventParams<EmitEvents, Ev>): Effect<void> {
    return emitToSocket(this.#core, event, args, this.#takeFlags());
  }

  /** Sends an event and resolves to the client's answer; rejects after `timeout()`, or 10 s. */
  emitWithAck<Ev extends EventNames<EmitEvents>>(
    event: Ev,
    ...args: AckedParams<EmitEvents, Ev>
  ): Promise<AckValue<EmitEvents, Ev>> {
    const answer = emitWithAck(this.#core, event, args, this.#takeFlags());
    return answer as Promise<AckValue<EmitEvents, Ev>>;
  }

  /** Emits a `message` event. */
  send(...args: unknown[]): this {
    void emitToSocket(this.#core, "message", args, this.#takeFlags());
    return this;
  }

  /** The same as `send`. */
  write(...args: unknown[]): this {
    return this.send(...args);
  }

  /** How long the next emit waits for its answer, in milliseconds; its callback then gets an error first. */
  timeout(ms: number): Socket<ListenEvents, WithTimeout<EmitEvents>, ServerSideEvents, SocketData> {
    this.#flags = { ...this.#flags, timeout: ms };
    return this as unknown as Socket<ListenEvents, WithTimeout<EmitEvents>, ServerSideEvents, SocketData>;
  }

  /** Has no effect: API Gateway decides about compression. */
  compress(_compress: boolean): this {
    return this;
  }

  /** The next event may be lost. A packet is posted, or the connection is gone: nothing is buffered here. */
  get volatile(): this {
    return this;
  }

  /** To the other sockets of these rooms. */
  to(room: Rooms): BroadcastOperator<EmitEvents, SocketData> {
    return this.broadcast.to(room);
  }

  /** The same as `to`. */
  in(room: Rooms): BroadcastOperator<EmitEvents, SocketData> {
    return this.broadcast.to(room);
  }

  /** To the other sockets that are not in these rooms. */
  except(room: Rooms): BroadcastOperator<EmitEvents, SocketData> {
    return this.broadcast.except(room);
  }

  /** To all other sockets of the namespace. */
  get broadcast(): BroadcastOperator<EmitEvents, SocketData> {
    return new BroadcastOperator({
      nsp: this.#core.nsp,
      from: this.#core,
      rooms: new Set(),
      except: new Set([this.id]),
      ...this.#takeFlags(),
    });
  }

  // ── rooms ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Joins rooms; what is emitted to them afterwards reaches this socket. Rejects when they are too many. */
  join(rooms: Rooms): Effect<void> {
    const core = this.#core;
    const list = roomList(rooms);
    for (const room of list) core.note("join", room);
    if (core.mode() === "replay" || !core.reachable) return resolved(undefined);
    if (core.invocation.ended) return core.invocation.refuse("join()");
    try {
      const tokens = startJoin(core, list, core.nsp.server.options.maxRoomsPerSocket);
      if (core.drafting) return resolved(undefined); // the commit of CONNECT writes them
      return core.invocation.act("join()", async () => {
        await finishJoin(core, tokens);
        return { rest: undefined };
      });
    } catch (error) {
      return core.invocation.track("join()", Promise.reject(error));
    }
  }

  leave(room: string): Effect<void> {
    const core = this.#core;
    const name = String(room);
    core.note("leave", name);
    if (core.mode() === "replay" || !core.reachable) return resolved(undefined);
    core.rooms.delete(name);
    core.tokens.delete(name);
    if (core.drafting) return resolved(undefined);
    return core.invocation.act("leave()", async () => {
      await leave(core, [name]);
      return { rest: undefined };
    });
  }

  /** Disconnects from the namespace; with `close`, closes the client's connection with all its namespaces. */
  disconnect(close = false): this {
    const core = this.#core;
    core.note("disconnect", String(close));
    if (!core.connected || core.mode() === "replay") return this;
    core.connected = false;
    void disconnectSocket(core, close);
    return this;
  }

  #listen(
    operation: "on" | "once",
    event: string,
    listener: AnyFunction,
    how: { readonly once?: boolean; readonly first?: boolean },
  ): this {
    this.#registering(`socket.${operation}(${JSON.stringify(event)})`);
    this.#core.note(operation, event);
    this.#core.listeners.add(event, listener, how);
    return this;
  }

  #registering(what: string): void {
    if (this.#core.registering || !this.#core.reachable) return;
    throw lateRegistration(what);
  }

  #takeFlags(): EmitFlags {
    const flags = this.#flags;
    this.#flags = {};
    return flags;
  }
}

const without = (list: readonly AnyFunction[], fn: AnyFunction | undefined): AnyFunction[] => {
  const at = fn === undefined ? -1 : list.indexOf(fn);
  return fn === undefined ? [] : list.filter((_, index) => index !== at);
};
