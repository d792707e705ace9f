/** How long rows live. All in milliseconds; DynamoDB's TTL attribute alone is in seconds. */

import { CONNECTION_LIFE_MS } from "../server/ports/gateway.ts";

export const MINUTE_MS = 60 * 1000;

/** Rows outlive their connection by this much, so that its end still finds them: clocks differ, and $disconnect is late at times. */
export const EXPIRY_MARGIN_MS = 10 * 60 * 1000;

/**
 * An `ended` row is kept this long from its end, or as long as a session can be restored from it, be that more or less than it
 * had left: its use is to tell late events from early ones and to restore a session, and both are counted from the end. (A minimum of the two times would need a read
 * first; the row exceeds its first expiry only if it ended in the last minutes of the margin.)
 */
export const ENDED_KEPT_MS = 5 * 60 * 1000;

/** An ended socket whose listeners' changes of shared variables may have to be made again: as long as its connection can last. */
export const unsettledTtl = (now: number): number => toTtl(now + CONNECTION_LIFE_MS + EXPIRY_MARGIN_MS);

/** Workers are done after minutes; who waits for them, after seconds. */
export const FAN_OUT_KEPT_MS = 30 * 60 * 1000;

/**
 * Workers post for five minutes after the emit, by clocks that differ: who leaves is noted for so long, and the note is kept for so
 * long.
 */
export const LEAVERS_KEPT_MS = 6 * 60 * 1000;

/** Who asked waits 25 s at most. */
export const ANSWER_KEPT_MS = 60 * 1000;

/** A packet whose attachments take longer than this to arrive is given up. */
export const PART_KEPT_MS = 60 * 1000;

/** As long as the queue keeps what is in it: what frames of a line wait for may be there for so long. */
export const LINE_KEPT_MS = 15 * MINUTE_MS;

/** After this, another invocation may refuse parts: the one that had claimed it must have died. */
export const REFUSAL_KEPT_MS = 10 * 1000;

/**
 * An aside item that no row refers to is garbage once its writer must be dead: the writer refers to it right after putting it,
 * and no invocation that writes state runs longer than API Gateway's 29 s. Ten minutes leave room for clocks that differ.
 */
export const ORPHAN_AFTER_MS = 10 * 60 * 1000;

/** What says that a piece of a shared variable is gone: longer than any write of it can still be under way. */
export const TOMBSTONE_KEPT_MS = 24 * 60 * 60 * 1000;

/** The TTL attribute's value: seconds, rounded up so that nothing expires early. */
export function toTtl(ms: number): number {
  return Math.ceil(ms / 1000);
}

/** When the rows of a connection that can live until `lifeEndsAt` (milliseconds) expire, as a TTL. */
export function connectionTtl(lifeEndsAt: number): number {
  return toTtl(lifeEndsAt + EXPIRY_MARGIN_MS);
}

/** An aside written now outlives whatever row may refer to it: it is never judged by its own age, only TTL removes it. */
export function asideTtl(now: number, keepEndedMs: number): number {
  return toTtl(now + CONNECTION_LIFE_MS + EXPIRY_MARGIN_MS + keepEndedMs);
}
