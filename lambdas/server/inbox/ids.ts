import { randomBytes } from "node:crypto";
import type { InboxEvent } from "../ports/inbox.ts";

/**
 * The keys of waiting events, and the ids that their deliveries are acknowledged with. An id has 31 bits, because some clients
 * break above that, and names one event of one inbox for as long as the socket lives:
 *
 *     1 kind (1) · 5 slot · 1 numbered · 24 bits
 *
 * An event that its emitter sends to a socket is named by its key, which is the time of the emit: 24 bits of half
 * milliseconds are 2 h 20 min, longer than a connection lives, and no two events of an inbox share a half millisecond, since an
 * event is put on condition that its key is free. One that waited longer is numbered in the opener's row. A hash of the key would
 * be simpler, but two of 25 bits meet, and then an acknowledgement removes an event that nobody has got.
 */

/** Tells the ids of inboxes from those of asks, which are below. */
const KIND = 2 ** 30;
const MAX_ID = 2 ** 31 - 1;
const NUMBERED = 2 ** 24;
/** Of the 24 bits. */
export const SEQUENCES = 2 ** 24;
/** Inboxes that a socket may have open: 5 bits. */
export const SLOTS = 32;

const UNITS_PER_MS = 2;
/** Clocks of instances differ, and an invocation that emits more than two events in a millisecond runs ahead of its own. */
const AHEAD_MS = 10 * 60 * 1_000;
/** Milliseconds in base 36, as in common/offsets.ts. */
const TIME_DIGITS = 9;

/** How an event is named where it matters that it is this very one. */
export const nameOf = ({ key, tag }: Pick<InboxEvent, "key" | "tag">): string => `${key}${tag}`;

/** The other way round. */
export const eventOf = (name: string): Pick<InboxEvent, "key" | "tag"> => ({
  key: name.slice(0, TIME_DIGITS + 1),
  tag: name.slice(TIME_DIGITS + 1),
});

/** Made for each event. */
export const newTag = (): string => randomBytes(3).toString("base64url");

/** The key of the event that is put in this half millisecond since the epoch. */
export const keyOfUnit = (unit: number): string =>
  `${Math.floor(unit / UNITS_PER_MS)
    .toString(36)
    .padStart(TIME_DIGITS, "0")}${unit % UNITS_PER_MS}`;

const unitOfKey = (key: string): number => timeOfKey(key) * UNITS_PER_MS + Number(key.slice(TIME_DIGITS));

/** When the event was put, in milliseconds since the epoch, by its emitter's clock. */
export const timeOfKey = (key: string): number => Number.parseInt(key.slice(0, TIME_DIGITS), 36);

/** The first of the units of this millisecond. */
export const unitOfTime = (ms: number): number => Math.floor(ms) * UNITS_PER_MS;

export const slotOf = (number: number): number => number % SLOTS;

/** What an event that its emitter sends is acknowledged with. */
export const idOfKey = (slot: number, key: string): number =>
  KIND + slot * 2 ** 25 + (unitOfKey(key) % SEQUENCES);

/** What an event that was numbered is acknowledged with. */
export const idOfSequence = (slot: number, seq: number): number => KIND + slot * 2 ** 25 + NUMBERED + seq;

/** What a client acknowledges: an event by its key, or by its number in the opener. */
export type Acknowledged = { readonly slot: number } & ({ readonly key: string } | { readonly seq: number });

/** What this id acknowledges, at the time `now`; undefined for an id that is no inbox's. A client may send any. */
export function acknowledgedBy(id: number, now: number): Acknowledged | undefined {
  if (!Number.isInteger(id) || id < KIND || id > MAX_ID) return undefined;
  const slot = Math.floor(id / 2 ** 25) % SLOTS;
  const bits = id % SEQUENCES;
  if (Math.floor(id / NUMBERED) % 2 === 1) return { slot, seq: bits };
  // The latest time with these bits. What is older than a turn of them, no living connection has got from an emitter.
  const latest = unitOfTime(now + AHEAD_MS);
  const unit = latest - ((((latest - bits) % SEQUENCES) + SEQUENCES) % SEQUENCES);
  return { slot, key: keyOfUnit(unit) };
}
