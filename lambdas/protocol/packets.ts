/**
 * The wire, thin over the official parsers: text frames of a WebSocket to packets and back. See PROTOCOL.md.
 */
import { decodePacket, type Packet as EnginePacket } from "engine.io-parser";
import { Decoder, Encoder, type Packet, PacketType } from "socket.io-parser";
import { MAX_ATTACHMENTS, MAX_POST_BYTES } from "./limits.ts";

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
      readonly name: string;
      readonly args: readonly unknown[];
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

/** Decodes one text frame. Never throws: whatever a client sends is one of {@link Incoming}. */
export function decodeFrame(frame: string): Incoming {
  const packet = decodePacket(frame);
  switch (packet.type) {
    case "message":
      return decodeMessage(packet);
    case "error":
      return { kind: "fault", reason: "parse error", error: new Error("not an Engine.IO packet") };
    case "ping":
      // Engine.IO 4 turned the heartbeat round: only the server pings.
      return { kind: "fault", reason: "transport error", error: new Error("invalid heartbeat direction") };
    case "pong":
    case "open":
    case "close":
    case "upgrade":
    case "noop":
      return { kind: "nothing" };
    default:
      packet.type satisfies never;
      return { kind: "nothing" };
  }
}

function decodeMessage(engine: EnginePacket): Incoming {
  const data: unknown = engine.data;
  if (data instanceof Uint8Array) return { kind: "attachment", bytes: data };
  // An empty message: stock hands it to the Socket.IO decoder, which throws.
  if (typeof data !== "string") return forced(new Error(STRAY_ATTACHMENT));
  return decode<Incoming>(
    [data],
    // Only the header of a packet with attachments decodes to nothing. The decoder has checked the count in it.
    () => ({ kind: "header", text: data, attachments: Number(data.slice(1, data.indexOf("-"))) }),
  );
}

/** Stock's words for an attachment before which there was no header. */
export const STRAY_ATTACHMENT = "got binary data when not reconstructing a packet";
/** Stock's words for a packet that begins before the one before it is whole. */
export const UNFINISHED_PACKET = "got plaintext data when reconstructing a packet";

/** Puts a packet together: the header's `text`, and its attachments in their order. Never throws. */
export function decodeWhole(text: string, attachments: readonly Uint8Array[]): Whole {
  // The decoder puts these very objects into the arguments, and applications expect Buffers, as on stock.
  const buffers = attachments.map((bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  return decode([text, ...buffers], () => forced(new Error(UNFINISHED_PACKET)));
}

function decode<T>(parts: readonly unknown[], unfinished: () => T): T | Whole {
  let decoded: Packet | undefined;
  const decoder = new Decoder();
  decoder.on("decoded", (packet: Packet) => {
    decoded = packet;
  });
  try {
    for (const part of parts) decoder.add(part);
  } catch (error) {
    return forced(error instanceof Error ? error : new Error(String(error)));
  } finally {
    decoder.destroy();
  }
  return decoded === undefined ? unfinished() : classify(decoded);
}

function classify(packet: Packet): Whole {
  const { nsp } = packet;
  switch (packet.type) {
    case PacketType.CONNECT:
      return { kind: "connect", nsp, auth: isRecord(packet.data) ? packet.data : {} };
    case PacketType.DISCONNECT:
      return { kind: "disconnect", nsp };
    case PacketType.EVENT:
    case PacketType.BINARY_EVENT: {
      const [name, ...args]: unknown[] = Array.isArray(packet.data) ? packet.data : [];
      return { kind: "event", nsp, name: String(name), args, ackId: packet.id };
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

const forced = (error: Error): Fault => ({ kind: "fault", reason: "forced close", error });

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

const TYPES = {
  connect: PacketType.CONNECT,
  connect_error: PacketType.CONNECT_ERROR,
  disconnect: PacketType.DISCONNECT,
  event: PacketType.EVENT,
  ack: PacketType.ACK,
} as const;

/**
 * Encodes a packet as the text frames to post, in order: one, or with attachments a header and one frame each.
 *
 * Frames of a packet with attachments must reach the client with no other packet in between: its decoder throws "got
 * plaintext data when reconstructing a packet", and it closes and reconnects. One invocation posts them one after the other,
 * but nothing keeps another one, that sends to the same client at this moment, from posting between two of them (pings do no
 * harm: they do not reach the decoder). Each post is a request of its own, and no WebSocket frame holds two Engine.IO packets,
 * so only a lock that every post to every client takes, in the table, would prevent it: two writes a post, and a wait for
 * whoever died with the lock. So: whoever sends binary to clients that get other events at the same time should use a parser
 * whose packets are one frame (socket.io-msgpack-parser), or send base64 text.
 *
 * @throws PacketError when API Gateway or the clients' decoder would refuse it; TypeError when the data is no JSON
 */
export function encodeFrames(packet: Outgoing): readonly string[] {
  const encoded: unknown[] = new Encoder().encode({ ...packet, type: TYPES[packet.type] } as Packet);
  if (encoded.length - 1 > MAX_ATTACHMENTS) {
    throw new PacketError(
      "SKY_TOO_MANY_ATTACHMENTS",
      `the packet has ${encoded.length - 1} binary attachments; JavaScript clients accept ${MAX_ATTACHMENTS}. Put them into one buffer, or send several events.`,
    );
  }
  const frames = encoded.map(toFrame);
  for (const frame of frames) checkSize(frame);
  return frames;
}

// Posts are text frames: a client that receives a binary frame from API Gateway closes, but reads `b<base64>` on any transport.
const toFrame = (part: unknown): string =>
  typeof part === "string" ? `4${part}` : `b${toBuffer(part).toString("base64")}`;

function toBuffer(part: unknown): Buffer {
  if (part instanceof ArrayBuffer) return Buffer.from(part);
  if (ArrayBuffer.isView(part)) return Buffer.from(part.buffer, part.byteOffset, part.byteLength);
  throw new TypeError(`cannot send a ${Object.prototype.toString.call(part)} as a binary attachment`);
}

function checkSize(frame: string): void {
  // A UTF-16 unit is at most 3 bytes of UTF-8: most frames need no count.
  if (frame.length * 3 <= MAX_POST_BYTES) return;
  const bytes = Buffer.byteLength(frame);
  if (bytes > MAX_POST_BYTES) {
    throw new PacketError(
      "SKY_PACKET_TOO_LARGE",
      `the packet is ${bytes} bytes; API Gateway delivers at most ${MAX_POST_BYTES}. Send it in parts, or send a link to it.`,
    );
  }
}

/** The Engine.IO open packet: the first frame a client must see. Times in milliseconds. */
export function encodeOpen(open: {
  readonly sid: string;
  readonly pingInterval: number;
  readonly pingTimeout: number;
  readonly maxPayload: number;
}): string {
  return `0${JSON.stringify({ ...open, upgrades: [] })}`;
}
