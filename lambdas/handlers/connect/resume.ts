import { coreOf } from "../../server/application/replay.ts";
import type { ResumeTask } from "../../server/ports/tasks.ts";
import { asInvocation, type HandlerContext } from "../context.ts";
import { RESUME_MS } from "./restore.ts";
import { sendMissed } from "./send-missed.ts";

/**
 * The rest of what a client missed. Lambda may run a task twice: then only one goes on. If that one has died, nobody knows
 * how far it came but the client, which is cut off and comes back with its offset.
 */
export async function handleResume(context: HandlerContext, task: ResumeTask): Promise<void> {
  const { server, ports } = context;
  const { pid, connectionId, nsp, until, was, after, posted } = task;
  const { store, clock, gateway } = ports;
  const more = clock.now() + RESUME_MS;
  const claim = (seen: number) => store.prolongResume({ pid, connectionId, until: seen }, { until: more });
  // In this order: whoever started the task may write `until` at any time.
  if (!(await claim(was)) && !(await claim(until))) {
    const session = await store.readSession(pid);
    const dead = session?.connectionId === connectionId && session.state === "resuming";
    if (dead && session.until < clock.now()) await gateway.close(connectionId);
    return;
  }
  await asInvocation(context, 0, async (invocation) => {
    const { connection, sockets } = await store.readConnection(connectionId, nsp);
    const row = sockets.find((socket) => socket.nsp === nsp && socket.pid === pid);
    const namespace = row && server.declared(row);
    if (!connection || connection.bye || row?.phase !== "open" || !namespace) return;
    await sendMissed(context, coreOf(invocation, namespace, { connection, socket: row }), {
      offset: after,
      posted,
    });
  });
}
