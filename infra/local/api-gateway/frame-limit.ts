const TWO_BYTE_LENGTH = 126;
const EIGHT_BYTE_LENGTH = 127;

/**
 * Reads the payload lengths out of a stream of WebSocket frames (RFC 6455, section 5.2) and nothing else.
 *
 * `ws` limits whole messages only, but API Gateway also limits each frame: a message of 100 KB may come in four frames
 * and not in one.
 */
export class FrameLengths {
  readonly #header = Buffer.alloc(14);
  #headerBytes = 0;
  #payloadLeft = 0;

  /** Bytes of the longest payload announced by a frame header that ends in this chunk; 0 if none does. */
  longestIn(chunk: Buffer): number {
    let longest = 0;
    let at = 0;
    while (at < chunk.length) {
      if (this.#payloadLeft > 0) {
        const skipped = Math.min(this.#payloadLeft, chunk.length - at);
        this.#payloadLeft -= skipped;
        at += skipped;
        continue;
      }
      this.#header[this.#headerBytes++] = chunk[at++] ?? 0;
      if (this.#headerBytes < this.#headerSize()) continue;
      this.#payloadLeft = this.#payloadLength();
      this.#headerBytes = 0;
      longest = Math.max(longest, this.#payloadLeft);
    }
    return longest;
  }

  #headerSize(): number {
    if (this.#headerBytes < 2) return 2;
    const second = this.#header.readUInt8(1);
    const short = second & 0x7f;
    const extended = short === TWO_BYTE_LENGTH ? 2 : short === EIGHT_BYTE_LENGTH ? 8 : 0;
    const mask = (second & 0x80) === 0 ? 0 : 4;
    return 2 + extended + mask;
  }

  #payloadLength(): number {
    const short = this.#header.readUInt8(1) & 0x7f;
    if (short === TWO_BYTE_LENGTH) return this.#header.readUInt16BE(2);
    if (short === EIGHT_BYTE_LENGTH) return Number(this.#header.readBigUInt64BE(2));
    return short;
  }
}
