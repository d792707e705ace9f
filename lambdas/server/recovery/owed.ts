import { earliestTimeOf, madeBefore, offsetsFrom, timeOfOffset } from "../common/offsets.ts";
import type { LogRow } from "../ports/rooms.ts";
import { CLOCK_TOLERANCE_MS, type MembershipHistory } from "./membership-history.ts";

/**
 * No emitter puts a packet into a log later than this after it made the packet's offset, in milliseconds: a Lambda invocation of
 * the socket function ends after 29 s, and clocks differ.
 */
export const EMITTER_LIFE_MS = 60_000;

/**
 * How far back it is looked for packets that may be owed although they are so much older than the client's offset, in
 * milliseconds: workers (fan-out/fan-out.ts) may post for five minutes, and a post takes its time.
 */
export const LOOK_BACK_MS = 6 * 60_000;

/**
 * Is it looked for so far back? What workers post, and what names the socket: the end of a connection that did not take a packet
 * is a task, which Lambda may come to late, or try again after minutes.
 */
export const isLongOpen = ({ fannedOut = false, missed }: LogRow, socketId: string): boolean =>
  fannedOut || missed.includes(socketId);

/** Can a packet have been posted as late as this offset was made? */
export const mayBeLate = (id: string, offset: string, longOpen: boolean): boolean =>
  id >= offsetsFrom(timeOfOffset(offset) - (longOpen ? LOOK_BACK_MS : EMITTER_LIFE_MS));

/** Whose packets they are: a session that goes on after `offset`, the last packet its client says it has. */
export interface Claimant {
  readonly socketId: string;
  readonly presence: MembershipHistory;
  readonly offset: string | undefined;
}

/**
 * Has the client to be sent this packet? All that came after its offset, of course; but offsets are made by many emitters at
 * once, so a packet with an earlier one may have been posted later, or not at all:
 * - it names the socket as one whose connection did not take it;
 * - its posts had not all been answered when the client's offset was made. Those of the same invocation had: it posts to a
 *   connection in the order of its offsets, but for packets that workers post.
 */
export function isOwed(row: LogRow, { socketId, presence, offset }: Claimant): boolean {
  if (row.id === offset || (offset !== undefined && !mayBeLate(row.id, offset, isLongOpen(row, socketId))))
    return false;
  // Before `missed`: an emitter that reads the rooms while the socket ends may find it in one, and not in the one to leave out.
  if (!presence.covers(row)) return false;
  if (row.missed.includes(socketId)) return true;
  if (offset === undefined || row.id > offset) return true;
  if (!row.fannedOut && madeBefore(row.id, offset)) return false;
  return row.done === undefined || row.done >= earliestTimeOf(offset) - CLOCK_TOLERANCE_MS;
}
