import { askTimeout } from "../broadcast/asks.ts";
import { type Audience, broadcast } from "../broadcast/broadcast.ts";
import {
  askMembers,
  awaitAnswers,
  type Responses,
  recordOf,
  toResponses,
} from "../broadcast/broadcast-ask.ts";
import { broadcastToChildren } from "../broadcast/child-namespaces.ts";
import { eventPacket } from "../broadcast/event-packet.ts";
import {
  type Asked,
  ask,
  type Question,
  recordedAnswer,
  timedOut,
  toArguments,
} from "../broadcast/questions.ts";
import {
  disconnectAll,
  disconnectLater,
  fetchDetails,
  fetchIds,
  joinAll,
  leaveAll,
} from "../broadcast/remote-sockets.ts";
import { assertNotReserved } from "../broadcast/socket-emit.ts";
import { Effect, resolved } from "../common/effect.ts";
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
import { notAvailable } from "../common/unavailable.ts";
import type { Acting, NamespaceCore } from "../declared/namespace-core.ts";
import type { Invocation } from "../invocation/invocation.ts";
import { mustLookAgain } from "../invocation/recorded-answers.ts";
import type { Member } from "../ports/rooms.ts";
import type { EventPacket } from "../posting/post-to-all.ts";
import { notePackets } from "../socket/packet-create.ts";
import { type SocketCore, socketsOf } from "../socket/socket-core.ts";
import { RemoteSocket, type Rooms } from "./remote-socket.ts";

/** What an operator has chosen so far. */
export interface Selection {
  readonly nsp: NamespaceCore;
  /** The socket whose `to`, `broadcast`… this is; undefined for `io`. */
  readonly from: SocketCore | undefined;
  readonly rooms: ReadonlySet<string>;
  readonly except: ReadonlySet<string>;
  /** Milliseconds, of `timeout()`. */
  readonly timeout?: number;
  readonly volatile?: boolean;
  /** Of `compress()` and `local`: they change nothing, and are told to who asks. */
  readonly compress?: boolean;
  readonly local?: boolean;
  /** It is one socket: its answer comes as that of a socket does, not as one of a list. */
  readonly single?: boolean;
}

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
    const last = values.at(-1);
    if (typeof last === "function")
      return this.#emitWithCallback(event, values.slice(0, -1), last as AnyFunction);
    const what = `emit(${JSON.stringify(event)})`;
    return this.#act(what, ["broadcast", event], ({ invocation }) => {
      // Encoded once for all, and now: the application may change its objects before the packet has its turn.
      const packet = this.#packet(invocation, this.#selection.nsp.name, [event, ...values]);
      this.#notifyOutgoing(invocation, [event, ...values], packet);
      const { nsp } = this.#selection;
      if (nsp.place === undefined)
        return invocation.act(what, () => broadcast(invocation, this.#audience, packet));
      const data = [event, ...values].map(snapshot);
      return invocation.act(what, () =>
        broadcastToChildren(invocation, nsp, this.#audience, (child) => ({
          ...this.#packet(invocation, child, data),
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
    const { responses, complete } = await this.#ask(event, args).answer;
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
    const acting = this.#acting;
    this.#refuseForParents("fetchSockets()");
    const details = await this.#recorded(
      acting,
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
    const acting = this.#acting;
    this.#refuseForParents("allSockets()");
    const ids = await this.#recorded(
      acting,
      "allSockets()",
      (invocation) => fetchIds(invocation, this.#audience),
      (id) => id,
    );
    return new Set(ids);
  }

  /** Makes the chosen sockets join rooms. */
  socketsJoin(room: Rooms): Effect<void> {
    this.#refuseForParents("socketsJoin()");
    const rooms = roomList(room);
    return this.#act("socketsJoin()", ["join-all", rooms.join()], ({ invocation }) =>
      invocation.act("socketsJoin()", () => joinAll(invocation, this.#selection.nsp, this.#audience, rooms)),
    );
  }

  /** Makes the chosen sockets leave rooms. */
  socketsLeave(room: Rooms): Effect<void> {
    this.#refuseForParents("socketsLeave()");
    const rooms = roomList(room);
    return this.#act("socketsLeave()", ["leave-all", rooms.join()], ({ invocation }) =>
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
    this.#refuseForParents("disconnectSockets()");
    const { nsp } = this.#selection;
    // Where an event is running, their `disconnect` listeners run in it; elsewhere there may be none of them.
    if (!this.#acting) {
      return nsp.server.actOutside("disconnectSockets()", (invocation) =>
        disconnectLater(invocation, this.#audience, close),
      );
    }
    return this.#act("disconnectSockets()", ["disconnect-all", ""], ({ invocation }) =>
      disconnectAll(invocation, nsp, this.#audience, close),
    );
  }

  #emitWithCallback(event: string, args: readonly unknown[], callback: AnyFunction): Effect<void> {
    const { acting, sent, answer } = this.#ask(event, args);
    const what = `the acknowledgement callback of ${JSON.stringify(event)}`;
    const { single, nsp } = this.#selection;
    const called = answer.then(
      ({ responses, complete }) => {
        if (!single) return callback(complete ? null : timedOut(), responses);
        return complete ? callback(null, ...responses) : callback(timedOut());
      },
      (error: unknown) => (single ? callback(error) : callback(error, [])),
    );
    // As for all calls outside of events: it is over when all that it led to is.
    if (!acting) return nsp.server.outside.later(what, called);
    // A replay waits for its listeners itself, and an answer that was never recorded never comes.
    if (acting.mode === "live") void acting.invocation.track(what, called);
    else void Effect.of(called, () => undefined);
    return sent;
  }

  /** Asks all chosen sockets. */
  #ask(event: string, args: readonly unknown[]): Asked<Responses> & { readonly acting: Acting | undefined } {
    const what = `emit(${JSON.stringify(event)})`;
    this.#refuseForParents(`${what} with an acknowledgement`);
    const { nsp, single = false } = this.#selection;
    const question: Question<readonly Member[], Responses> = {
      event,
      timeout: askTimeout(this.#selection.timeout),
      send: (invocation, id) => {
        const packet = this.#packet(invocation, nsp.name, [event, ...args], id);
        this.#notifyOutgoing(invocation, [event, ...args], packet);
        return askMembers(invocation, this.#audience, packet, id);
      },
      wait: (ports, members, how) => awaitAnswers(ports, members, { ...how, single }),
      toRecord: recordOf,
      fromRecord: toResponses,
    };
    const acting = this.#acting;
    const { sent, answer } = ask(nsp.server, acting, question);
    // A replay waits for its listeners itself, and an answer that was never recorded never comes.
    const waits = acting && !(acting.socket && acting.mode === "replay");
    return { acting, sent, answer: waits ? acting.invocation.track(what, answer) : answer };
  }

  #packet(invocation: Invocation, nsp: string, data: readonly unknown[], id?: number): EventPacket {
    const { nsp: own, volatile } = this.#selection;
    return eventPacket(invocation, own.server, nsp, data, { id, volatile });
  }

  get #audience(): Audience {
    const { nsp, rooms, except } = this.#selection;
    return { nsp: nsp.name, rooms, except };
  }

  // The typed `emit` of an operator whose events the caller does not name.
  get #untyped(): BroadcastOperator {
    return new BroadcastOperator(this.#selection);
  }

  /** A socket judges its own operators; those of `io` go by the running event. */
  get #acting(): Acting | undefined {
    const { from, nsp } = this.#selection;
    if (!from) return nsp.server.acting();
    return { invocation: from.invocation, mode: from.mode(), socket: from };
  }

  #act(
    what: string,
    [operation, name]: readonly [string, string],
    live: (acting: Acting) => Effect<void>,
  ): Effect<void> {
    const acting = this.#acting;
    const { server } = this.#selection.nsp;
    if (!acting) {
      if (operation === "broadcast" && server.outside.overlaps(what)) return resolved(undefined);
      return server.actOutside(what, (invocation) => live({ invocation, mode: "live" }));
    }
    acting.socket?.note(operation, name);
    return acting.mode === "replay" ? resolved(undefined) : live(acting);
  }

  /** What the first run of a connection listener fetched is what its replays get. */
  async #recorded<T>(
    acting: Acting | undefined,
    what: string,
    fetch: (invocation: Invocation) => Promise<T[]>,
    forRecord: (found: T) => T,
  ): Promise<T[]> {
    const inTurn = (invocation: Invocation): Effect<T[]> =>
      invocation.act(what, async () => ({ rest: fetch(invocation) }));
    if (!acting) return await this.#selection.nsp.server.actOutside(what, inTurn);
    const { invocation, mode, socket } = acting;
    const place = socket?.nextAnswer();
    if (socket && place && mode === "replay" && mustLookAgain(socket.answers.get(place)))
      return await fetch(invocation);
    if (socket && mode === "replay") return (toArguments(await recordedAnswer(socket, place)) ?? []) as T[];
    const found = await inTurn(invocation);
    if (socket && place) socket.answers.recordFound(place, JSON.stringify(found.map(forRecord)));
    return found;
  }

  /**
   * `onAnyOutgoing`, and `packetCreate` of the connection, of the sockets that take part in this event and are among the chosen ones;
   * those of all others, which stock calls too where they share its process, are nowhere to be called: their sockets exist in no process.
   */
  #notifyOutgoing(invocation: Invocation, data: readonly unknown[], packet: EventPacket): void {
    const { nsp, rooms, except, compress } = this.#selection;
    for (const socket of socketsOf(invocation)) {
      const { anyOutgoing, packetCreate } = socket.listeners;
      if (anyOutgoing.length + packetCreate.length === 0) continue;
      if (!socket.life.connected || socket.nsp.name !== nsp.name) continue;
      const isIn = (room: string): boolean => socket.memberships.rooms.has(room);
      if ((rooms.size > 0 && ![...rooms].some(isIn)) || [...except].some(isIn)) continue;
      for (const listener of [...anyOutgoing]) listener(...data);
      notePackets(socket, packet.frames, compress);
    }
  }

  /** @throws SkysocketError where it would be needed to know the sockets of all children at once */
  #refuseForParents(what: string): void {
    if (this.#selection.nsp.place === undefined) return;
    throw notAvailable(
      `${what} is not supported on parent namespaces and`,
      "call it on the namespaces by name: io.of(name).",
    );
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
