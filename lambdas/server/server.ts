import type { BroadcastOperator, Rooms } from "./broadcast-operator.ts";
import { consoleLog } from "./console-log.ts";
import type { Effect } from "./effect.ts";
import { Namespace } from "./namespace.ts";
import type { ExtendedError } from "./namespace-core.ts";
import { resolveOptions, type ServerOptions } from "./options.ts";
import type { RemoteSocket } from "./remote-socket.ts";
import { ServerCore } from "./server-core.ts";
import { Socket } from "./socket.ts";
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

const cores = new WeakMap<object, ServerCore>();

/** The inside of a server: for the composition root, not for applications. Undefined if `value` is no Server. */
export const coreOfServer = (value: unknown): ServerCore | undefined =>
  typeof value === "object" && value !== null ? cores.get(value) : undefined;

/**
 * Socket.IO's Server, to be the default export of the application's module. Everything it offers beside `of` is that of the
 * namespace "/".
 */
export class Server<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  ServerSideEvents extends EventsMap = DefaultEventsMap,
  // biome-ignore lint/suspicious/noExplicitAny: an application that does not say what data it keeps may keep anything
  SocketData = any,
> {
  readonly #core: ServerCore;

  /**
   * @param options see {@link ServerOptions}; those of Socket.IO without meaning here are accepted with a notice
   * @throws SkysocketError for an option that is not available
   */
  constructor(options: ServerOptions = {}) {
    this.#core = new ServerCore(
      resolveOptions(options, consoleLog),
      { socket: (core) => new Socket(core), namespace: (core) => new Namespace(core) },
      consoleLog,
    );
    cores.set(this, this.#core);
    this.#core.of("/");
  }

  /** The namespace of that name; clients can connect to the ones named while the module is loaded. */
  of(name: string): Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
    return this.#core.of(name).facade as unknown as Namespace<
      ListenEvents,
      EmitEvents,
      ServerSideEvents,
      SocketData
    >;
  }

  /** The namespace "/". */
  get sockets(): Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
    return this.of("/");
  }

  use(
    middleware: (
      socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
      next: (error?: ExtendedError) => void,
    ) => unknown,
  ): this {
    this.sockets.use(middleware);
    return this;
  }

  on(
    event: "connection" | "connect",
    listener: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => unknown,
  ): this {
    this.sockets.on(event, listener);
    return this;
  }

  addListener(
    event: "connection" | "connect",
    listener: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => unknown,
  ): this {
    return this.on(event, listener);
  }

  once(event: string, listener: AnyFunction): never {
    return this.sockets.once(event, listener);
  }

  emit<Ev extends EventNames<EmitEvents>>(event: Ev, ...args: EventParams<EmitEvents, Ev>): Effect<void> {
    return this.sockets.emit(event, ...args);
  }

  send(...args: unknown[]): this {
    this.sockets.send(...args);
    return this;
  }

  write(...args: unknown[]): this {
    return this.send(...args);
  }

  to(room: Rooms): BroadcastOperator<EmitEvents, SocketData> {
    return this.sockets.to(room);
  }

  in(room: Rooms): BroadcastOperator<EmitEvents, SocketData> {
    return this.sockets.in(room);
  }

  except(room: Rooms): BroadcastOperator<EmitEvents, SocketData> {
    return this.sockets.except(room);
  }

  compress(compress: boolean): BroadcastOperator<EmitEvents, SocketData> {
    return this.sockets.compress(compress);
  }

  timeout(ms: number): BroadcastOperator<WithTimeout<EmitEvents>, SocketData> {
    return this.sockets.timeout(ms);
  }

  emitWithAck<Ev extends EventNames<EmitEvents>>(
    event: Ev,
    ...args: AckedParams<EmitEvents, Ev>
  ): Promise<AckValue<EmitEvents, Ev>[]> {
    return this.sockets.emitWithAck(event, ...args);
  }

  get volatile(): BroadcastOperator<EmitEvents, SocketData> {
    return this.sockets.volatile;
  }

  fetchSockets(): Promise<RemoteSocket<EmitEvents, SocketData>[]> {
    return this.sockets.fetchSockets();
  }

  socketsJoin(room: Rooms): Effect<void> {
    return this.sockets.socketsJoin(room);
  }

  socketsLeave(room: Rooms): Effect<void> {
    return this.sockets.socketsLeave(room);
  }

  disconnectSockets(close = false): Effect<void> {
    return this.sockets.disconnectSockets(close);
  }
}
