import type { Whole } from "../protocol/packets.ts";
import type { DisconnectReason } from "../server/ports/sockets.ts";
import { receivePart } from "./binary/attachments.ts";
import { refusedByLimits } from "./connect/admission.ts";
import { handleConnectPacket } from "./connect/connect.ts";
import { asInvocation, type HandlerContext, type PacketContext } from "./context.ts";
import type { Frame } from "./lambda-event.ts";
import { handleAck } from "./packets/ack.ts";
import { handleDisconnectPacket, leaveSession } from "./packets/disconnect.ts";
import { handleEvent } from "./packets/event.ts";
import { closeConnection, handleFault } from "./packets/fault.ts";

/**
 * Frames of one connection, worked through in order.
 * @returns with route responses on, the frame to answer the last one with
 */
export async function handleMessage(
  context: HandlerContext,
  connectionId: string,
  frames: readonly Frame[],
): Promise<string | undefined> {
  let answer: string | undefined;
  for (const [index, frame] of frames.entries()) {
    // Only the last answer can be the response; the ones before it must not wait for what comes after them.
    const last = index === frames.length - 1;
    const frameContext = last ? context : { ...context, routeResponses: false };
    const packet = await receive(context, connectionId, frame);
    if (packet) answer = await handlePacket(frameContext, connectionId, packet);
  }
  return answer;
}

/** What this invocation has to handle: the frame's packet, or the packet that the frame makes whole. Often nothing. */
async function receive(
  context: HandlerContext,
  connectionId: string,
  { body, id, at }: Frame,
): Promise<Packet | undefined> {
  const decoded = context.server.codec.decode(body);
  const packet =
    decoded.kind === "header" || decoded.kind === "attachment"
      ? await receivePart(context, { connectionId, id, at, ...decoded })
      : decoded;
  // The answer to a heartbeat costs no request.
  return packet === undefined || packet.kind === "nothing" ? undefined : packet;
}

type Packet = Exclude<Whole, { kind: "nothing" }>;

async function handlePacket(
  context: HandlerContext,
  connectionId: string,
  packet: Packet,
): Promise<string | undefined> {
  const { store, gateway } = context.ports;
  const nsp = "nsp" in packet ? packet.nsp : undefined; // bad packets are told to all sockets
  const { connection, sockets, socketCount } = await store.readConnection(connectionId, nsp);
  if (!connection || connection.bye) {
    const left = packet.kind === "disconnect" && sockets.find(({ nsp }) => nsp === packet.nsp);
    if (left) await leaveSession(context, left);
    // It has ended, but the client can still send: it must not believe that it is connected.
    await gateway.close(connectionId);
    return undefined;
  }
  return await asInvocation(context, 0, async (invocation) => {
    const packetContext: PacketContext = { ...context, invocation, connection };
    const row = "nsp" in packet ? sockets.find(({ nsp }) => nsp === packet.nsp) : undefined;
    const close = (reason: DisconnectReason): Promise<void> => closeConnection(packetContext, reason);
    switch (packet.kind) {
      case "connect":
        return (await refusedByLimits(packetContext, packet, row ? 0 : socketCount))
          ? undefined
          : await handleConnectPacket(packetContext, row, packet);
      case "event":
        // An event before CONNECT gets what stock gives.
        return row ? await handleEvent(packetContext, row, packet) : await close("forced close");
      case "ack":
        return await handleAck(packetContext, row, packet);
      case "disconnect":
        return row ? await handleDisconnectPacket(packetContext, row) : await close("forced close");
      case "misplaced":
        return await close("forced close");
      case "fault":
        return await handleFault(packetContext, sockets, packet);
      default:
        packet satisfies never;
    }
  });
}
