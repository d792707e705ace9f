import { coreOf } from "../../server/application/replay.ts";
import { endSocket } from "../../server/ending/ending.ts";
import type { SocketRecord } from "../../server/ports/sockets.ts";
import { awaitOpen } from "../connect/await-open.ts";
import type { HandlerContext, PacketContext } from "../context.ts";

/**
 * The connection's end came first: `disconnect()` sends `41` and closes in the same millisecond. The client has left on purpose,
 * so its session is not for it to come back to, although it will say its id again.
 */
export async function leaveSession(
  { ports }: HandlerContext,
  { pid, connectionId }: SocketRecord,
): Promise<void> {
  if (pid !== undefined) await ports.store.deleteSession({ pid, connectionId });
}

/** `41`: the client leaves one namespace; its connection and its other namespaces go on. */
export async function handleDisconnectPacket(context: PacketContext, row: SocketRecord): Promise<void> {
  const { invocation, connection, server } = context;
  const open = await awaitOpen(context, row, false);
  if (!open) return await leaveSession(context, row);
  const nsp = server.declared(open);
  if (!nsp) return;
  await endSocket(coreOf(invocation, nsp, { connection, socket: open }), "client namespace disconnect");
}
