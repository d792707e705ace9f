import { type ClientEvent, dispatch } from "../../server/application/dispatch.ts";
import { coreOf, replay } from "../../server/application/replay.ts";
import { scopes } from "../../server/invocation/scope.ts";
import type { SocketRecord } from "../../server/ports/sockets.ts";
import { awaitOpen } from "../connect/await-open.ts";
import type { PacketContext } from "../context.ts";

/**
 * An event of the client: rebuilds the socket from its row, replays the listeners, runs the handlers.
 * @returns `handlers` resolves when they have settled, if they have not
 */
export async function handleEvent(
  context: PacketContext,
  row: SocketRecord,
  event: ClientEvent,
): Promise<{ readonly handlers?: Promise<void> | undefined }> {
  const { invocation, connection, server, earlier } = context;
  const open = await awaitOpen(context, row, true);
  // Ended: API Gateway keeps no order, so an event may come after the `41` that the client sent last.
  const nsp = open && server.declared(open);
  if (!open || !nsp) return {};
  const socket = coreOf(invocation, nsp, { connection, socket: open });
  if (!socket.life.connected) return {}; // an event before it in this invocation has ended it
  // A replay that waits would put back what a handler of before it, which still runs, has changed meanwhile: there the event has
  // the listeners of the one before, closures included, as on stock.
  if (!(earlier === "running" && socket.life.ready && socket.replayWaits)) {
    invocation.flush();
    socket.startOver();
    if (earlier) await invocation.apartFromIdle(() => replay(socket));
    else {
      await replay(socket);
      invocation.countFromHere();
    }
  }
  const { stay } = context;
  if (!stay) return { handlers: dispatch(socket, event) };
  return { handlers: scopes.run({ invocation, mode: "live", stay }, () => dispatch(socket, event)) };
}
