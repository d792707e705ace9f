import type { AnyFunction } from "../common/typed-events.ts";
import { noHttpServer, notAvailable } from "../common/unavailable.ts";
import type { UpgradeRequest } from "../common/upgrade-request.ts";
import type { ConnectionError, EngineCore } from "../declared/engine-core.ts";
import { EventSource } from "./event-source.ts";

/**
 * `io.engine`: what an application may do about connections before Socket.IO begins. API Gateway is the engine here, so this
 * has $connect, where it can refuse, and nothing of what happens on the wire.
 */
export class Engine extends EventSource {
  readonly #core: EngineCore;

  constructor(core: EngineCore) {
    super();
    this.#core = core;
  }

  /**
   * A middleware for upgrade requests, in the manner of Express. `next(error)` answers 400; `response.writeHead(status)` and
   * `response.end(text)` answer that. What it puts on the request and JSON can hold is there as `socket.request` later.
   */
  use(middleware: AnyFunction): void {
    this.#core.server.assertDeclaring("io.engine.use()");
    this.#core.middlewares.push(middleware);
  }

  /** `connection_error`: a connection was refused at $connect. Other events never happen here; they are accepted with a notice. */
  on(event: "connection_error", listener: (error: ConnectionError) => unknown): this;
  on(event: string, listener: AnyFunction): this;
  on(event: string, listener: AnyFunction): this {
    this.#core.server.assertDeclaring(`io.engine.on(${JSON.stringify(event)})`);
    if (event === "connection_error") this.#core.errorListeners.push(listener);
    else this.#core.server.notice(`io.engine.on(${JSON.stringify(event)})`, whyNever(event));
    return this;
  }

  /** @throws always for `connection_error`: every instance would have its own first time */
  once(event: string, listener: AnyFunction): this {
    if (event !== "connection_error") return this.on(event, listener);
    throw notAvailable(
      'io.engine.once("connection_error")',
      "every instance would have its own first time. Use on.",
    );
  }

  off(event: string, listener: AnyFunction): this {
    this.#core.server.assertDeclaring(`io.engine.off(${JSON.stringify(event)})`);
    const listeners = this.registered(event);
    const at = listeners?.lastIndexOf(listener) ?? -1;
    if (at !== -1) listeners?.splice(at, 1);
    return this;
  }

  protected registered(event: string): AnyFunction[] | undefined {
    return event === "connection_error" ? this.#core.errorListeners : undefined;
  }

  protected get happening(): readonly string[] {
    return ["connection_error"];
  }

  protected get called(): string {
    return "io.engine";
  }

  /** Makes the id of a connection, `socket.conn.id`. It must be unique and hard to guess. */
  set generateId(generate: (request: UpgradeRequest) => string | PromiseLike<string>) {
    this.#core.server.assertDeclaring("io.engine.generateId");
    this.#core.generateId = generate;
  }

  get clientsCount(): number {
    throw notAvailable(
      "io.engine.clientsCount",
      "no process has the connections. Use (await io.fetchSockets()).length, or the metric ConnectCount that API Gateway gives to CloudWatch.",
    );
  }

  /** To which transports a connection may be upgraded: to none, since all begin as a WebSocket. */
  upgrades(_transport: string): string[] {
    return [];
  }

  /** @throws always: there is no HTTP server */
  get httpServer(): never {
    throw noHttpServer("io.engine.httpServer");
  }

  /** @throws always */
  get opts(): never {
    throw notAvailable(
      "io.engine.opts",
      "the limits and times of connections are API Gateway's and cannot be changed. Keep your own options where you made them.",
    );
  }

  /** @throws always: there is no HTTP server */
  attach(): never {
    throw noHttpServer("io.engine.attach()");
  }

  /** @throws always: there is no HTTP server */
  handleRequest(): never {
    throw noHttpServer("io.engine.handleRequest()");
  }

  /** @throws always: there is no HTTP server */
  handleUpgrade(): never {
    throw noHttpServer("io.engine.handleUpgrade()");
  }

  /** @throws always: there is no WebTransport */
  onWebTransportSession(): never {
    throw notAvailable("io.engine.onWebTransportSession()", "API Gateway speaks WebSocket. Remove the call.");
  }

  /** Has no effect; see `Server.close`. */
  close(): this {
    this.#core.server.notice("io.engine.close()", "the connections are API Gateway's, not this process's");
    return this;
  }
}

function whyNever(event: string): string {
  switch (event) {
    case "initial_headers":
    case "headers":
      // https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-connect-route-subprotocol.html
      return "API Gateway documents no response header of a WebSocket upgrade that a function can set, except the subprotocol. Give clients what they need in an event";
    case "connection":
      return "a connection has no object that outlives an event; use io.engine.use() for the request, and socket.conn";
    default:
      return "API Gateway tells of no such thing";
  }
}
