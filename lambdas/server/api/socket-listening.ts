import { assertFunction } from "../common/assert-function.ts";
import type {
  AnyFunction,
  DefaultEventsMap,
  EventNames,
  EventsMap,
  ListenerOf,
} from "../common/typed-events.ts";
import type { DisconnectReason } from "../ports/sockets.ts";
import { eventName, lateRegistration, type PacketMiddleware } from "../socket/listeners.ts";
import type { SocketCore } from "../socket/socket-core.ts";

/** What the server itself emits on a socket. */
export interface SocketReservedEvents {
  // biome-ignore lint/suspicious/noExplicitAny: as on stock; it is undefined here
  disconnecting: (reason: DisconnectReason, description?: any) => unknown;
  // biome-ignore lint/suspicious/noExplicitAny: as on stock; it is undefined here
  disconnect: (reason: DisconnectReason, description?: any) => unknown;
  error: (error: Error) => unknown;
}

type SocketEventNames<M extends EventsMap> = EventNames<M> | keyof SocketReservedEvents;

/** What a socket listens to. It is registered anew in each event, by the connection listeners. */
export abstract class SocketListening<ListenEvents extends EventsMap = DefaultEventsMap> {
  readonly #core: SocketCore;
  #maxListeners = 10;

  constructor(core: SocketCore) {
    this.#core = core;
  }

  /** @throws SkysocketError inside an event handler: the next event would not know of it */
  on<Ev extends SocketEventNames<ListenEvents>>(
    event: Ev,
    listener: ListenerOf<SocketReservedEvents, ListenEvents, Ev>,
  ): this {
    return this.#listen("on", event, listener as AnyFunction, {});
  }

  addListener<Ev extends SocketEventNames<ListenEvents>>(
    event: Ev,
    listener: ListenerOf<SocketReservedEvents, ListenEvents, Ev>,
  ): this {
    return this.on(event, listener);
  }

  prependListener<Ev extends SocketEventNames<ListenEvents>>(
    event: Ev,
    listener: ListenerOf<SocketReservedEvents, ListenEvents, Ev>,
  ): this {
    return this.#listen("on", event, listener as AnyFunction, { first: true });
  }

  /** A listener that runs at most once for this socket, whichever invocation gets the event. */
  once<Ev extends SocketEventNames<ListenEvents>>(
    event: Ev,
    listener: ListenerOf<SocketReservedEvents, ListenEvents, Ev>,
  ): this {
    return this.#listen("once", event, listener as AnyFunction, { once: true });
  }

  off(event: string, listener: AnyFunction): this {
    this.#registering(`socket.off(${JSON.stringify(event)})`);
    this.#core.listeners.remove(eventName(event), listener);
    return this;
  }

  removeListener(event: string, listener: AnyFunction): this {
    return this.off(event, listener);
  }

  removeAllListeners(event?: string): this {
    this.#registering("socket.removeAllListeners()");
    this.#core.listeners.remove(event === undefined ? undefined : eventName(event));
    return this;
  }

  /** A `once` listener that runs before those that are there. */
  prependOnceListener<Ev extends SocketEventNames<ListenEvents>>(
    event: Ev,
    listener: ListenerOf<SocketReservedEvents, ListenEvents, Ev>,
  ): this {
    return this.#listen("once", event, listener as AnyFunction, { once: true, first: true });
  }

  /** Has no effect: nothing leaks from one event to the next. */
  setMaxListeners(n: number): this {
    this.#maxListeners = n;
    return this;
  }

  getMaxListeners(): number {
    return this.#maxListeners;
  }

  listeners(event: string): AnyFunction[] {
    return this.#core.listeners.of(eventName(event)).map(({ fn }) => fn);
  }

  /** The same as `listeners`: a `once` listener has no wrapping here. */
  rawListeners(event: string): AnyFunction[] {
    return this.listeners(event);
  }

  listenerCount(event: string): number {
    return this.#core.listeners.of(eventName(event)).length;
  }

  eventNames(): string[] {
    return this.#core.listeners.names();
  }

  /** Called with every incoming event, before its own listeners. */
  onAny(listener: AnyFunction): this {
    this.#registering("socket.onAny()");
    assertFunction("listener", listener);
    this.#core.listeners.any.push(listener);
    return this;
  }

  prependAny(listener: AnyFunction): this {
    this.#registering("socket.prependAny()");
    assertFunction("listener", listener);
    this.#core.listeners.any.unshift(listener);
    return this;
  }

  offAny(listener?: AnyFunction): this {
    this.#registering("socket.offAny()");
    this.#core.listeners.any = without(this.#core.listeners.any, listener);
    return this;
  }

  listenersAny(): AnyFunction[] {
    return this.#core.listeners.any;
  }

  /** Called with every event that is sent to this socket by itself. */
  onAnyOutgoing(listener: AnyFunction): this {
    this.#registering("socket.onAnyOutgoing()");
    assertFunction("listener", listener);
    this.#core.listeners.anyOutgoing.push(listener);
    return this;
  }

  prependAnyOutgoing(listener: AnyFunction): this {
    this.#registering("socket.prependAnyOutgoing()");
    assertFunction("listener", listener);
    this.#core.listeners.anyOutgoing.unshift(listener);
    return this;
  }

  offAnyOutgoing(listener?: AnyFunction): this {
    this.#registering("socket.offAnyOutgoing()");
    this.#core.listeners.anyOutgoing = without(this.#core.listeners.anyOutgoing, listener);
    return this;
  }

  listenersAnyOutgoing(): AnyFunction[] {
    return this.#core.listeners.anyOutgoing;
  }

  /** A middleware for incoming events: `next(error)` gives the socket's `error` listeners the error instead. */
  use(middleware: PacketMiddleware): this {
    this.#registering("socket.use()");
    assertFunction("middleware", middleware);
    this.#core.note("use", "");
    this.#core.listeners.middlewares.push(middleware);
    return this;
  }

  #listen(
    operation: "on" | "once",
    event: string,
    listener: AnyFunction,
    how: { readonly once?: boolean; readonly first?: boolean },
  ): this {
    const name = eventName(event);
    this.#registering(`socket.${operation}(${JSON.stringify(name)})`);
    this.#core.note(operation, name);
    this.#core.listeners.add(name, listener, how);
    return this;
  }

  #registering(what: string): void {
    if (this.#core.registering || !this.#core.life.reachable) return;
    throw lateRegistration(what);
  }
}

const without = (list: readonly AnyFunction[], fn: AnyFunction | undefined): AnyFunction[] => {
  const at = fn === undefined ? -1 : list.indexOf(fn);
  return fn === undefined ? [] : list.filter((_, index) => index !== at);
};
