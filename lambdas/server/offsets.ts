import { randomInt } from "node:crypto";
import type { Clock } from "./ports.ts";

/** 9 digits of base 36 hold milliseconds until the year 5188. */
const TIME_DIGITS = 9;
/** 36^4 = 1.6 million ids in one invocation, which ends after half a minute. */
const COUNTER_DIGITS = 4;
/** 36^8: two invocations of one millisecond have the same one with a chance of 1 in 2.8 million million. */
const RANDOM_DIGITS = 8;
const OFFSET = /^[0-9a-z]{21}$/;

/**
 * Ids that sort by the time of their making, across invocations as far as their clocks agree, and strictly by the order of
 * their making within one: `<milliseconds><counter><invocation>`, all in base 36. They name rows of a room's log, where they
 * are Socket.IO's offsets, and waiting rows of an inbox.
 */
export class Offsets {
  readonly #clock: Pick<Clock, "now">;
  #invocation: string | undefined;
  #last = 0;
  #count = 0;

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  next(): string {
    this.#invocation ??= randomText(RANDOM_DIGITS); // most invocations need none
    // A clock that is set back must not bring ids out of order.
    this.#last = Math.max(this.#last, this.#clock.now());
    return `${padded(this.#last, TIME_DIGITS)}${padded(this.#count++, COUNTER_DIGITS)}${this.#invocation}`;
  }
}

/** Offsets come from clients, who may send anything. */
export const isOffset = (text: unknown): text is string => typeof text === "string" && OFFSET.test(text);

/** Milliseconds since the epoch, by the clock of the invocation that made it. */
export const timeOfOffset = (offset: string): number => Number.parseInt(offset.slice(0, TIME_DIGITS), 36);

/** Sorts before all offsets of this millisecond and later ones. */
export const offsetsFrom = (ms: number): string => padded(Math.max(0, ms), TIME_DIGITS);

/** The latest of offsets, or of beginnings of them. */
export const latestOf = (first: string, ...others: readonly string[]): string =>
  others.reduce((latest, one) => {
    const later = one > latest;
    return later ? one : latest;
  }, first);

/** Was `earlier` made in the same invocation as `later`, and before it? */
export const madeBefore = (earlier: string, later: string): boolean =>
  earlier < later && sameInvocation(earlier, later);

/** Can `earlier` have been made before `later`? Of two invocations in one millisecond nobody can tell. */
export const mayBeBefore = (earlier: string, later: string): boolean =>
  earlier < later || (!sameInvocation(earlier, later) && timeOfOffset(earlier) === timeOfOffset(later));

function sameInvocation(one: string, other: string): boolean {
  const at = TIME_DIGITS + COUNTER_DIGITS;
  return one.slice(at) === other.slice(at);
}

const padded = (value: number, digits: number): string => value.toString(36).padStart(digits, "0");

const randomText = (digits: number): string =>
  Array.from({ length: digits }, () => randomInt(36).toString(36)).join("");
