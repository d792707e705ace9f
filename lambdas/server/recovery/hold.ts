import type { Clock } from "../ports/environment.ts";
import type { Store } from "../ports/store.ts";

export interface HoldPorts {
  readonly store: Pick<Store, "leaveToResume" | "readSession">;
  readonly clock: Pick<Clock, "now">;
}

/**
 * A packet that is in the log meets a connection on which a session is being resumed. Posted now it would overtake packets
 * that the client missed, and move the client's offset past those: cut off again, it would never get them.
 * - `left`: the resume knows that there is one more, and posts it;
 * - `post`: the resume is over by now;
 * - `missed`: the session is not there (any more), or its resume died.
 */
export async function meetHold(
  { store, clock }: HoldPorts,
  { pid, connectionId }: { readonly pid: string; readonly connectionId: string },
): Promise<"left" | "post" | "missed"> {
  if (await store.leaveToResume({ pid, connectionId }, clock.now())) return "left";
  const session = await store.readSession(pid);
  return session?.connectionId === connectionId && session.state === "live" ? "post" : "missed";
}
