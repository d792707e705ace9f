import type { Pulse, Turns } from "../../server/ports/heartbeat.ts";
import type { DisconnectReason } from "../../server/ports/sockets.ts";
import { type HeartbeatTiming, LATE } from "./timing.ts";

/**
 * Minutes after which rows of connections have expired: 2 hours of life, and the store's margin of 10 minutes.
 * A connection older than {@link OLDEST} is still found before that, since it has a turn at least every 8 minutes.
 */
const FORGOTTEN = 130;
/** API Gateway ends every connection at 2 hours; a minute more for clocks that differ. In minutes. */
const OLDEST = 121;

/**
 * Ages in minutes at which a connection should have joined a namespace; stock waits 45 s. At the first turn of a minute all of
 * it are over a minute old. The second look is for rows that came late, and for looks that did not take place: a
 * connection that nobody looks at would be kept alive for nothing.
 */
const LOOKS = [2, 5];

/** What a run has to do for a turn; minutes are those of $connect, counted from the epoch. */
export interface Work {
  /** Connections that are to be pinged. */
  readonly due: readonly number[];
  /** Connections that should have joined a namespace by now. */
  readonly fresh: readonly number[];
}

/** Each minute has its turn: the connections that were made a multiple of the interval before it. */
export function workOf(turn: number, interval: number): Work {
  const due: number[] = [];
  for (let age = interval; age <= FORGOTTEN; age += interval) due.push(turn - age);
  return { due, fresh: LOOKS.map((age) => turn - age) };
}

/** Whether pings of a turn are in time in a run of this minute: later than that, clients have given up, or are closed as idle. */
export function isInTime(turn: number, minute: number): boolean {
  return minute - turn <= LATE;
}

/**
 * The turns before this minute that nobody did, the oldest first, since its pings are the most overdue and a run may be cut short:
 * their run did not take place, failed or died. None from before the first one that is known; and none that are an interval ago, since every connection has had a turn since then.
 */
export function missedTurns(known: Turns, minute: number, now: number, interval: number): number[] {
  const first = Math.max(Math.min(...known.keys()), minute - interval) + 1;
  const missed: number[] = [];
  for (let turn = first; turn < minute; turn++) {
    const until = known.get(turn);
    if (until === undefined || until < now) missed.push(turn);
  }
  return missed;
}

/** What is to be done with a connection whose turn it is: end it for a reason, or ping it, or nothing. */
export function verdictOn(
  { connectedAt, bye }: Pulse,
  now: number,
  { minuteMs }: HeartbeatTiming,
): { readonly end: DisconnectReason } | "ping" | "leave" {
  // An end takes seconds: one that is a minute old has died, and is done again.
  if (bye) return now - bye.at > minuteMs ? { end: bye.reason } : "leave";
  return now - connectedAt > OLDEST * minuteMs ? { end: "transport close" } : "ping";
}

/** A 410 says nothing while a connection is young. */
export function mayBelieveGone({ connectedAt }: Pulse, now: number, { minuteMs }: HeartbeatTiming): boolean {
  return now - connectedAt > minuteMs;
}
