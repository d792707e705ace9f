import type { Server as NodeServer } from "node:http";
import { consoleLog } from "../common/console-log.ts";
import { SkysocketError } from "../common/errors.ts";
import type { AnyFunction, DefaultEventsMap, EventsMap } from "../common/typed-events.ts";
import { noHttpServer, notAvailable } from "../common/unavailable.ts";
import type { NamespaceMatcher } from "../declared/dynamic-namespaces.ts";
import type { ConnectionEvent, ConnectionListener, NamespaceCore } from "../declared/namespace-core.ts";
import { resolveOptions, type ServerOptions } from "../declared/options.ts";
import { ServerCore } from "../declared/server-core.ts";
import { asSocketCore } from "../socket/socket-core.ts";
import { Engine } from "./engine.ts";
import { type HttpServer, keepFromListening } from "./http-server.ts";
import { Namespace, ParentNamespace } from "./namespace.ts";
import { NamespaceBase } from "./namespace-base.ts";
import { Socket } from "./socket.ts";

declare module "./public-types.ts" {
  interface PublicTypes<
    ListenEvents extends EventsMap,
    EmitEvents extends EventsMap,
    ServerSideEvents extends EventsMap,
    SocketData,
  > {
    readonly server: Server<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  }
}

const cores = new WeakMap<object, ServerCore>();

/** The inside of a server: for the composition root, not for applications. Undefined if `value` is no Server. */
export const coreOfServer = (value: unknown): ServerCore | undefined =>
  typeof value === "object" && value !== null ? cores.get(value) : undefined;

const LISTENING = "API Gateway listens for clients, and calls this module's default export";

/**
 * Socket.IO's Server, to be the default export of the application's module. What it can do beside making namespaces is done
 * for the namespace "/".
 */
export class Server<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  ServerSideEvents extends EventsMap = DefaultEventsMap,
  // biome-ignore lint/suspicious/noExplicitAny: an application that does not say what data it keeps may keep anything
  SocketData = any,
> extends NamespaceBase<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
  readonly #core: ServerCore;
  readonly #engine: Engine;

  /**
   * @param options see {@link ServerOptions}; those of Socket.IO without meaning here are accepted with a notice, and so is
   * an HTTP server or a port before them
   * @throws SkysocketError for an option that is not available
   */
  constructor(options?: ServerOptions);
  constructor(httpServer?: HttpServer, options?: ServerOptions);
  constructor(first?: HttpServer | ServerOptions, second?: ServerOptions) {
    assertNoRequestHandler(first);
    const attached = isHttpServer(first);
    const core = createCore((attached ? second : (first ?? second)) ?? {});
    super(core.of("/"));
    this.#core = core;
    this.#core.facade = this;
    this.#engine = new Engine(this.#core.engine);
    cores.set(this, this.#core);
    if (attached) this.#detach("new Server() with an HTTP server or a port", first);
  }

  /**
   * The namespace of that name; clients can connect to the ones named while the module is loaded. With a pattern or a
   * function: all namespaces whose names it accepts, as soon as a client asks for one.
   * @param listener a `connection` listener of it
   */
  of(
    name: string,
    listener?: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => unknown,
  ): Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  of(
    name: RegExp | NamespaceMatcher,
    listener?: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => unknown,
  ): ParentNamespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  of(
    name: string | RegExp | NamespaceMatcher,
    listener?: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => unknown,
  ): Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
    const facade = this.#namespace(name, listener as ConnectionListener | undefined).facade;
    return facade as unknown as Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  }

  /**
   * The namespaces that were declared by name. Private on stock, where packages read it all the same. Those of a pattern are not
   * in it: no process knows which of them have clients.
   */
  get _nsps(): Map<string, Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>> {
    return new Map([...this.#core.namespaces.keys()].map((name) => [name, this.of(name)]));
  }

  /** The namespace "/". */
  get sockets(): Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
    return this.of("/");
  }

  get engine(): Engine {
    return this.#engine;
  }

  /** @throws always: there is no HTTP server */
  get httpServer(): NodeServer {
    throw noHttpServer("io.httpServer");
  }

  /** Beside the events of namespaces, `new_namespace`: one was made, by `of` or because a client asked for it. */
  override on(
    event: ConnectionEvent,
    listener: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => unknown,
  ): this;
  override on(
    event: "new_namespace",
    listener: (namespace: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => unknown,
  ): this;
  override on(event: ConnectionEvent | "new_namespace", listener: AnyFunction): this {
    return super.on(event as ConnectionEvent, listener); // which asks listenersOf, below
  }

  protected override listenersOf(event: string): AnyFunction[] | undefined {
    return event === "new_namespace" ? this.#core.namespaceListeners : super.listenersOf(event);
  }

  protected override get happening(): readonly ConnectionEvent[] {
    // Typed as on stock, whose server is asked for the events of its main namespace.
    return [...super.happening, "new_namespace" as ConnectionEvent];
  }

  // ── what a server of one's own does ──────────────────────────────────────────────────────────────────────────────

  /** Has no effect: see the constructor. */
  listen(httpServer: HttpServer, _options?: ServerOptions): this {
    return this.#detach("io.listen()", httpServer);
  }

  /** Has no effect: see the constructor. */
  attach(httpServer: HttpServer, _options?: ServerOptions): this {
    return this.#detach("io.attach()", httpServer);
  }

  /** Has no effect: see the constructor. */
  attachApp(_app: unknown, _options?: ServerOptions): void {
    this.#core.notice("io.attachApp()", LISTENING);
  }

  /** Has no effect: see the constructor. */
  bind(_engine: unknown): this {
    this.#core.notice("io.bind()", LISTENING);
    return this;
  }

  /**
   * Has no effect: the path is the stage of the API.
   * @throws SkysocketError without an argument: a module cannot know the stage, nor what a domain maps to it
   */
  path(path: string): this;
  path(): string;
  path(path?: string): this | string {
    if (path === undefined)
      throw notAvailable(
        "io.path()",
        "it is the stage of the API, or what a domain maps to it, which a module cannot know. Use what clients have as their option path.",
      );
    this.#core.notice("io.path()", "the path is the stage of the API, or what a domain maps to it");
    return this;
  }

  /** Has no effect: serve the client from where your pages are. */
  serveClient(serve: boolean): this;
  serveClient(): boolean;
  serveClient(serve?: boolean): this | boolean {
    if (serve === undefined) return false;
    if (serve) this.#core.notice("io.serveClient(true)", "a WebSocket API serves no files");
    return this;
  }

  /** Has no effect: the heartbeat ends a connection on which no namespace was joined for one to three minutes. */
  connectTimeout(ms: number): this;
  connectTimeout(): number;
  connectTimeout(ms?: number): this | number {
    if (ms === undefined) return 3 * 60 * 1_000;
    this.#core.notice(
      "io.connectTimeout()",
      "the heartbeat ends connections on which no namespace was joined, after one to three minutes",
    );
    return this;
  }

  /** @throws always: all instances share the table */
  adapter(_adapter?: unknown): never {
    throw notAvailable(
      "io.adapter()",
      "all instances share the table, as servers share an adapter. Remove the call.",
    );
  }

  /**
   * Closes nothing: instances come and go (SIGTERM, where applications call this, is one of them going), while the clients
   * stay connected to API Gateway. `disconnectSockets(true)` disconnects them.
   */
  async close(done?: (error?: Error) => void): Promise<void> {
    this.#core.notice(
      "io.close()",
      "clients are connected to API Gateway, not to this instance. To disconnect them: io.disconnectSockets(true)",
    );
    done?.();
  }

  #detach(what: string, httpServer: HttpServer): this {
    assertNoRequestHandler(httpServer);
    this.#core.notice(what, LISTENING);
    keepFromListening(httpServer, () => this.#core.notice("listen() of the HTTP server", LISTENING));
    return this;
  }

  #namespace(
    name: string | RegExp | NamespaceMatcher,
    listener: ConnectionListener | undefined,
  ): NamespaceCore {
    if (typeof name === "function" || name instanceof RegExp) {
      this.#core.assertDeclaring("io.of() with a pattern or a function");
      return this.#core.dynamic.declare(name, listener);
    }
    const namespace = this.#core.of(String(name));
    if (listener) (namespace.facade as Namespace).on("connect", listener);
    return namespace;
  }
}

function createCore(options: ServerOptions): ServerCore {
  return new ServerCore(
    resolveOptions(options, consoleLog),
    {
      socket: (socket) => new Socket(asSocketCore(socket)),
      namespace: (nsp) => (nsp.place === undefined ? new Namespace(nsp) : new ParentNamespace(nsp)),
    },
    consoleLog,
  );
}

/** As stock tells them apart. */
const isHttpServer = (value: HttpServer | ServerOptions | undefined): value is HttpServer =>
  typeof value === "number" ||
  typeof value === "string" ||
  (typeof value === "object" && value !== null && "listen" in value && typeof value.listen === "function");

/** As on stock, where this is the mistake of those who forget to make the HTTP server. */
function assertNoRequestHandler(value: unknown): void {
  if (typeof value !== "function") return;
  throw new SkysocketError(
    "SKY_OPTION_INVALID",
    "an HTTP server is needed here, or the options alone; got a function, such as an Express application. API Gateway takes the requests; serve pages and routes elsewhere.",
  );
}
