import type { FaultReason } from "../../protocol/packets.ts";
import { emitError } from "../../server/application/dispatch.ts";
import { coreOf, replay } from "../../server/application/replay.ts";
import { SkysocketError } from "../../server/common/errors.ts";
import { withShared } from "../../server/declared/with-shared.ts";
import { endConnection } from "../../server/ending/ending.ts";
import type { DisconnectReason, SocketRecord } from "../../server/ports/sockets.ts";
import type { PacketContext } from "../context.ts";
import { logBusy } from "./busy.ts";

/** Ends the connection that the packet came from, and closes it. */
export async function closeConnection(
  { server, invocation, connection }: PacketContext,
  reason: DisconnectReason,
): Promise<void> {
  const target = { connectionId: connection.connectionId, members: [] };
  await endConnection(server, invocation, { ...target, reason, close: true });
}

/**
 * A frame that is no packet. As on stock: the `error` listeners of all the connection's sockets if it was an Engine.IO
 * frame with a bad Socket.IO packet in it, then the end of the connection.
 */
export async function handleFault(
  context: PacketContext,
  sockets: readonly SocketRecord[],
  { reason, error }: { readonly reason: FaultReason; readonly error: Error },
): Promise<void> {
  const { server, invocation, connection, ports } = context;
  const [code, what] =
    error instanceof SkysocketError
      ? [error.code, error.message]
      : (["SKY_PACKET_REFUSED", `a client sent something that is not a packet: ${error.message}`] as const);
  ports.log.warn(code, what, {
    connection: connection.connectionId,
    reason,
  });
  if (reason === "forced close") {
    for (const row of sockets.filter(({ phase }) => phase === "open")) {
      const nsp = server.declared(row);
      if (!nsp) continue;
      const socket = coreOf(invocation, nsp, { connection, socket: row });
      const what = 'a listener of "error"';
      const told = withShared(invocation, nsp, what, async () => {
        await replay(socket);
        emitError(socket, error);
      });
      // The connection ends in any case.
      await told.catch((failed: unknown) => logBusy(ports.log, what, connection.connectionId, failed));
    }
  }
  await closeConnection(context, reason);
}
