import { hashOf } from "../aws/hash.ts";
import { MAX_POST_BYTES } from "../protocol/limits.ts";
import { BoundedMap } from "../server/common/bounded-map.ts";
import { GatewayError } from "./errors.ts";

/** A frame as it is posted. */
export interface EncodedFrame {
  readonly body: Uint8Array;
  /** Hex SHA-256 of the body, which each post's signature needs. */
  readonly bodyHash: string;
}

/** A packet with the ten attachments that clients accept is eleven frames, and goes to each recipient in this order. */
const KEPT = 16;

/**
 * Encodes and hashes a frame once, however many connections it goes to: the last few frames are kept. They are derived from
 * nothing but the text, so that an instance may keep them between invocations.
 */
export class Frames {
  readonly #kept = new BoundedMap<string, EncodedFrame>(KEPT);

  /** @throws GatewayError for a frame that API Gateway would refuse, or that would cut the client off */
  encode(connectionId: string, frame: string): EncodedFrame {
    const kept = this.#kept.get(frame);
    if (kept) return kept;
    const body = encode(connectionId, frame);
    const encoded = { body, bodyHash: hashOf(body) };
    this.#kept.set(frame, encoded);
    return encoded;
  }
}

function encode(connectionId: string, frame: string): Uint8Array {
  if (frame === "") {
    throw new GatewayError(
      "GATEWAY_EMPTY_FRAME",
      `An empty frame was to be posted to connection ${connectionId}. It is not an Engine.IO packet, and clients cut the ` +
        "connection when they get one. Post at least a packet type.",
    );
  }
  const body = Buffer.from(frame, "utf8");
  if (body.byteLength > MAX_POST_BYTES) throw tooLarge(connectionId, body.byteLength);
  return body;
}

function tooLarge(connectionId: string, bytes: number): GatewayError {
  return new GatewayError(
    "GATEWAY_FRAME_TOO_LARGE",
    `A packet of ${bytes} bytes cannot be sent to connection ${connectionId}: API Gateway takes up to ${MAX_POST_BYTES} bytes ` +
      "of UTF-8 at once. Split it over several events, or send a link to it. Binary data grows by a third on the way.",
  );
}
