import { endSocket } from "../../server/ending.ts";
import type { SocketRecord } from "../../server/ports.ts";
import { coreOf } from "../../server/replay.ts";
import type { PacketContext } from "../context.ts";
import { awaitOpen } from "./await-open.ts";

/** `41`: the client leaves one namespace; its connection and its other namespaces go on. */
export async function handleDisconnectPacket(context: PacketContext, row: SocketRecord): Promise<void> {
  const { invocation, connection, server } = context;
  const open = await awaitOpen(context, row, false);
  const nsp = open && server.declared(open);
  if (!open || !nsp) return;
  await endSocket(coreOf(invocation, nsp, { connection, socket: open }), "client namespace disconnect");
}
