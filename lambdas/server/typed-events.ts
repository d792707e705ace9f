/**
 * Types that make `on` and `emit` know an application's events: the same maps as Socket.IO's, so that they move over
 * unchanged.
 */

/** A listener of any event; `any` because the parameters are the application's and unknown to us. */
// biome-ignore lint/suspicious/noExplicitAny: an untyped application calls with, and listens for, whatever it likes
export type AnyFunction = (...args: any[]) => any;

/** Accepts every event with any arguments: what a Server without type arguments has. */
export interface DefaultEventsMap {
  [event: string]: AnyFunction;
}

/** An interface from event name to listener type. */
export type EventsMap = object;

export type EventNames<M extends EventsMap> = Extract<keyof M, string>;

/** The arguments of an event, as a tuple. */
export type EventParams<M extends EventsMap, Ev extends keyof M> = M[Ev] extends (...args: infer A) => unknown
  ? A
  : never;

/** What `emit` resolves to: nothing, once API Gateway has taken every post. */
export type Emitted = Promise<void>;

type IsAny<T> = 0 extends 1 & T ? true : false;
type LastOf<T extends readonly unknown[]> = T extends [...unknown[], infer L] ? L : T[number];
type ButLast<T extends readonly unknown[]> = T extends [...infer H, unknown] ? H : unknown[];
type AckOf<M extends EventsMap, Ev extends keyof M> = LastOf<EventParams<M, Ev>>;

/** Arguments of `emitWithAck`: those of the event without its callback. */
export type AckedParams<M extends EventsMap, Ev extends keyof M> =
  IsAny<EventParams<M, Ev>[number]> extends true ? EventParams<M, Ev> : ButLast<EventParams<M, Ev>>;

/** What `emitWithAck` resolves to: the callback's first argument that is no error. */
export type AckValue<M extends EventsMap, Ev extends keyof M> =
  // biome-ignore lint/suspicious/noExplicitAny: an untyped event is answered with whatever the client likes
  IsAny<AckOf<M, Ev>> extends true ? any : TypedAckValue<AckOf<M, Ev>>;
type TypedAckValue<Ack> = Ack extends (...args: infer A) => unknown
  ? A[0] extends Error
    ? A[1]
    : A[0]
  : never;

/** The events of a socket after `timeout(ms)`: their callbacks get an error first. */
export type WithTimeout<M extends EventsMap> = {
  [Ev in keyof M]: M[Ev] extends (...args: infer A) => infer R
    ? (...args: { [I in keyof A]: TimeoutFirst<A[I]> }) => R
    : M[Ev];
};
type TimeoutFirst<C> = C extends (...args: infer A) => infer R
  ? A[0] extends Error
    ? C
    : (error: Error, ...args: A) => R
  : C;

/** A socket or namespace event that the server itself emits, or else one of the application's. */
export type ListenerOf<
  Reserved extends EventsMap,
  M extends EventsMap,
  Ev extends string,
> = Ev extends keyof Reserved ? Reserved[Ev] : Ev extends keyof M ? M[Ev] : AnyFunction;
