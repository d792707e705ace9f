import { type Audience, broadcast } from "../broadcast/broadcast.ts";
import { askSelected, askWithCallback } from "../broadcast/broadcast-ask.ts";
import { broadcastToChildren } from "../broadcast/child-namespaces.ts";
import { timedOut } from "../broadcast/questions.ts";
import {
  disconnectAll,
  disconnectLater,
  fetchDetails,
  fetchIds,
  joinAll,
  leaveAll,
} from "../broadcast/remote-sockets.ts";
import {
  actingOf,
  actOnSelected,
  audienceOf,
  findSelected,
  notifyOutgoing,
  packetFor,
  refuseForParents,
  type Selection,
} from "../broadcast/selection.ts";
import { assertNotReserved } from "../broadcast/socket-emit.ts";
import type { Effect } from "../common/effect.ts";
import { snapshot } from "../common/snapshot.ts";
import type {
  AckedParams,
  AckValue,
  AnyFunction,
  DefaultEventsMap,
  EventNames,
  EventNamesWithAck,
  EventParams,
  EventsMap,
  MessageParams,
  WithTimeout,
} from "../common/typed-events.ts";
import { RemoteSocket, type Rooms } from "./remote-socket.ts";

/** Why `compress()` does nothing. */
export const COMPRESSION = "API Gateway and the client decide about compression between them";

/** Chooses sockets by rooms and sends to them. Each call gives a new operator; none is changed. */
export class BroadcastOperator<
  EmitEvents extends EventsMap = DefaultEventsMap,
  // biome-ignore lint/suspicious/noExplicitAny: an application that does not say what data it keeps may keep anything
  SocketData = any,
> {
  readonly #selection: Selection;

  constructor(selection: Selection) {
    this.#selection = selection;
  }

  /** The rooms chosen so far. Private on stock, where packages read it all the same; as are the next two. */
  get rooms(): Set<string> {
    return new Set(this.#selection.rooms);
  }

  get exceptRooms(): Set<string> {
    return new Set(this.#selection.except);
  }

  get flags(): {
    readonly local?: boolean;
    readonly compress?: boolean;
    readonly volatile?: boolean;
    readonly timeout?: number;
  } {
    const { local, compress, volatile, timeout } = this.#selection;
    return {
      ...(local !== undefined && { local }),
      ...(compress !== undefined && { compress }),
      ...(volatile !== undefined && { volatile }),
      ...(timeout !== undefined && { timeout }),
    };
  }

  /** To the sockets of these rooms too; a socket in several of them gets one packet. */
  to(room: Rooms): BroadcastOperator<EmitEvents, SocketData> {
    return this.#with({ rooms: union(this.#selection.rooms, room) });
  }

  /** The same as `to`. */
  in(room: Rooms): BroadcastOperator<EmitEvents, SocketData> {
    return this.to(room);
  }

  /** Not to the sockets of these rooms. */
  except(room: Rooms): BroadcastOperator<EmitEvents, SocketData> {
    return this.#with({ except: union(this.#selection.except, room) });
  }

  /** Has no effect: API Gateway decides about compression. */
  compress(compress: boolean): BroadcastOperator<EmitEvents, SocketData> {
    this.#selection.nsp.server.notice("compress()", COMPRESSION);
    return this.#with({ compress });
  }

  /** The event may be lost: connection state recovery does not keep it for clients that are away. */
  get volatile(): BroadcastOperator<EmitEvents, SocketData> {
    return this.#with({ volatile: true });
  }

  /** Has no effect: clients are connected to API Gateway, not to this instance. */
  get local(): BroadcastOperator<EmitEvents, SocketData> {
    this.#selection.nsp.server.notice(
      "local",
      "clients are connected to API Gateway, not to an instance: the event goes to all that are chosen",
    );
    return this.#with({ local: true });
  }

  /** How long the next emit waits for answers, in milliseconds. */
  timeout(ms: number): BroadcastOperator<WithTimeout<EmitEvents>, SocketData> {
    return new BroadcastOperator({ ...this.#selection, timeout: ms });
  }

  /**
   * Sends the event to all chosen sockets. With a function as last argument, calls it with `(error, answers)`: the first
   * value of every answer, or those that came before the timeout; where it could not be sent, with that error and no answers.
   * @returns a promise of all posts being accepted; nobody has to await it in an event. Elsewhere somebody has to: with a
   * function, it resolves there when that has been called
   * @throws Error for a reserved event name; PacketError for what API Gateway would not deliver; TypeError for no JSON
   */
  emit<Ev extends EventNames<EmitEvents>>(event: Ev, ...args: EventParams<EmitEvents, Ev>): Effect<void> {
    assertNotReserved(event);
    const values: unknown[] = args;
    const selection = this.#selection;
    const last = values.at(-1);
    if (typeof last === "function")
      return askWithCallback(selection, event, values.slice(0, -1), last as AnyFunction);
    const what = `emit(${JSON.stringify(event)})`;
    const data = [event, ...values];
    return actOnSelected(selection, what, ["broadcast", event], ({ invocation }) => {
      const { nsp } = selection;
      // Encoded once for all, and now: the application may change its objects before the packet has its turn.
      const packet = packetFor(selection, invocation, nsp.name, data);
      notifyOutgoing(selection, invocation, data, packet);
      if (nsp.place === undefined)
        return invocation.act(what, () => broadcast(invocation, this.#audience, packet));
      const copy = data.map(snapshot);
      return invocation.act(what, () =>
        broadcastToChildren(invocation, nsp, this.#audience, (child) => ({
          ...packetFor(selection, invocation, child, copy),
          // Of the call, not of this child's turn.
          ...(packet.volatileSince !== undefined && { volatileSince: packet.volatileSince }),
        })),
      );
    });
  }

  /**
   * Sends the event and resolves to the first value of every chosen socket's answer. After `timeout()`, or 10 s, it rejects
   * with an error whose `responses` are the answers that came.
   */
  async emitWithAck<Ev extends EventNamesWithAck<EmitEvents>>(
    event: Ev,
    ...args: AckedParams<EmitEvents, Ev>
  ): Promise<AckValue<EmitEvents, Ev>> {
    assertNotReserved(event);
    const { responses, complete } = await askSelected(this.#selection, event, args).answer;
    const { single } = this.#selection;
    if (complete) return (single ? responses[0] : responses) as AckValue<EmitEvents, Ev>;
    throw single ? timedOut() : Object.assign(timedOut(), { responses });
  }

  /** Emits a `message` event. */
  send(...args: MessageParams<EmitEvents>): this {
    void this.#untyped.emit("message", ...args);
    return this;
  }

  /** The same as `send`. */
  write(...args: MessageParams<EmitEvents>): this {
    return this.send(...args);
  }

  /** The chosen sockets, wherever they are connected, in order of connecting. One read for each room, two for each socket. */
  async fetchSockets(): Promise<RemoteSocket<EmitEvents, SocketData>[]> {
    const details = await findSelected(
      this.#selection,
      "fetchSockets()",
      (invocation) => fetchDetails(invocation, this.#audience),
      // What a row keeps of other people is no more than what makes out a socket: no cookies, no tokens.
      ({ handshake, ...details }) => ({
        ...details,
        handshake: { ...handshake, headers: {}, query: {}, auth: {} },
      }),
    );
    return details.map((one) => new RemoteSocket(one, this.#only(one.id)));
  }

  /** The ids of the chosen sockets, in order of connecting: one read for each room. @deprecated as on stock: use `fetchSockets` */
  async allSockets(): Promise<Set<string>> {
    const ids = await findSelected(
      this.#selection,
      "allSockets()",
      (invocation) => fetchIds(invocation, this.#audience),
      (id) => id,
    );
    return new Set(ids);
  }

  /** Makes the chosen sockets join rooms. */
  socketsJoin(room: Rooms): Effect<void> {
    refuseForParents(this.#selection, "socketsJoin()");
    const rooms = roomList(room);
    return actOnSelected(this.#selection, "socketsJoin()", ["join-all", rooms.join()], ({ invocation }) =>
      invocation.act("socketsJoin()", () => joinAll(invocation, this.#selection.nsp, this.#audience, rooms)),
    );
  }

  /** Makes the chosen sockets leave rooms. */
  socketsLeave(room: Rooms): Effect<void> {
    refuseForParents(this.#selection, "socketsLeave()");
    const rooms = roomList(room);
    return actOnSelected(this.#selection, "socketsLeave()", ["leave-all", rooms.join()], ({ invocation }) =>
      invocation.act("socketsLeave()", () =>
        leaveAll(invocation, this.#selection.nsp, this.#audience, rooms),
      ),
    );
  }

  /**
   * Disconnects the chosen sockets from the namespace; with `close`, their whole connections. Outside of an event the promise
   * resolves when the socket function, which has their `disconnect` listeners, has been told to.
   */
  disconnectSockets(close = false): Effect<void> {
    refuseForParents(this.#selection, "disconnectSockets()");
    const { nsp } = this.#selection;
    // Where an event is running, their `disconnect` listeners run in it; elsewhere there may be none of them.
    if (!actingOf(this.#selection)) {
      return nsp.server.actOutside("disconnectSockets()", (invocation) =>
        disconnectLater(invocation, this.#audience, close),
      );
    }
    return actOnSelected(this.#selection, "disconnectSockets()", ["disconnect-all", ""], ({ invocation }) =>
      disconnectAll(invocation, nsp, this.#audience, close),
    );
  }

  get #audience(): Audience {
    return audienceOf(this.#selection);
  }

  // The typed `emit` of an operator whose events the caller does not name.
  get #untyped(): BroadcastOperator {
    return new BroadcastOperator(this.#selection);
  }

  #only(id: string): BroadcastOperator<EmitEvents, SocketData> {
    return this.#with({ rooms: new Set([id]), except: new Set(), single: true });
  }

  #with(change: Partial<Selection>): BroadcastOperator<EmitEvents, SocketData> {
    return new BroadcastOperator({ ...this.#selection, ...change });
  }
}

/** Room names as the application gives them: one or a list, and not always strings. */
export const roomList = (room: Rooms): string[] => (Array.isArray(room) ? room : [room]).map(String);

const union = (rooms: ReadonlySet<string>, more: Rooms): ReadonlySet<string> =>
  new Set([...rooms, ...roomList(more)]);
