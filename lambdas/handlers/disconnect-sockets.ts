import { disconnectAll } from "../server/broadcast/remote-sockets.ts";
import type { DisconnectTask } from "../server/ports/tasks.ts";
import { asInvocation, type HandlerContext } from "./context.ts";

/**
 * `disconnectSockets` of a timer or of another function. It may run twice: who is still chosen then, and was connected when it was
 * called, is disconnected.
 */
export async function handleDisconnectSockets(
  context: HandlerContext,
  { nsp, rooms, except, close, at }: DisconnectTask,
): Promise<void> {
  let done = false;
  await asInvocation(context, 0, async (invocation) => {
    const audience = { nsp, rooms: new Set(rooms), except: new Set(except) };
    await disconnectAll(invocation, context.server.named(nsp), audience, close, at);
    done = true;
  });
  // Lambda tries the task again, with those that are left.
  if (!done) throw new Error("not all sockets could be disconnected in time");
}
