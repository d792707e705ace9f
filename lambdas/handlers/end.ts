import { endConnection } from "../server/ending/ending.ts";
import type { Task } from "../server/ports/tasks.ts";
import { isBusy } from "../server/shared/await-lease.ts";
import { asInvocation, type HandlerContext } from "./context.ts";
import type { LambdaEvent } from "./lambda-event.ts";

/** Close codes of a client that closes by itself: 1005 is a close without a code. */
const CLOSED_BY_CLIENT = new Set([1000, 1005]);
/**
 * `disconnect()` sends `41` and closes in the same millisecond, so the two invocations race; the wait lets `41` win, so that
 * listeners see "client namespace disconnect" as on stock. In milliseconds.
 */
const LET_DISCONNECT_PACKET_WIN_MS = 300;

/** Connections that are ended at the same time. */
const AT_ONCE = 8;
/** No new end is begun this long before the deadline, in milliseconds: the rest becomes a task of its own. */
const RESERVE_MS = 3_000;

/** $disconnect. Best effort on AWS: an end that it misses is found by a post. */
export async function handleDisconnect(
  context: HandlerContext,
  { connectionId, code }: Extract<LambdaEvent, { kind: "disconnect" }>,
): Promise<void> {
  if (code !== undefined && CLOSED_BY_CLIENT.has(code)) {
    await context.ports.clock.sleep(LET_DISCONNECT_PACKET_WIN_MS);
  }
  const target = { connectionId, members: [] };
  const reason = "transport close";
  await asInvocation(context, 0, async (invocation) => {
    try {
      // API Gateway has just said that it is closed.
      await endConnection(context.server, invocation, { ...target, reason, close: false });
    } catch (error) {
      if (!isBusy(error)) throw error;
      // Nobody delivers this event again. A task is tried again, and what has begun to end is found by the heartbeat.
      await context.ports.tasks.start({ task: "end", targets: [target], reason, hops: 0 });
    }
  });
}

/** Connections that posts found gone, or the heartbeat. */
export async function handleEnd(
  context: HandlerContext,
  { targets, reason, hops }: Extract<Task, { task: "end" }>,
): Promise<void> {
  await asInvocation(context, hops, async (invocation) => {
    const left = [...targets];
    const ends = Array.from({ length: AT_ONCE }, async () => {
      while (context.ports.clock.now() < context.deadline - RESERVE_MS) {
        const target = left.shift();
        if (!target) return;
        await endConnection(context.server, invocation, { ...target, reason, close: true });
      }
    });
    const results = await Promise.allSettled(ends);
    if (left.length > 0) await context.ports.tasks.start({ task: "end", targets: left, reason, hops });
    // Lambda tries the task again; the ends that are done are then quickly passed over.
    for (const result of results) if (result.status === "rejected") throw result.reason;
  });
}
