import * as parser from "socket.io-msgpack-parser";
import * as json from "socket.io-parser";
import type { Format } from "./wire-talk.ts";

/** Any value in MessagePack: the parser's encoder asks nothing of what it is given. Its types say ArrayBuffer. */
export function pack(value: unknown): Buffer {
  const [packed]: unknown[] = [new parser.Encoder().encode(value)].flat();
  if (!Buffer.isBuffer(packed)) throw new Error("the parser has made no Buffer");
  return packed;
}

/** The text frame of these bytes. */
export const frameOf = (bytes: Buffer): string => `b${bytes.toString("base64")}`;

/** What a client that speaks MessagePack sends for this packet, or for what is none. */
export const packetFrame = (packet: unknown): string => frameOf(pack(packet));

/** Turns what a client that speaks JSON sends into MessagePack, and what comes back into JSON: for people to read. */
export const msgpackFormat: Format = {
  write: (frame) => (/^4[0-4]/.test(frame) ? packetFrame(parse(new json.Decoder(), frame.slice(1))) : frame),
  read(frame) {
    if (!frame.startsWith("b")) return frame;
    const packet = parse(new parser.Decoder(), Buffer.from(frame.slice(1), "base64"));
    const [text]: unknown[] = new json.Encoder().encode(packet);
    return `4${text}`;
  },
};

interface PacketDecoder {
  on(event: "decoded", listener: (packet: json.Packet) => void): unknown;
  add(part: string | Buffer): void;
}

function parse(decoder: PacketDecoder, part: string | Buffer): json.Packet {
  const packets: json.Packet[] = [];
  decoder.on("decoded", (packet) => packets.push(packet));
  decoder.add(part);
  const [packet] = packets;
  if (!packet) throw new Error("no whole packet");
  return packet;
}
