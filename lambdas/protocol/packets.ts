/** What goes over the wire, as the rest of the server sees it. codec.ts makes it of frames, and frames of it. */
import { type Packet, PacketType } from "socket.io-parser";

/** What one text frame of a client means: all of a packet, or a part of one. */
export type Incoming =
  | Whole
  /** The first frame of an event or an answer with attachments: `text` and that many attachments are the packet. */
  | { readonly kind: "header"; readonly text: string; readonly attachments: number }
  /** One of them. It does not say which, nor of what packet. */
  | { readonly kind: "attachment"; readonly bytes: Uint8Array };

/** What a client says. */
export type Whole =
  /** Nothing to do: the heartbeat's answer, and Engine.IO packets that stock ignores on a WebSocket. */
  | { readonly kind: "nothing" }
  | { readonly kind: "connect"; readonly nsp: string; readonly auth: Record<string, unknown> }
  | { readonly kind: "disconnect"; readonly nsp: string }
  | {
      readonly kind: "event";
      readonly nsp: string;
      /** Its name, and its arguments. Empty for an event without any, which stock takes too. */
      readonly data: readonly unknown[];
      readonly ackId: number | undefined;
    }
  | { readonly kind: "ack"; readonly nsp: string; readonly ackId: number; readonly args: readonly unknown[] }
  /** A valid packet that no client may send in any state (CONNECT_ERROR). */
  | { readonly kind: "misplaced" }
  /** Not a packet. `reason` is what stock gives the sockets of the connection. */
  | Fault;

interface Fault {
  readonly kind: "fault";
  readonly reason: FaultReason;
  readonly error: Error;
}

export type FaultReason = "parse error" | "transport error" | "forced close";

/** Stock's words for an attachment before which there was no header. */
export const STRAY_ATTACHMENT = "got binary data when not reconstructing a packet";
/** Stock's words for a packet that begins before the one before it is whole. */
export const UNFINISHED_PACKET = "got plaintext data when reconstructing a packet";

/** What a packet of Socket.IO's parser, or of one like it, means. */
export function toWhole(packet: Packet): Whole {
  const { nsp } = packet;
  switch (packet.type) {
    case PacketType.CONNECT:
      return { kind: "connect", nsp, auth: isRecord(packet.data) ? packet.data : {} };
    case PacketType.DISCONNECT:
      return { kind: "disconnect", nsp };
    case PacketType.EVENT:
    case PacketType.BINARY_EVENT: {
      const data: unknown[] = Array.isArray(packet.data) ? packet.data : [];
      return { kind: "event", nsp, data, ackId: packet.id };
    }
    case PacketType.ACK:
    case PacketType.BINARY_ACK: {
      const args: unknown[] = Array.isArray(packet.data) ? packet.data : [];
      return packet.id === undefined ? { kind: "nothing" } : { kind: "ack", nsp, ackId: packet.id, args };
    }
    case PacketType.CONNECT_ERROR:
      return { kind: "misplaced" };
    default:
      packet.type satisfies never;
      return { kind: "misplaced" };
  }
}

/** Not a packet of the parser's: stock closes the connection. */
export const refused = (error: Error): Fault => ({ kind: "fault", reason: "forced close", error });

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A packet that cannot be sent. `code` is stable (docs/ERRORS.md). */
export class PacketError extends Error {
  override readonly name = "PacketError";
  readonly code: "SKY_PACKET_TOO_LARGE" | "SKY_TOO_MANY_ATTACHMENTS";
  constructor(code: PacketError["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/** What the server sends. */
export type Outgoing =
  | { readonly type: "connect"; readonly nsp: string; readonly data: { readonly sid: string } }
  | {
      readonly type: "connect_error";
      readonly nsp: string;
      readonly data: { readonly message: string; readonly data?: unknown };
    }
  | { readonly type: "disconnect"; readonly nsp: string }
  | {
      readonly type: "event";
      readonly nsp: string;
      readonly data: readonly unknown[];
      readonly id?: number | undefined;
    }
  | { readonly type: "ack"; readonly nsp: string; readonly data: readonly unknown[]; readonly id: number };

/** The Engine.IO open packet: the first frame a client must see. Times in milliseconds. */
export function encodeOpen(open: {
  readonly sid: string;
  readonly pingInterval: number;
  readonly pingTimeout: number;
  readonly maxPayload: number;
}): string {
  return `0${JSON.stringify({ ...open, upgrades: [] })}`;
}
