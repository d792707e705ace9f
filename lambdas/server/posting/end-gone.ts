import type { Ports } from "../ports/ports.ts";
import type { Posts } from "./posts.ts";

/** More ends in a chain than this are left to later posts and the heartbeat: see {@link Task}. */
const MAX_HOPS = 12;

/**
 * Hands the connections that posts have found gone to another invocation. If that fails, they are still found gone: the next
 * call hands them over.
 */
export async function endGone(
  { tasks, log }: Pick<Ports, "tasks" | "log">,
  posts: Pick<Posts, "takeGone" | "giveBack">,
  hops: number,
): Promise<void> {
  const targets = posts.takeGone();
  if (targets.length === 0) return;
  if (hops >= MAX_HOPS) {
    log.warn("SKY_HOPS", "ending dead connections found more of them too often in a row; left for later", {
      connections: targets.length,
    });
    return;
  }
  try {
    await tasks.start({ task: "end", targets, reason: "transport close", hops: hops + 1 });
  } catch (error) {
    posts.giveBack(targets);
    throw error;
  }
}
