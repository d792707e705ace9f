import { encodeFrames } from "../protocol/packets.ts";
import { checkTimeout, DEFAULT_ASK_TIMEOUT_MS, newAskId } from "./asks.ts";
import { askMembers, type Responses, toResponses } from "./broadcast-ask.ts";
import { type Audience, broadcast } from "./delivery.ts";
import { Effect } from "./effect.ts";
import { assertNotReserved, recordedAnswer, timedOut } from "./emit.ts";
import type { NamespaceCore } from "./namespace-core.ts";
import { disconnectAll, fetchDetails, joinAll, leaveAll } from "./remote.ts";
import { RemoteSocket, type RemoteSocketDetails } from "./remote-socket.ts";
import { type Acting, resolved } from "./server-core.ts";
import type { SocketCore } from "./socket-core.ts";
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

/** One room or several. */
export type Rooms = string | readonly string[];

/** What an operator has chosen so far. */
export interface Selection {
  readonly nsp: NamespaceCore;
  /** The socket whose `to`, `broadcast`… this is; undefined for `io`. */
  readonly from: SocketCore | undefined;
  readonly rooms: ReadonlySet<string>;
  readonly except: ReadonlySet<string>;
  /** Milliseconds, of `timeout()`. */
  readonly timeout?: number;
  /** It is one socket: its answer comes by itself, not in a list. */
  readonly single?: boolean;
}

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
  compress(_compress: boolean): BroadcastOperator<EmitEvents, SocketData> {
    return this;
  }

  /** May be lost. A packet is posted, or the connection is gone: nothing is buffered here, so this changes nothing. */
  get volatile(): BroadcastOperator<EmitEvents, SocketData> {
    return this;
  }

  /** How long the next emit waits for answers, in milliseconds. */
  timeout(ms: number): BroadcastOperator<WithTimeout<EmitEvents>, SocketData> {
    return new BroadcastOperator({ ...this.#selection, timeout: ms });
  }

  /**
   * Sends the event to all chosen sockets. With a function as last argument, calls it with `(error, answers)`: the first
   * value of every answer, or those that came before the timeout.
   * @returns a promise of all posts being accepted; nobody has to await it
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
      const frames = this.#encode([event, ...values]);
      return invocation.act(what, () => broadcast(invocation, this.#audience, frames));
    });
  }

  /**
   * Sends the event and resolves to the first value of every chosen socket's answer. After `timeout()`, or 10 s, it rejects
   * with an error whose `responses` are the answers that came.
   */
  async emitWithAck<Ev extends EventNames<EmitEvents>>(
    event: Ev,
    ...args: AckedParams<EmitEvents, Ev>
  ): Promise<AckValue<EmitEvents, Ev>[]> {
    assertNotReserved(event);
    const { responses, complete } = await this.#ask(event, args).answers;
    if (complete) return (this.#selection.single ? responses[0] : responses) as AckValue<EmitEvents, Ev>[];
    throw Object.assign(timedOut(), { responses });
  }

  /** Emits a `message` event. */
  send(...args: unknown[]): this {
    void this.#untyped.emit("message", ...args);
    return this;
  }

  /** The same as `send`. */
  write(...args: unknown[]): this {
    return this.send(...args);
  }

  /** The chosen sockets, wherever they are connected. One read for each room, two for each socket. */
  async fetchSockets(): Promise<RemoteSocket<EmitEvents, SocketData>[]> {
    const acting = this.#acting;
    if (!acting) return this.#selection.nsp.server.refuse("fetchSockets()");
    const details = await this.#fetch(acting);
    return details.map((one) => new RemoteSocket(one, this.#only(one.id)));
  }

  /** Makes the chosen sockets join rooms. */
  socketsJoin(room: Rooms): Effect<void> {
    const rooms = roomList(room);
    return this.#act("socketsJoin()", ["join-all", rooms.join()], ({ invocation }) =>
      invocation.act("socketsJoin()", () => joinAll(invocation, this.#selection.nsp, this.#audience, rooms)),
    );
  }

  /** Makes the chosen sockets leave rooms. */
  socketsLeave(room: Rooms): Effect<void> {
    const rooms = roomList(room);
    return this.#act("socketsLeave()", ["leave-all", rooms.join()], ({ invocation }) =>
      invocation.act("socketsLeave()", () =>
        leaveAll(invocation, this.#selection.nsp, this.#audience, rooms),
      ),
    );
  }

  /** Disconnects the chosen sockets from the namespace; with `close`, their whole connections. */
  disconnectSockets(close = false): Effect<void> {
    return this.#act("disconnectSockets()", ["disconnect-all", ""], ({ invocation }) =>
      disconnectAll(invocation, this.#selection.nsp, this.#audience, close),
    );
  }

  #emitWithCallback(event: string, args: readonly unknown[], callback: AnyFunction): Effect<void> {
    const { acting, sent, answers } = this.#ask(event, args);
    const what = `the acknowledgement callback of ${JSON.stringify(event)}`;
    const called = answers.then(({ responses, complete }) =>
      callback(complete ? null : timedOut(), this.#selection.single ? responses[0] : responses),
    );
    // A replay waits for its listeners itself, and an answer that was never recorded never comes.
    if (acting?.mode === "live") void acting.invocation.track(what, called);
    else void Effect.of(called, () => undefined);
    return sent;
  }

  /** Asks all chosen sockets. What a connection listener got in its first run is what its replays get. */
  #ask(
    event: string,
    args: readonly unknown[],
  ): { acting: Acting | undefined; sent: Effect<void>; answers: Promise<Responses> } {
    const what = `emit(${JSON.stringify(event)})`;
    const { timeout = DEFAULT_ASK_TIMEOUT_MS, nsp } = this.#selection;
    checkTimeout(timeout);
    const acting = this.#acting;
    if (!acting) {
      const sent = nsp.server.refuse<void>(what);
      return { acting, sent, answers: sent.then(() => ({ responses: [], complete: false })) };
    }
    const { invocation, socket } = acting;
    socket?.note("ask", event);
    const place = socket?.nextAnswer();
    if (socket && acting.mode === "replay") {
      const answers = recordedAnswer(socket, place).then((recorded) => toResponses(recorded));
      return { acting, sent: resolved(undefined), answers };
    }
    const id = newAskId();
    const asked = askMembers(invocation, this.#audience, this.#encode([event, ...args], id), id, timeout);
    const answers = asked.answers.then((all) => {
      if (socket && place !== undefined)
        socket.answers[place] = JSON.stringify([all.complete, all.responses]);
      return all;
    });
    return { acting, sent: asked.sent, answers: invocation.track(what, answers) };
  }

  #encode(data: readonly unknown[], id?: number): readonly string[] {
    return encodeFrames({ type: "event", nsp: this.#selection.nsp.name, data, id });
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
    if (!acting) return this.#selection.nsp.server.refuse(what);
    acting.socket?.note(operation, name);
    return acting.mode === "replay" ? resolved(undefined) : live(acting);
  }

  /** What the first run of a connection listener fetched is what its replays get. */
  async #fetch({ invocation, mode, socket }: Acting): Promise<RemoteSocketDetails[]> {
    const place = socket?.nextAnswer();
    if (socket && mode === "replay") {
      return ((await recordedAnswer(socket, place)) ?? []) as RemoteSocketDetails[];
    }
    const details = await invocation.act("fetchSockets()", async () => ({
      rest: fetchDetails(invocation, this.#audience),
    }));
    if (socket && place !== undefined) socket.answers[place] = JSON.stringify(details);
    return details;
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
