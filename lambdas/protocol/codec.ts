/**
 * Frames to packets and back, with the application's parser or Socket.IO's own. One codec serves a server; it keeps nothing
 * between two frames, since the next one may be handled by another instance. See PROTOCOL.md.
 */
import { decodePacket, type Packet as EnginePacket } from "engine.io-parser";
import { Decoder, Encoder, isPacketValid, type Packet, PacketType } from "socket.io-parser";
import { type Counted, takeCount } from "./count.ts";
import { MAX_ATTACHMENTS, MAX_POST_BYTES } from "./limits.ts";
import { checkLengths, isMap } from "./msgpack-lengths.ts";
import { withExactViews } from "./msgpack-views.ts";
import {
  type Incoming,
  type Outgoing,
  PacketError,
  refused,
  STRAY_ATTACHMENT,
  toWhole,
  UNFINISHED_PACKET,
  type Whole,
} from "./packets.ts";

/** A parser, as Socket.IO's `parser` option takes it on servers and clients. Both sides need the same. */
export interface Parser {
  readonly Encoder: new () => {
    /** @returns strings and binary data, or one of them */
    encode(packet: Packet): unknown;
  };
  readonly Decoder: new () => PacketDecoder;
}

interface PacketDecoder {
  /** Calls `listener` with each packet that is whole. */
  on(event: "decoded", listener: (packet: Packet) => void): unknown;
  /** Throws for what is no packet. */
  add(part: string | Buffer): void;
  destroy?(): void;
}

/** What a server reads its clients' frames with, and writes its own. */
export class Codec {
  readonly #Decoder: new () => PacketDecoder;
  readonly #encode: (packet: Packet) => unknown;
  /** The parser is not Socket.IO's own: what it decodes is looked at again. */
  readonly #isForeign: boolean;
  /** Packets are binary data, whole in one frame; else they are text, with attachments in frames of their own. */
  readonly isBinary: boolean;
  readonly #isMsgpack: boolean;

  /** @throws TypeError for something that is no parser */
  constructor(parser?: Parser) {
    if (parser !== undefined) assertParser(parser);
    const encoder = parser ? new parser.Encoder() : new Encoder();
    this.#encode = (packet) => encoder.encode(packet);
    this.#Decoder = parser?.Decoder ?? Decoder;
    this.#isForeign = parser !== undefined;
    const [sample] = parser ? this.#parts({ type: PacketType.CONNECT, nsp: "/", data: { sid: "" } }) : [""];
    this.isBinary = typeof sample !== "string";
    this.#isMsgpack = this.isBinary && isMap(toBuffer(sample));
  }

  /** The count of a client with `skysocket/client`, and the frame that an ordinary client would have sent. */
  takeCount(frame: string): Counted {
    return this.#isForeign ? { frame, count: undefined } : takeCount(frame);
  }

  /**
   * Decodes one text frame; a count in front of it says nothing here. Never throws: whatever a client sends is one of
   * {@link Incoming}.
   */
  decode(frame: string): Incoming {
    const packet = decodePacket(this.takeCount(frame).frame);
    switch (packet.type) {
      case "message":
        return this.#decodeMessage(packet);
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

  /** Puts a packet together: the header's `text`, and its attachments in their order. Never throws. */
  decodeWhole(text: string, attachments: readonly Uint8Array[]): Whole {
    // The decoder puts these very objects into the arguments, and applications expect Buffers, as on stock.
    const buffers = attachments.map((bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    return this.#decodeParts([text, ...buffers], () => refused(new Error(UNFINISHED_PACKET)));
  }

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
   * @throws PacketError when API Gateway or the clients' decoder would refuse it; TypeError when the data is no JSON, or
   * what a parser of the application's throws
   */
  encode(packet: Outgoing): readonly string[] {
    const whole = toPacket(packet);
    const encoded = this.#parts(this.#isMsgpack ? { ...whole, data: withExactViews(whole.data) } : whole);
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

  #parts(packet: Packet): readonly unknown[] {
    const encoded = this.#encode(packet);
    return Array.isArray(encoded) ? encoded : [encoded]; // both are allowed on stock
  }

  #decodeMessage(engine: EnginePacket): Incoming {
    const data: unknown = engine.data;
    if (data instanceof Uint8Array) {
      if (!this.isBinary) return { kind: "attachment", bytes: data };
      return this.#decodeParts([toBuffer(data)], () => refused(new Error(NO_PACKET)));
    }
    // An empty message: stock hands it to the Socket.IO decoder, which throws.
    if (typeof data !== "string") return refused(new Error(STRAY_ATTACHMENT));
    return this.#decodeParts<Incoming>([data], () => {
      // Only the header of a packet with attachments decodes to nothing, and the decoder has checked the count in it.
      const attachments = Number(data.slice(1, data.indexOf("-")));
      return !this.isBinary && /^[56]/.test(data) && Number.isInteger(attachments)
        ? { kind: "header", text: data, attachments }
        : refused(new Error(NO_PACKET));
    });
  }

  #decodeParts<T>(parts: readonly (string | Buffer)[], unfinished: () => T): T | Whole {
    let decoded: Packet | undefined;
    let size = 0;
    try {
      const decoder = new this.#Decoder();
      decoder.on("decoded", (packet: Packet) => {
        decoded = packet;
      });
      try {
        for (const part of parts) {
          size += part.length;
          if (this.#isMsgpack && typeof part !== "string") checkLengths(part);
          decoder.add(part);
        }
      } finally {
        decoder.destroy?.();
      }
      if (decoded === undefined) return unfinished();
      // Socket.IO's own decoder has checked its packets; others, msgpack's among them, let reserved event names through.
      if (this.#isForeign && !isPacketValid(decoded)) return refused(new Error("invalid packet"));
      if (size > MAX_DEPTH && isDeeper(decoded.data, MAX_DEPTH)) return refused(new Error(TOO_DEEP));
      return toWhole(decoded);
    } catch (error) {
      return refused(error instanceof Error ? error : new Error("the parser threw no error"));
    }
  }
}

/**
 * Levels of arrays and objects in each other that a packet may have. 16,000 fit into a frame, and from about 2,500 on whatever
 * looks at such a value by recursion ends the stack: JSON.stringify in the middle of a CONNECT, for one.
 */
const MAX_DEPTH = 1_000;
const TOO_DEEP = `a packet of more than ${MAX_DEPTH} levels`;

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return false;
  if (levels === 0) return true;
  if (Array.isArray(value)) return value.some((inside) => isDeeper(inside, levels - 1));
  for (const key in value) if (isDeeper(Reflect.get(value, key), levels - 1)) return true;
  return false;
}

const NO_PACKET = "a frame that holds no whole packet";

const TYPES = {
  connect: PacketType.CONNECT,
  connect_error: PacketType.CONNECT_ERROR,
  disconnect: PacketType.DISCONNECT,
  event: PacketType.EVENT,
  ack: PacketType.ACK,
} as const;

/** Socket.IO's parser leaves out an id that is undefined; others send it. */
function toPacket(packet: Outgoing): Packet {
  const type = TYPES[packet.type];
  const { nsp } = packet;
  if (packet.type === "disconnect") return { type, nsp };
  const { data } = packet;
  return "id" in packet && packet.id !== undefined ? { type, nsp, data, id: packet.id } : { type, nsp, data };
}

function assertParser(parser: unknown): void {
  const { Encoder: encoder, Decoder: decoder } = Object(parser) as Record<string, unknown>;
  if (typeof encoder === "function" && typeof decoder === "function") return;
  throw new TypeError("the server option parser is not a parser: it needs the classes Encoder and Decoder");
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
