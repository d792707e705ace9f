import { toBinaryJson } from "../../server/common/binary-json.ts";
import { acknowledgeInboxEvent } from "../../server/inbox/ack.ts";
import type { SocketRecord } from "../../server/ports/sockets.ts";
import type { PacketContext } from "../context.ts";

/** Ids that the server asks with (see broadcast/asks.ts); those above may be of inboxes, and all others are ignored, as on stock. */
const MAX_ASK_ID = 2 ** 30 - 1;

/**
 * The client's answer to an emit: stored for the invocation that asked, if one did. It never waits for the connection listeners, since
 * they may be what waits for it. One that comes before CONNECT or after the end is innocent reordering: dropped.
 */
export async function handleAck(
  { ports, invocation, server, connection }: PacketContext,
  row: SocketRecord | undefined,
  { ackId, args }: { readonly ackId: number; readonly args: readonly unknown[] },
): Promise<void> {
  if (!row || row.phase === "ended" || ackId < 1) return;
  if (ackId > MAX_ASK_ID) {
    return await acknowledgeInboxEvent(
      { invocation, codec: server.codec },
      { connection, socket: row },
      ackId,
    );
  }
  await ports.store.putAnswer(row, ackId, toBinaryJson(args));
}
