import { describeError } from "../common/errors.ts";
import type { Log } from "../ports/environment.ts";
import type { Member } from "../ports/rooms.ts";
import type { LogEntry } from "../recovery/log.ts";
import type { Posts, Recipient, Slowness } from "./posts.ts";

/** An event as it goes out. */
export interface EventPacket {
  readonly frames: readonly string[];
  /** Set when recovery keeps it for clients that miss it. */
  readonly log?: LogEntry;
  /** Set when it may be lost: when it was called for, see {@link Posts.moment}. */
  readonly volatileSince?: number;
}

/** A socket that a packet goes to. */
export interface Receiver extends Recipient {
  /** Socket id. */
  readonly id: string;
}

export const toReceiver = (member: Member): Receiver => ({ ...member, member });

/** What posting needs of an invocation. */
export interface Poster {
  readonly posts: Posts;
  readonly ports: { readonly log: Log };
}

/** Posts that have been begun. */
export interface PostedToAll {
  /** Resolves when all are over, to true; or, where some connections take it slowly, when those to all others are. */
  readonly sent: Promise<boolean>;
  /** When all are over: ids of the sockets that the packet did not reach. */
  readonly missed: Promise<string[]>;
}

/** Posts to everybody. One who cannot be reached is logged, and is nobody else's business: least of all the sender's. */
export function postToAll(poster: Poster, receivers: readonly Receiver[], packet: EventPacket): PostedToAll {
  const { frames, log, volatileSince } = packet;
  const count = receivers.length;
  let [waitedFor, over] = [count, 0];
  let tell = (_: boolean): void => undefined;
  const sent = new Promise<boolean>((resolve) => {
    tell = resolve;
  });
  if (count === 0) tell(true);
  const posts = receivers.map((one) => {
    let waits = true;
    const waitNoLonger = (): void => {
      if (!waits) return;
      waits = false;
      waitedFor--;
      if (waitedFor === 0) tell(over === count);
    };
    const end = (): void => {
      over++;
      waitNoLonger();
    };
    // Who leaves in its first minute would hold up its rooms. But what recovery keeps is owed once the sender has been told that it
    // is sent: if this invocation died then, a living client would not get it before it is cut off. One that reads slowly is owed
    // it later, since it would decide how long all others wait.
    const onSlow = (why: Slowness): void => {
      if (why === "reads slowly" || !log) waitNoLonger();
    };
    const how = { kept: log !== undefined, volatileSince, onSlow };
    const posted = poster.posts.send(one, frames, how);
    posted.then(end, end);
    return posted;
  });
  const missed = Promise.allSettled(posts).then((results) => missedOf(poster, receivers, packet, results));
  return { sent, missed };
}

/**
 * Waits for all that follows the posts; but where some connections take the packet slowly, only until all others have it: the
 * rest goes on beside what the application does next, and the invocation waits for it.
 */
export async function withoutTheSlow(
  invocation: { track(what: string, work: Promise<unknown>): unknown },
  { sent }: PostedToAll,
  whole: Promise<unknown>,
): Promise<void> {
  if (await sent) await whole;
  else void invocation.track("posting to clients that read slowly", whole);
}

function missedOf(
  { posts, ports }: Poster,
  receivers: readonly Receiver[],
  { log }: EventPacket,
  results: readonly PromiseSettledResult<boolean>[],
): string[] {
  const missing = receivers.filter((_, at) => {
    const result = results[at];
    return result?.status !== "fulfilled" || !result.value;
  });
  // It gets the packet when it comes back; so it has to come back, and may not have later packets before this one.
  if (log) for (const receiver of missing) posts.abandon(receiver);
  const failures = results.filter((result) => result.status === "rejected");
  const [first] = failures;
  if (first) {
    ports.log.error(
      "SKY_POST_FAILED",
      `a packet did not reach ${failures.length} of ${receivers.length} sockets`,
      { first: describeError(first.reason) },
    );
  }
  return missing.map(({ id }) => id);
}
