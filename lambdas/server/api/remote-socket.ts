import type { RemoteSocketDetails } from "../broadcast/remote-sockets.ts";
import type { Effect } from "../common/effect.ts";
import type { Handshake } from "../common/handshake.ts";
import type {
  AckedParams,
  AckValue,
  DefaultEventsMap,
  EventNames,
  EventNamesWithAck,
  EventParams,
  EventsMap,
  WithTimeout,
} from "../common/typed-events.ts";

/** One room or several. */
export type Rooms = string | readonly string[];

/** What acts on the socket: the operator that has chosen it alone. */
export interface SingleOperator<EmitEvents extends EventsMap> {
  emit<Ev extends EventNames<EmitEvents>>(event: Ev, ...args: EventParams<EmitEvents, Ev>): Effect<void>;
  emitWithAck<Ev extends EventNamesWithAck<EmitEvents>>(
    event: Ev,
    ...args: AckedParams<EmitEvents, Ev>
  ): Promise<AckValue<EmitEvents, Ev>>;
  timeout(ms: number): SingleOperator<WithTimeout<EmitEvents>>;
  socketsJoin(room: Rooms): Effect<void>;
  socketsLeave(room: Rooms): Effect<void>;
  disconnectSockets(close?: boolean): Effect<void>;
}

/** A socket as `fetchSockets` gives it: a picture of the moment, with the means to act on it. */
export class RemoteSocket<
  EmitEvents extends EventsMap = DefaultEventsMap,
  // biome-ignore lint/suspicious/noExplicitAny: an application that does not say what data it keeps may keep anything
  SocketData = any,
> {
  readonly id: string;
  readonly handshake: Handshake;
  readonly rooms: Set<string>;
  readonly data: SocketData;
  readonly #operator: SingleOperator<EmitEvents>;

  constructor(details: RemoteSocketDetails, operator: SingleOperator<EmitEvents>) {
    this.id = details.id;
    this.handshake = details.handshake;
    this.rooms = new Set(details.rooms);
    this.data = details.data as SocketData;
    this.#operator = operator;
  }

  emit<Ev extends EventNames<EmitEvents>>(event: Ev, ...args: EventParams<EmitEvents, Ev>): Effect<void> {
    return this.#operator.emit(event, ...args);
  }

  join(room: Rooms): Effect<void> {
    return this.#operator.socketsJoin(room);
  }

  leave(room: string): Effect<void> {
    return this.#operator.socketsLeave(room);
  }

  disconnect(close = false): this {
    void this.#operator.disconnectSockets(close);
    return this;
  }

  /** How long the next emit waits for the answer, in milliseconds. */
  timeout(ms: number): SingleOperator<WithTimeout<EmitEvents>> {
    return this.#operator.timeout(ms);
  }

  /** Sends an event and resolves to the socket's answer; rejects after `timeout()`, or 10 s. */
  emitWithAck<Ev extends EventNamesWithAck<EmitEvents>>(
    event: Ev,
    ...args: AckedParams<EmitEvents, Ev>
  ): Promise<AckValue<EmitEvents, Ev>> {
    return this.#operator.emitWithAck(event, ...args);
  }
}
