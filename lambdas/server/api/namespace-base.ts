import { assertFunction } from "../common/assert-function.ts";
import type { Effect } from "../common/effect.ts";
import { SkysocketError } from "../common/errors.ts";
import type {
  AckedParams,
  AckValue,
  AnyFunction,
  DefaultEventsMap,
  EventNames,
  EventNamesWithAck,
  EventNamesWithoutAck,
  EventParams,
  EventsMap,
  MessageParams,
  WithMultipleResponses,
  WithTimeout,
} from "../common/typed-events.ts";
import { noServerSideEvents, notAvailable } from "../common/unavailable.ts";
import type {
  ConnectionEvent,
  ConnectionListener,
  ExtendedError,
  Middleware,
  NamespaceCore,
} from "../declared/namespace-core.ts";
import { BroadcastOperator } from "./broadcast-operator.ts";
import { Inbox } from "./inbox.ts";
import type { RemoteSocket, Rooms } from "./remote-socket.ts";
import { type Shared, sharedOf } from "./shared.ts";
import type { Socket } from "./socket.ts";

const isConnectionEvent = (event: string): event is ConnectionEvent =>
  event === "connection" || event === "connect";

/** What a namespace can do, and with it the server, which does it for the namespace "/". */
export abstract class NamespaceBase<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  ServerSideEvents extends EventsMap = DefaultEventsMap,
  // biome-ignore lint/suspicious/noExplicitAny: an application that does not say what data it keeps may keep anything
  SocketData = any,
> {
  readonly #core: NamespaceCore;
  #maxListeners = 10;

  constructor(core: NamespaceCore) {
    this.#core = core;
  }

  // ── declaring ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A function that each socket passes before it is connected; `next(error)` refuses it with `connect_error`. */
  use(
    middleware: (
      socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
      next: (error?: ExtendedError) => void,
    ) => unknown,
  ): this {
    this.#core.server.assertDeclaring("use()");
    assertFunction("middleware", middleware);
    this.#core.middlewares.push(middleware as Middleware);
    return this;
  }

  /**
   * A listener for sockets that connect. It runs again before each later event of the socket, to register the handlers.
   * @throws SkysocketError for any other event, and inside a listener or handler
   */
  on(
    event: ConnectionEvent,
    listener: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => unknown,
  ): this {
    this.#add(`on(${JSON.stringify(event)})`, event, listener).push(listener as ConnectionListener);
    return this;
  }

  addListener(
    event: ConnectionEvent,
    listener: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => unknown,
  ): this {
    return this.on(event, listener);
  }

  prependListener(
    event: ConnectionEvent,
    listener: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => unknown,
  ): this {
    const what = `prependListener(${JSON.stringify(event)})`;
    this.#add(what, event, listener).unshift(listener as ConnectionListener);
    return this;
  }

  /** @throws always: which of many instances would see the first connection? */
  once(event: string, _listener: AnyFunction): never {
    throw notAvailable(
      `once(${JSON.stringify(event)})`,
      "every instance would have its own first time. Keep what must happen once in your database, under a condition.",
    );
  }

  /** @throws always, as `once` */
  prependOnceListener(event: string, listener: AnyFunction): never {
    return this.once(event, listener);
  }

  /** Removes the latest registration of the listener, as EventEmitter does. */
  off(event: ConnectionEvent, listener: AnyFunction): this {
    this.#core.server.assertDeclaring(`off(${JSON.stringify(event)})`);
    const listeners = this.listenersOf(event);
    const at = listeners?.lastIndexOf(listener) ?? -1;
    if (at !== -1) listeners?.splice(at, 1);
    return this;
  }

  removeListener(event: ConnectionEvent, listener: AnyFunction): this {
    return this.off(event, listener);
  }

  removeAllListeners(event?: ConnectionEvent): this {
    this.#core.server.assertDeclaring("removeAllListeners()");
    for (const name of event === undefined ? this.happening : [event]) this.listenersOf(name)?.splice(0);
    return this;
  }

  listeners(event: ConnectionEvent): AnyFunction[] {
    return [...(this.listenersOf(event) ?? [])];
  }

  /** The same as `listeners`: none of them is a `once` listener in its wrapping. */
  rawListeners(event: ConnectionEvent): AnyFunction[] {
    return this.listeners(event);
  }

  /** Has no effect: applications declare as many listeners as they need. */
  setMaxListeners(n: number): this {
    this.#maxListeners = n;
    return this;
  }

  getMaxListeners(): number {
    return this.#maxListeners;
  }

  listenerCount(event: ConnectionEvent): number {
    return this.listenersOf(event)?.length ?? 0;
  }

  eventNames(): ConnectionEvent[] {
    return this.happening.filter((event) => this.listenerCount(event) > 0);
  }

  /** The listeners of an event that happens here, to be changed; undefined for all others. */
  protected listenersOf(event: string): AnyFunction[] | undefined {
    return isConnectionEvent(event) ? this.#core.listeners[event] : undefined;
  }

  /** Events that happen here. */
  protected get happening(): readonly ConnectionEvent[] {
    return ["connect", "connection"];
  }

  /** Declares variables that outlive an event: see {@link Shared}. */
  get shared(): Shared {
    return sharedOf(this.#core);
  }

  // ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Sends to every socket of the namespace. Awaiting it is possible, never needed. */
  emit<Ev extends EventNamesWithoutAck<EmitEvents>>(
    event: Ev,
    ...args: EventParams<EmitEvents, Ev>
  ): Effect<void> {
    return this.#all<EmitEvents>().emit<EventNames<EmitEvents>>(event, ...args);
  }

  /** Emits a `message` event. */
  send(...args: MessageParams<EmitEvents>): this {
    this.#all().send(...args);
    return this;
  }

  /** The same as `send`. */
  write(...args: MessageParams<EmitEvents>): this {
    return this.send(...args);
  }

  to(room: Rooms): BroadcastOperator<WithMultipleResponses<EmitEvents>, SocketData> {
    return this.#all<WithMultipleResponses<EmitEvents>>().to(room);
  }

  /** The same as `to`. */
  in(room: Rooms): BroadcastOperator<WithMultipleResponses<EmitEvents>, SocketData> {
    return this.to(room);
  }

  except(room: Rooms): BroadcastOperator<WithMultipleResponses<EmitEvents>, SocketData> {
    return this.#all<WithMultipleResponses<EmitEvents>>().except(room);
  }

  /** Has no effect: API Gateway decides about compression. */
  compress(compress: boolean): BroadcastOperator<WithMultipleResponses<EmitEvents>, SocketData> {
    return this.#all<WithMultipleResponses<EmitEvents>>().compress(compress);
  }

  /** How long the next emit waits for answers, in milliseconds. */
  timeout(ms: number): BroadcastOperator<WithTimeout<WithMultipleResponses<EmitEvents>>, SocketData> {
    return this.#all<WithMultipleResponses<EmitEvents>>().timeout(ms);
  }

  /** Sends an event to all and resolves to their answers; see {@link BroadcastOperator.emitWithAck}. */
  emitWithAck<Ev extends EventNamesWithAck<WithMultipleResponses<EmitEvents>>>(
    event: Ev,
    ...args: AckedParams<WithMultipleResponses<EmitEvents>, Ev>
  ): Promise<AckValue<WithMultipleResponses<EmitEvents>, Ev>> {
    return this.#all<WithMultipleResponses<EmitEvents>>().emitWithAck(event, ...args);
  }

  /** The next event may be lost; see {@link BroadcastOperator.volatile}. */
  get volatile(): BroadcastOperator<WithMultipleResponses<EmitEvents>, SocketData> {
    return this.#all<WithMultipleResponses<EmitEvents>>().volatile;
  }

  /** Has no effect: clients are connected to API Gateway, not to this instance. */
  get local(): BroadcastOperator<WithMultipleResponses<EmitEvents>, SocketData> {
    return this.#all<WithMultipleResponses<EmitEvents>>().local;
  }

  /** @throws always: instances cannot send each other events */
  serverSideEmit(event: string, ..._args: unknown[]): never {
    throw noServerSideEvents(`serverSideEmit(${JSON.stringify(event)})`);
  }

  /** @throws always: instances cannot send each other events */
  serverSideEmitWithAck(event: string, ..._args: unknown[]): never {
    throw noServerSideEvents(`serverSideEmitWithAck(${JSON.stringify(event)})`);
  }

  /**
   * Where events wait until a client has acknowledged them; sockets get them after `socket.openInbox(name)`. Not of a parent
   * namespace: name the namespace.
   */
  inbox(name: string): Inbox<EmitEvents> {
    return new Inbox(this.#core, String(name));
  }

  // ── the sockets, wherever they are connected ─────────────────────────────────────────────────────────────────────

  fetchSockets(): Promise<RemoteSocket<EmitEvents, SocketData>[]> {
    return this.#all<EmitEvents>().fetchSockets();
  }

  /** The ids of all sockets. @deprecated as on stock: use `fetchSockets` */
  allSockets(): Promise<Set<string>> {
    return this.#all().allSockets();
  }

  socketsJoin(room: Rooms): Effect<void> {
    return this.#all().socketsJoin(room);
  }

  socketsLeave(room: Rooms): Effect<void> {
    return this.#all().socketsLeave(room);
  }

  disconnectSockets(close = false): Effect<void> {
    return this.#all().disconnectSockets(close);
  }

  #all<M extends EventsMap = DefaultEventsMap>(): BroadcastOperator<M, SocketData> {
    return new BroadcastOperator({
      nsp: this.#core,
      from: undefined,
      rooms: new Set(),
      except: new Set(),
    });
  }

  #add(what: string, event: string, listener: unknown): AnyFunction[] {
    this.#core.server.assertDeclaring(what);
    const listeners = this.listenersOf(event);
    assertFunction("listener", listener);
    if (listeners) return listeners;
    throw new SkysocketError(
      "SKY_NOT_AVAILABLE",
      `${what}: servers and namespaces have only the events of connections. Listen to what clients send, and to "disconnect", on each socket, in io.on("connection", (socket) => socket.on(…)). Instances of Lambda cannot send each other events: use a queue, a topic or a table.`,
    );
  }
}
