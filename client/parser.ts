/**
 * Socket.IO's own parser, which counts what a client sends: the option `parser` of socket.io-client. What a client receives is read
 * as ever. lambdas/protocol/count.ts says what a count looks like.
 */
import {
  Decoder as OwnDecoder,
  Encoder as OwnEncoder,
  type Packet,
  PacketType,
  protocol,
} from "socket.io-parser";
import { ATTACHMENT_HEAD_BYTES, ATTACHMENT_MARK } from "../lambdas/protocol/count.ts";

/** The encoder whose decoder has not been made yet: a Manager of socket.io-client makes one of each, at once and in this order. */
let unpaired: CountingEncoder | undefined;

class CountingEncoder extends OwnEncoder {
  #count = 0;

  constructor(...options: ConstructorParameters<typeof OwnEncoder>) {
    super(...options);
    unpaired = this;
  }

  override encode(packet: Packet): ReturnType<OwnEncoder["encode"]> {
    const frames = super.encode(packet);
    // Answers overtake what their client has sent before: the server may be waiting for them.
    if (String(frames[0]).startsWith(String(PacketType.ACK))) return frames;
    return frames.map((frame) => counted(frame, this.#count++));
  }

  /** The next packet is the first one of a connection. */
  startOver(): void {
    this.#count = 0;
  }
}

class CountingDecoder extends OwnDecoder {
  readonly #encoder = unpaired;

  constructor(...options: ConstructorParameters<typeof OwnDecoder>) {
    super(...options);
    unpaired = undefined;
  }

  /** A Manager calls it when a connection is over, and when one is open, before it sends anything. */
  override destroy(): void {
    super.destroy();
    this.#encoder?.startOver();
  }
}

function counted(frame: unknown, count: number): string | Uint8Array | Blob {
  if (typeof frame === "string") return `#${count},${frame}`;
  const head = new Uint8Array(ATTACHMENT_HEAD_BYTES);
  head.set(ATTACHMENT_MARK);
  new DataView(head.buffer).setUint32(ATTACHMENT_MARK.length, count);
  if (frame instanceof ArrayBuffer) return joined(head, new Uint8Array(frame));
  if (ArrayBuffer.isView(frame)) {
    return joined(head, new Uint8Array(frame.buffer, frame.byteOffset, frame.byteLength));
  }
  if (frame instanceof Blob) return new Blob([head, frame]);
  throw new TypeError(`skysocket/client cannot count a ${Object.prototype.toString.call(frame)}`);
}

function joined(head: Uint8Array, bytes: Uint8Array): Uint8Array {
  const all = new Uint8Array(head.length + bytes.length);
  all.set(head);
  all.set(bytes, head.length);
  return all;
}

/**
 * `io(url, { parser })`: a Skysocket server runs what this client sends in the order in which it was sent, whatever overtakes what
 * on the way, and closes the connection if something was lost.
 */
export const parser = { protocol, PacketType, Encoder: CountingEncoder, Decoder: CountingDecoder };
