/**
 * The count that `skysocket/client` puts before each frame of a client, so that the server can run them in the order in which they
 * were sent: one for each connection, from 0 on. It is written in client/parser.ts, and nothing here needs Node.
 *
 * `#<count>,` before a packet: Socket.IO's own begin with a digit. Before the bytes of an attachment, {@link ATTACHMENT_MARK} and
 * four bytes: eight bytes that nobody sends by accident, and together a multiple of three, so that in base64 they are characters
 * of their own.
 */
export const ATTACHMENT_MARK: readonly number[] = [0xf5, 0x73, 0x6b, 0x79, 0x23, 0xc0, 0xff, 0x00];

/** The mark and the count. */
export const ATTACHMENT_HEAD_BYTES = ATTACHMENT_MARK.length + 4;
const HEAD_CHARACTERS = (ATTACHMENT_HEAD_BYTES / 3) * 4;

/** A frame without the count that it came with; undefined for frames of ordinary clients. */
export interface Counted {
  readonly frame: string;
  readonly count: number | undefined;
}

export function takeCount(frame: string): Counted {
  const [counted, digits = ""] = /^4#(\d{1,10}),/.exec(frame) ?? [];
  if (counted !== undefined) return { frame: `4${frame.slice(counted.length)}`, count: Number(digits) };
  if (!frame.startsWith("b") || frame.length <= HEAD_CHARACTERS) return { frame, count: undefined };
  const head = Buffer.from(frame.slice(1, HEAD_CHARACTERS + 1), "base64");
  const isMarked =
    head.length === ATTACHMENT_HEAD_BYTES && ATTACHMENT_MARK.every((byte, i) => head[i] === byte);
  if (!isMarked) return { frame, count: undefined };
  return { frame: `b${frame.slice(HEAD_CHARACTERS + 1)}`, count: head.readUInt32BE(ATTACHMENT_MARK.length) };
}
