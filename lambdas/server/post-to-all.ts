import { describeError } from "./errors.ts";
import type { EventPacket } from "./event-packet.ts";
import type { Log, Member } from "./ports.ts";
import type { Posts, Recipient } from "./posts.ts";

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

/**
 * Posts to everybody. One who cannot be reached is logged, and is nobody else's business: least of all the sender's.
 * @returns ids of the sockets that the packet did not reach
 */
export async function postToAll(
  { posts, ports }: Poster,
  receivers: readonly Receiver[],
  { frames, log }: EventPacket,
): Promise<string[]> {
  const kept = log !== undefined;
  const results = await Promise.allSettled(receivers.map((one) => posts.send(one, frames, { kept })));
  const missing = receivers.filter((_, at) => {
    const result = results[at];
    return result?.status !== "fulfilled" || !result.value;
  });
  // It gets the packet when it comes back; so it has to come back, and may not have later packets before this one.
  if (kept) for (const receiver of missing) posts.abandon(receiver);
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
