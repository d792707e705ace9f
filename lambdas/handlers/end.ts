import { endConnection } from "../server/ending.ts";
import type { Task } from "../server/ports.ts";
import { asInvocation, type HandlerContext } from "./context.ts";
import type { LambdaEvent } from "./lambda-event.ts";

/** Close codes of a client that closes by itself: 1005 is a close without a code. */
const CLOSED_BY_CLIENT = new Set([1000, 1005]);
/**
 * `disconnect()` sends `41` and closes in the same millisecond, so the two invocations race; the wait lets `41` win, so that
 * listeners see "client namespace disconnect" as on stock. In milliseconds.
 */
const LET_DISCONNECT_PACKET_WIN_MS = 300;

/** $disconnect. Best effort on AWS: an end that it misses is found by a post. */
export async function handleDisconnect(
  context: HandlerContext,
  { connectionId, code }: Extract<LambdaEvent, { kind: "disconnect" }>,
): Promise<void> {
  if (code !== undefined && CLOSED_BY_CLIENT.has(code)) {
    await context.ports.clock.sleep(LET_DISCONNECT_PACKET_WIN_MS);
  }
  await asInvocation(context, 0, (invocation) =>
    endConnection(context.server, invocation, { connectionId, members: [] }, "transport close", {
      close: false, // API Gateway has just said that it is closed
    }),
  );
}

/** Connections that posts found gone. */
export async function handleEnd(
  context: HandlerContext,
  { targets, reason, hops }: Extract<Task, { task: "end" }>,
): Promise<void> {
  await asInvocation(context, hops, async (invocation) => {
    for (const target of targets) {
      await endConnection(context.server, invocation, target, reason, { close: true });
    }
  });
}
