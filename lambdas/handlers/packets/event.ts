import { type ClientEvent, dispatch } from "../../server/application/dispatch.ts";
import { coreOf, replay } from "../../server/application/replay.ts";
import type { SocketRecord } from "../../server/ports/sockets.ts";
import { awaitOpen } from "../connect/await-open.ts";
import type { PacketContext } from "../context.ts";

/** An event of the client: rebuilds the socket from its row, replays the listeners, runs the handlers. */
export async function handleEvent(
  context: PacketContext,
  row: SocketRecord,
  event: ClientEvent,
): Promise<void> {
  const { invocation, connection, server } = context;
  const open = await awaitOpen(context, row, true);
  // Ended: API Gateway keeps no order, so an event may come after the `41` that the client sent last.
  const nsp = open && server.declared(open);
  if (!open || !nsp) return;
  const socket = coreOf(invocation, nsp, { connection, socket: open });
  await replay(socket);
  invocation.countFromHere();
  dispatch(socket, event);
}
