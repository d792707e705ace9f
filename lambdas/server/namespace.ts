import { BroadcastOperator, type Rooms } from "./broadcast-operator.ts";
import type { Effect } from "./effect.ts";
import { SkysocketError } from "./errors.ts";
import type { ConnectionListener, ExtendedError, Middleware, NamespaceCore } from "./namespace-core.ts";
import type { RemoteSocket } from "./remote-socket.ts";
import type { Socket } from "./socket.ts";
import type {
  AckedParams,
  AckValue,
  AnyFunction,
  DefaultEventsMap,
  EventNames,
  EventParams,
  EventsMap,
  WithTimeout,
} from "./typed-events.ts";

/** A group of sockets with its own listeners, rooms and middlewares, over the clients' one connection. */
export class Namespace<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  ServerSideEvents extends EventsMap = DefaultEventsMap,
  // biome-ignore lint/suspicious/noExplicitAny: an application that does not say what data it keeps may keep anything
  SocketData = any,
> {
  readonly #core: NamespaceCore;

  constructor(core: NamespaceCore) {
    this.#core = core;
  }

  get name(): string {
    return this.#core.name;
  }

  /** A function that each socket passes before it is connected; `next(error)` refuses it with `connect_error`. */
  use(
    middleware: (
      socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
      next: (error?: ExtendedError) => void,
    ) => unknown,
  ): this {
    this.#core.server.assertDeclaring("use()");
    this.#core.middlewares.push(middleware as Middleware);
    return this;
  }

  /**
   * A listener for sockets that connect. It runs again before each later event of the socket, to register the handlers.
   * @throws SkysocketError for any other event, and inside a listener or handler
   */
  on(
    event: "connection" | "connect",
    listener: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => unknown,
  ): this {
    this.#core.server.assertDeclaring(`on(${JSON.stringify(event)})`);
    if (event !== "connection" && event !== "connect") {
      throw new SkysocketError(
        "SKY_NOT_AVAILABLE",
        `on(${JSON.stringify(event)}): a namespace has the events "connection" and "connect" only; instances of Lambda cannot send each other events.`,
      );
    }
    this.#core.connectionListeners.push(listener as ConnectionListener);
    return this;
  }

  addListener(
    event: "connection" | "connect",
    listener: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => unknown,
  ): this {
    return this.on(event, listener);
  }

  /** @throws always: which of many instances would see the first connection? */
  once(event: string, _listener: AnyFunction): never {
    throw new SkysocketError(
      "SKY_NOT_AVAILABLE",
      `once(${JSON.stringify(event)}): every instance would have its own first time. Keep what must happen once in your database, under a condition.`,
    );
  }

  /** Sends to every socket of the namespace. Awaiting it is possible, never needed. */
  emit<Ev extends EventNames<EmitEvents>>(event: Ev, ...args: EventParams<EmitEvents, Ev>): Effect<void> {
    return this.#operator.emit(event, ...args);
  }

  /** Emits a `message` event. */
  send(...args: unknown[]): this {
    this.#operator.send(...args);
    return this;
  }

  /** The same as `send`. */
  write(...args: unknown[]): this {
    return this.send(...args);
  }

  to(room: Rooms): BroadcastOperator<EmitEvents, SocketData> {
    return this.#operator.to(room);
  }

  in(room: Rooms): BroadcastOperator<EmitEvents, SocketData> {
    return this.#operator.in(room);
  }

  except(room: Rooms): BroadcastOperator<EmitEvents, SocketData> {
    return this.#operator.except(room);
  }

  compress(compress: boolean): BroadcastOperator<EmitEvents, SocketData> {
    return this.#operator.compress(compress);
  }

  /** How long the next emit waits for answers, in milliseconds. */
  timeout(ms: number): BroadcastOperator<WithTimeout<EmitEvents>, SocketData> {
    return this.#operator.timeout(ms);
  }

  /** Sends an event to all and resolves to their answers; see {@link BroadcastOperator.emitWithAck}. */
  emitWithAck<Ev extends EventNames<EmitEvents>>(
    event: Ev,
    ...args: AckedParams<EmitEvents, Ev>
  ): Promise<AckValue<EmitEvents, Ev>[]> {
    return this.#operator.emitWithAck(event, ...args);
  }

  get volatile(): BroadcastOperator<EmitEvents, SocketData> {
    return this.#operator.volatile;
  }

  fetchSockets(): Promise<RemoteSocket<EmitEvents, SocketData>[]> {
    return this.#operator.fetchSockets();
  }

  socketsJoin(room: Rooms): Effect<void> {
    return this.#operator.socketsJoin(room);
  }

  socketsLeave(room: Rooms): Effect<void> {
    return this.#operator.socketsLeave(room);
  }

  disconnectSockets(close = false): Effect<void> {
    return this.#operator.disconnectSockets(close);
  }

  get #operator(): BroadcastOperator<EmitEvents, SocketData> {
    return new BroadcastOperator({
      nsp: this.#core,
      from: undefined,
      rooms: new Set(),
      except: new Set(),
    });
  }
}
