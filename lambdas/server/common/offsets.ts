import { randomInt } from "node:crypto";
import type { Clock } from "../ports/environment.ts";

/** 9 digits of base 36 hold milliseconds until the year 5188. */
const TIME_DIGITS = 9;
/** 36^4 = 1.6 million ids in one invocation, which ends after half a minute. */
const COUNTER_DIGITS = 4;
/** 36^7: two invocations of one millisecond have the same one with a chance of 1 in 78 thousand million. */
const RANDOM_DIGITS = 7;
/** By how much the clock may have been ahead: nothing, or up to this, twice this, and so on; in milliseconds. */
const LEAST_DOUBT_MS = 100;
/** 25.6 s: longer than events are on their way, and less than is looked back (recovery/owed.ts). */
const MOST_DOUBLED = 9;
const OFFSET = /^[0-9a-z]{21}$/;

/**
 * Ids that sort by the time of their making, across invocations as far as their clocks agree, and strictly by the order of
 * their making within one: `<milliseconds><counter><doubt><random>`, all in base 36. They name rows of a room's log, where they
 * are Socket.IO's offsets, and waiting rows of an inbox.
 */
export class Offsets {
  readonly #clock: Pick<Clock, "now" | "aheadMs">;
  #invocation: string | undefined;
  #last = 0;
  #count = 0;

  constructor(clock: Pick<Clock, "now" | "aheadMs">) {
    this.#clock = clock;
  }

  next(): string {
    // Most invocations need none.
    this.#invocation ??= doubtOf(this.#clock.aheadMs ?? 0) + randomText(RANDOM_DIGITS);
    // A clock that is set back must not bring ids out of order.
    this.#last = Math.max(this.#last, this.#clock.now());
    return `${padded(this.#last, TIME_DIGITS)}${padded(this.#count++, COUNTER_DIGITS)}${this.#invocation}`;
  }
}

/** Offsets come from clients, who may send anything. */
export const isOffset = (text: unknown): text is string => typeof text === "string" && OFFSET.test(text);

/** Milliseconds since the epoch, by the clock of the invocation that made it. */
export const timeOfOffset = (offset: string): number => Number.parseInt(offset.slice(0, TIME_DIGITS), 36);

/** When the offset was made at the earliest, in milliseconds: the clock of its invocation may have been ahead. */
export function earliestTimeOf(offset: string): number {
  const doubled = Number.parseInt(offset.charAt(TIME_DIGITS + COUNTER_DIGITS), 36);
  const doubtMs = doubled > 0 ? LEAST_DOUBT_MS * 2 ** (Math.min(doubled, MOST_DOUBLED) - 1) : 0;
  return timeOfOffset(offset) - doubtMs;
}

function doubtOf(aheadMs: number): string {
  if (aheadMs <= 0) return "0";
  const doubled = 1 + Math.max(0, Math.ceil(Math.log2(aheadMs / LEAST_DOUBT_MS)));
  return Math.min(doubled, MOST_DOUBLED).toString(36);
}

/** A clock that may be ahead must not make a socket miss what came in between. */
export const earliestNow = (clock: Pick<Clock, "now" | "aheadMs">): number =>
  clock.now() - (clock.aheadMs ?? 0);

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
