import type { AnyFunction } from "../common/typed-events.ts";
import { notAvailable } from "../common/unavailable.ts";
import type { UpgradeRequest } from "../common/upgrade-request.ts";
import { CLOSE_OPERATION } from "../ending/closing.ts";
import { endConnection } from "../ending/ending.ts";
import { lateRegistration } from "../socket/listeners.ts";
import type { SocketCore } from "../socket/socket-core.ts";
import { EventSource } from "./event-source.ts";

/** Events that stock never has on a connection that starts as a WebSocket. */
const NEVER = new Set(["upgrade", "upgrading"]);

/** The client's connection, as `socket.conn`: what Engine.IO's socket tells, as far as there is an answer behind API Gateway. */
export class Conn extends EventSource {
  readonly #core: SocketCore;

  constructor(core: SocketCore) {
    super();
    this.#core = core;
  }

  /** Engine.IO session id. Not to be shown to other clients. */
  get id(): string {
    return this.#core.client.id;
  }

  // Typed as wide as Engine.IO's: an application that compares with what never comes here ("polling", 3) has to compile.
  get protocol(): number {
    return 4;
  }

  get transport(): { readonly name: string } {
    return { name: "websocket" };
  }

  get upgraded(): boolean {
    return false;
  }

  get upgrading(): boolean {
    return false;
  }

  get remoteAddress(): string {
    return this.request.socket.remoteAddress ?? "";
  }

  get request(): UpgradeRequest {
    return this.#core.client.request;
  }

  get readyState(): "opening" | "open" | "closing" | "closed" {
    return this.#core.client.state;
  }

  /**
   * `close`, with Engine.IO's reason: the connection has ended. It runs in the invocation that ends it, after the sockets'
   * `disconnect`. `packetCreate`: the running event sends this client a packet, which no listener is told of that other events
   * send. The rest is about frames, which API Gateway does not tell of; they are accepted with a notice.
   * @throws SkysocketError inside an event handler: the next event would not know of it
   */
  on(event: string, listener: AnyFunction): this {
    const what = `socket.conn.on(${JSON.stringify(event)})`;
    const core = this.#core;
    if (!core.registering && core.life.reachable) throw lateRegistration(what);
    const listeners = this.registered(event);
    if (!listeners) {
      const server = core.nsp.server;
      if (!NEVER.has(event)) server.notice(what, "API Gateway shows events of a connection, not its frames");
      return this;
    }
    core.note(CLOSE_OPERATION, event);
    listeners.push(listener);
    return this;
  }

  /** The same as `on` but for `packetCreate`, which happens often: a connection closes once. */
  once(event: string, listener: AnyFunction): this {
    if (event !== "packetCreate") return this.on(event, listener);
    const first: AnyFunction = (...args) => {
      this.#remove(event, first);
      return listener(...args);
    };
    return this.on(event, first);
  }

  off(event: string, listener: AnyFunction): this {
    this.#remove(event, listener);
    return this;
  }

  #remove(event: string, listener: AnyFunction): void {
    const list = this.registered(event);
    const at = list?.lastIndexOf(listener) ?? -1;
    if (at !== -1) list?.splice(at, 1);
  }

  protected registered(event: string): AnyFunction[] | undefined {
    const { connectionClose, packetCreate } = this.#core.listeners;
    if (event === "packetCreate") return packetCreate;
    return event === "close" ? connectionClose : undefined;
  }

  protected get happening(): readonly string[] {
    return ["close", "packetCreate"];
  }

  protected get called(): string {
    return "socket.conn";
  }

  /** Closes the connection after everything that was sent before; all its sockets end with "forced close". */
  close(_discard?: boolean): void {
    const core = this.#core;
    const { invocation, client } = core;
    core.note("conn.close", "");
    if (core.mode() === "replay" || client.state !== "open") return;
    client.state = "closing";
    core.life.mute();
    const target = { connectionId: core.key.connectionId, members: [] };
    void invocation.actInLane("conn.close()", async () => {
      // In the queue, and behind all posts to this connection: what was sent before goes out before.
      await invocation.act("conn.close()", async () => ({ rest: core.send([]) }));
      await endConnection(core.nsp.server, invocation, { ...target, reason: "forced close", close: true });
    });
  }

  /** @throws always: a packet of the application's own would be no Socket.IO packet to the client */
  send(): never {
    throw notAvailable("socket.conn.send()", "use socket.emit(), whose packets the client understands.");
  }

  /** The same as `send`. */
  write(): never {
    return this.send();
  }
}

/** The client, as `socket.client`. */
export class Client {
  readonly #conn: Conn;

  constructor(conn: Conn) {
    this.#conn = conn;
  }

  get conn(): Conn {
    return this.#conn;
  }

  get id(): string {
    return this.conn.id;
  }

  get request(): UpgradeRequest {
    return this.conn.request;
  }
}
