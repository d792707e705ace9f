import type { ConnectionView, DisconnectReason } from "../server/ports/sockets.ts";
import { receivePart } from "./binary/attachments.ts";
import { refusedByLimits } from "./connect/admission.ts";
import { handleConnectPacket } from "./connect/connect.ts";
import { asInvocation, type HandlerContext, type PacketContext } from "./context.ts";
import type { Frame } from "./lambda-event.ts";
import { handleAck } from "./packets/ack.ts";
import { handleDisconnectPacket, leaveSession } from "./packets/disconnect.ts";
import { type Entered, enterShared, hasDiedConnecting, refuseBusy } from "./packets/enter.ts";
import { handleEvent } from "./packets/event.ts";
import { closeConnection, handleFault } from "./packets/fault.ts";
import type { Packet } from "./packets/packet.ts";

/**
 * A frame that API Gateway hands to the function by itself, beside all others of its connection.
 * @returns with route responses on, the frame to answer it with
 */
export async function handleMessage(
  context: HandlerContext,
  connectionId: string,
  frame: Frame,
): Promise<string | undefined> {
  const packet = await receive(context, connectionId, frame);
  if (!packet) return undefined;
  const read = (): Promise<ConnectionView> =>
    context.ports.store.readConnection(connectionId, namespaceOf(packet));
  // Without shared variables there is no invocation for a connection that is over.
  const view = shares(context, packet) ? undefined : await read();
  if (view && isOver(view)) {
    await refuseAfterEnd(context, connectionId, view, packet);
    return undefined;
  }
  return await asInvocation(context, 0, async (invocation) => {
    try {
      const within = { ...context, invocation };
      const entered = view ? { view } : await enterShared(within, packet, read);
      await handleEntered(within, connectionId, entered, packet);
    } catch (error) {
      await refuseBusy(context, connectionId, packet, error);
    }
  });
}

const shares = ({ server }: HandlerContext, packet: Packet): boolean =>
  "nsp" in packet && server.namespaces.get(packet.nsp)?.shared !== undefined;

/** The packet, and the end of its stay when its handlers have settled. */
async function handleEntered(
  context: Omit<PacketContext, "connection">,
  connectionId: string,
  { view, stay }: Entered,
  packet: Packet,
): Promise<void> {
  const leave = (): void => stay?.leave();
  try {
    const { connection } = view;
    const { handlers } =
      !connection || isOver(view)
        ? await refuseAfterEnd(context, connectionId, view, packet)
        : await handlePacket({ ...context, connection, stay }, view, packet);
    if (handlers) void handlers.then(leave, leave);
    else leave();
  } catch (error) {
    leave();
    throw error;
  }
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

/** Which rows of the connection a packet needs: bad packets are told to all sockets. */
export const namespaceOf = (packet: Packet): string | undefined => ("nsp" in packet ? packet.nsp : undefined);

/** A connection that nothing new starts on: it has ended, or is ending. */
export const isOver = ({ connection }: ConnectionView): boolean =>
  !connection || connection.bye !== undefined;

/** The client can still send: it must not believe that it is connected. */
export async function refuseAfterEnd(
  context: HandlerContext,
  connectionId: string,
  { sockets }: ConnectionView,
  packet: Packet,
): Promise<{ readonly handlers?: never }> {
  const left = packet.kind === "disconnect" && sockets.find(({ nsp }) => nsp === packet.nsp);
  if (left) await leaveSession(context, left);
  await context.ports.gateway.close(connectionId);
  return {};
}

/**
 * One packet of a client.
 * @param view holds the rows of the packet's namespace
 * @returns when it has been handled. What its event's handlers still do is the invocation's to wait for; `handlers` resolves when
 * they have settled, if they have not
 */
export async function handlePacket(
  context: PacketContext,
  { sockets, socketCount }: ConnectionView,
  packet: Packet,
): Promise<{ readonly handlers?: Promise<void> | undefined }> {
  const row = "nsp" in packet ? sockets.find(({ nsp }) => nsp === packet.nsp) : undefined;
  const close = (reason: DisconnectReason): Promise<void> => closeConnection(context, reason);
  switch (packet.kind) {
    case "connect":
      if (!(await refusedByLimits(context, packet, row ? 0 : socketCount)))
        await handleConnectPacket(context, row, packet);
      return {};
    case "event":
      if (row && !hasDiedConnecting(context, row)) return await handleEvent(context, row, packet);
      await close("forced close"); // an event before CONNECT gets what stock gives
      return {};
    case "ack":
      await handleAck(context, row, packet);
      return {};
    case "disconnect":
      await (row ? handleDisconnectPacket(context, row) : close("forced close"));
      return {};
    case "misplaced":
      await close("forced close");
      return {};
    case "fault":
      await handleFault(context, sockets, packet);
      return {};
    default:
      packet satisfies never;
      return {};
  }
}
