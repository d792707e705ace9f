/**
 * Types that make `on` and `emit` know an application's events: the same maps, and the same decorations of their
 * acknowledgements, as Socket.IO's, so that typed applications move over unchanged.
 */

/** A listener of any event; `any` because the parameters are the application's and unknown to us. */
// biome-ignore lint/suspicious/noExplicitAny: an untyped application calls with, and listens for, whatever it likes
export type AnyFunction = (...args: any[]) => any;

/** Accepts every event with any arguments: what a Server without type arguments has. */
export interface DefaultEventsMap {
  [event: string]: AnyFunction;
}

/** An interface from event name to listener type. */
export interface EventsMap {
  // biome-ignore lint/suspicious/noExplicitAny: only `any` lets an interface without index signature be a map, as on stock
  [event: string]: any;
}

export type EventNames<M extends EventsMap> = Extract<keyof M, string>;

/** The arguments of an event, as a tuple. */
export type EventParams<M extends EventsMap, Ev extends keyof M> = Parameters<M[Ev]>;

/** An event as `socket.use` gets it: the name and the arguments. */
// biome-ignore lint/suspicious/noExplicitAny: whatever a client sent
export type Event = [string, ...any[]];

type IfAny<T, Yes, No> = 0 extends 1 & T ? Yes : No;

export type Last<T extends readonly unknown[]> = T extends readonly [infer Only]
  ? Only
  : T extends readonly [unknown, ...infer Tail]
    ? Last<Tail>
    : T extends readonly (infer Item)[]
      ? Item
      : never;

// biome-ignore lint/suspicious/noExplicitAny: the arguments of an event that is not known
export type AllButLast<T extends unknown[]> = T extends [...infer H, unknown] ? H : any[];

/** Events whose last argument is an acknowledgement; all of an untyped map. */
export type EventNamesWithAck<M extends EventsMap, Ev extends EventNames<M> = EventNames<M>> = IfAny<
  Last<Parameters<M[Ev]>> | M[Ev],
  Ev,
  Ev extends (
    Parameters<M[Ev]> extends never[]
      ? never
      : Last<Parameters<M[Ev]>> extends AnyFunction
        ? Ev
        : never
  )
    ? Ev
    : never
>;

/** Events without an acknowledgement; all of an untyped map. */
export type EventNamesWithoutAck<M extends EventsMap, Ev extends EventNames<M> = EventNames<M>> = IfAny<
  Last<Parameters<M[Ev]>> | M[Ev],
  Ev,
  Ev extends (Parameters<M[Ev]> extends never[] ? Ev : never)
    ? Ev
    : Ev extends (Last<Parameters<M[Ev]>> extends AnyFunction ? never : Ev)
      ? Ev
      : never
>;

/** What `emitWithAck` resolves to: the acknowledgement's first argument that is no error. */
export type FirstNonErrorArg<Ack> = Ack extends (...args: infer A) => unknown
  ? A[0] extends Error
    ? A[1]
    : A[0]
  : // biome-ignore lint/suspicious/noExplicitAny: an untyped event is answered with whatever the client likes
    any;

/** Arguments of `emitWithAck`: those of the event without its callback. */
export type AckedParams<M extends EventsMap, Ev extends keyof M> = AllButLast<EventParams<M, Ev>>;
export type AckValue<M extends EventsMap, Ev extends keyof M> = FirstNonErrorArg<Last<EventParams<M, Ev>>>;

/** Arguments of an event of an inbox: its acknowledgement, if the map names it for the client, is not the emitter's to give. */
export type UnackedParams<M extends EventsMap, Ev extends EventNames<M>> =
  Ev extends EventNamesWithoutAck<M, Ev> ? EventParams<M, Ev> : AckedParams<M, Ev>;

/** Arguments of `send`: those of the application's `message` event, if it has one. */
export type MessageParams<M extends EventsMap> = "message" extends keyof M
  ? EventParams<M, "message">
  : never;

/** The events of a socket after `timeout(ms)`: their callbacks get an error first. */
export type WithTimeout<M> = {
  [Ev in keyof M]: M[Ev] extends (...args: infer A) => infer R
    ? (...args: { [I in keyof A]: TimeoutFirst<A[I]> }) => R
    : M[Ev];
};
type TimeoutFirst<C> = C extends (...args: infer A) => infer R
  ? A[0] extends Error
    ? C
    : (error: Error, ...args: A) => R
  : C;

/** The events of several sockets: their callbacks get the list of the answers. */
export type WithMultipleResponses<M> = {
  [Ev in keyof M]: M[Ev] extends (...args: infer A) => infer R
    ? (...args: { [I in keyof A]: MultipleResponses<A[I]> }) => R
    : M[Ev];
};
type MultipleResponses<C> = C extends (...args: infer A) => infer R
  ? A extends [Error]
    ? (error: Error) => R
    : A extends [Error, ...infer Rest]
      ? (error: Error, ...args: FirstAsList<Rest>) => R
      : A extends []
        ? () => R
        : (...args: FirstAsList<A>) => R
  : C;
type FirstAsList<T extends unknown[]> = T extends [infer First, ...unknown[]] ? [First[]] : T;

/** A socket or namespace event that the server itself emits, or else one of the application's. */
export type ListenerOf<
  Reserved extends EventsMap,
  M extends EventsMap,
  Ev extends string,
> = Ev extends keyof Reserved ? Reserved[Ev] : Ev extends keyof M ? M[Ev] : AnyFunction;
