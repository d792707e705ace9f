import { type EmitFlags, emitToSocket, emitWithAck } from "../broadcast/socket-emit.ts";
import { type Effect, resolved } from "../common/effect.ts";
import type { Handshake } from "../common/handshake.ts";
import type {
  AckedParams,
  AckValue,
  DefaultEventsMap,
  EventNames,
  EventNamesWithAck,
  EventParams,
  EventsMap,
  MessageParams,
  WithMultipleResponses,
  WithTimeout,
} from "../common/typed-events.ts";
import type { UpgradeRequest } from "../common/upgrade-request.ts";
import { disconnectSocket } from "../ending/ending.ts";
import { closeInbox, type InboxOptions, openInbox } from "../inbox/opening.ts";
import { finishJoin, startJoin } from "../rooms/joining.ts";
import { leave } from "../rooms/leaving.ts";
import type { SocketCore } from "../socket/socket-core.ts";
import { BroadcastOperator, COMPRESSION, roomList } from "./broadcast-operator.ts";
import { Client, Conn } from "./conn.ts";
import type { PublicTypes } from "./public-types.ts";
import type { Rooms } from "./remote-socket.ts";
import { SocketListening } from "./socket-listening.ts";
import type { AdapterStandIn } from "./unavailable-maps.ts";

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
> extends SocketListening<ListenEvents> {
  readonly #core: SocketCore;
  #flags: EmitFlags = {};
  #conn: Conn | undefined;
  #client: Client | undefined;

  constructor(core: SocketCore) {
    super(core);
    this.#core = core;
  }

  /** Random, and known to other clients if the application tells them; also the name of the socket's own room. */
  get id(): string {
    return this.#core.id;
  }

  get nsp(): PublicTypes<ListenEvents, EmitEvents, ServerSideEvents, SocketData>["namespace"] {
    return this.#core.nsp.facade as PublicTypes<
      ListenEvents,
      EmitEvents,
      ServerSideEvents,
      SocketData
    >["namespace"];
  }

  /** The upgrade request's details and the client's `auth`. */
  get handshake(): Handshake {
    return this.#core.handshake;
  }

  get server(): PublicTypes<ListenEvents, EmitEvents, ServerSideEvents, SocketData>["server"] {
    return this.nsp.server;
  }

  /** There is none: its members throw and name the way out. */
  get adapter(): AdapterStandIn {
    return this.nsp.adapter;
  }

  /** The client's connection, which its sockets in other namespaces share. */
  get conn(): Conn {
    this.#conn ??= this.#core.client.rebuilt.add("conn", new Conn(this.#core));
    return this.#conn;
  }

  get client(): Client {
    this.#client ??= this.#core.client.rebuilt.add("client", new Client(this.conn));
    return this.#client;
  }

  /** The upgrade request: a plain object, with what engine middlewares put on it. */
  get request(): UpgradeRequest {
    return this.#core.client.request;
  }

  /** False also once the event is over that this object belongs to: loops that go on while it is true end then. */
  get connected(): boolean {
    return this.#core.life.connected && !this.#core.invocation.ended;
  }

  get disconnected(): boolean {
    return !this.connected;
  }

  /** True when the session was restored with what it missed. */
  get recovered(): boolean {
    return this.#core.recovered;
  }

  /** True while the connection listeners run again before an event: what they do now has been done already. */
  get replayed(): boolean {
    return this.#core.mode() === "replay";
  }

  /** The rooms it is in; changes as soon as `join` or `leave` is called. */
  get rooms(): Set<string> {
    return this.#core.memberships.rooms;
  }

  /** Anything JSON-able, kept between events by top-level key: the last write of a key wins. */
  get data(): SocketData {
    return this.#core.state.data as SocketData;
  }

  set data(value: SocketData) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new TypeError(
        `socket.data must be an object, since it is kept by key; got ${JSON.stringify(value)}`,
      );
    }
    this.#core.state.data = value as Record<string, unknown>;
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
  emitWithAck<Ev extends EventNamesWithAck<EmitEvents>>(
    event: Ev,
    ...args: AckedParams<EmitEvents, Ev>
  ): Promise<AckValue<EmitEvents, Ev>> {
    const answer = emitWithAck(this.#core, event, args, this.#takeFlags());
    return answer as Promise<AckValue<EmitEvents, Ev>>;
  }

  /** Emits a `message` event. */
  send(...args: MessageParams<EmitEvents>): this {
    void emitToSocket(this.#core, "message", args, this.#takeFlags());
    return this;
  }

  /** The same as `send`. */
  write(...args: MessageParams<EmitEvents>): this {
    return this.send(...args);
  }

  /** How long the next emit waits for its answer, in milliseconds; its callback then gets an error first. */
  timeout(ms: number): Socket<ListenEvents, WithTimeout<EmitEvents>, ServerSideEvents, SocketData> {
    this.#flags = { ...this.#flags, timeout: ms };
    return this as unknown as Socket<ListenEvents, WithTimeout<EmitEvents>, ServerSideEvents, SocketData>;
  }

  /** Has no effect: API Gateway decides about compression. */
  compress(compress: boolean): this {
    this.#core.nsp.server.notice("compress()", COMPRESSION);
    this.#flags = { ...this.#flags, compress };
    return this;
  }

  /** The next event may be lost: connection state recovery does not keep it. */
  get volatile(): this {
    this.#flags = { ...this.#flags, volatile: true };
    return this;
  }

  /** Has no effect; see {@link BroadcastOperator.local}. */
  get local(): BroadcastOperator<WithMultipleResponses<EmitEvents>, SocketData> {
    return this.broadcast.local;
  }

  /** To the other sockets of these rooms. */
  to(room: Rooms): BroadcastOperator<WithMultipleResponses<EmitEvents>, SocketData> {
    return this.broadcast.to(room);
  }

  /** The same as `to`. */
  in(room: Rooms): BroadcastOperator<WithMultipleResponses<EmitEvents>, SocketData> {
    return this.broadcast.to(room);
  }

  /** To the other sockets that are not in these rooms. */
  except(room: Rooms): BroadcastOperator<WithMultipleResponses<EmitEvents>, SocketData> {
    return this.broadcast.except(room);
  }

  /** To all other sockets of the namespace. */
  get broadcast(): BroadcastOperator<WithMultipleResponses<EmitEvents>, SocketData> {
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
    if (core.mode() === "replay" || !core.life.reachable) return resolved(undefined);
    if (core.invocation.ended) return core.invocation.refuseCall("join()");
    try {
      const tokens = startJoin(core, list, core.nsp.server.options.maxRoomsPerSocket);
      if (core.life.drafting) return resolved(undefined); // the commit of CONNECT writes them
      return core.invocation.act("join()", async () => {
        await finishJoin(core, list, tokens);
        return { rest: undefined };
      });
    } catch (error) {
      return core.invocation.track("join()", Promise.reject(error));
    }
  }

  leave(room: string): Effect<void> {
    if (Array.isArray(room)) return resolved(undefined); // as on stock, where a list is no room that a socket is in
    const name = String(room);
    this.#core.note("leave", name);
    return leaveAtOnce(this.#core, [name]);
  }

  /** Leaves all rooms, that of its own id too. Not in stock's types, but there, and called by applications. */
  leaveAll(): Effect<void> {
    this.#core.note("leave", "");
    return leaveAtOnce(this.#core, [...this.rooms]);
  }

  // ── inboxes ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Sends this client what waits in the inbox, oldest first, and what is emitted to it from now on; what it does not acknowledge
   * is sent again by the next opening. Whoever has the name of an inbox in here gets what is in it: decide by what a middleware
   * has checked. Opening it again begins at the oldest.
   * @returns resolves when it is open; rejects when the socket has 32 inboxes open
   */
  openInbox(name: string, options: InboxOptions = {}): Effect<void> {
    return openInbox(this.#core, String(name), options);
  }

  /** Sends this client nothing more of the inbox; what it has not acknowledged waits. */
  closeInbox(name: string): Effect<void> {
    return closeInbox(this.#core, String(name));
  }

  /** Disconnects from the namespace; with `close`, closes the client's connection with all its namespaces. */
  disconnect(close = false): this {
    const core = this.#core;
    core.note("disconnect", String(close));
    if (!core.life.connected || core.mode() === "replay") return this;
    core.life.disconnect();
    core.memberships.hide(); // `disconnecting`, which stock calls right here, has them once more
    void disconnectSocket(core, close);
    return this;
  }

  #takeFlags(): EmitFlags {
    const flags = this.#flags;
    this.#flags = {};
    return flags;
  }
}

/** `socket.rooms` changes synchronously. */
function leaveAtOnce(core: SocketCore, rooms: readonly string[]): Effect<void> {
  if (core.mode() === "replay" || !core.life.reachable) return resolved(undefined);
  core.memberships.leave(rooms);
  if (core.life.drafting) return resolved(undefined);
  return core.invocation.act("leave()", async () => {
    await leave(core, rooms);
    return { rest: undefined };
  });
}
