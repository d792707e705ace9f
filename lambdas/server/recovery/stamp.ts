import { isOffset } from "../common/offsets.ts";

/** A frame of binary data in text (Engine.IO): MessagePack's, for one. */
const BASE64 = "b";
const OFFSET_LENGTH = 21;

/**
 * The frames of a packet with another offset. It is what comes last in the packet, and all offsets have the same length.
 * @returns the same frames if the offset is not to be seen in them: that of a parser that hides it
 */
export function withOffset(frames: readonly string[], from: string, to: string): readonly string[] {
  const [first, ...attachments] = frames;
  if (first === undefined) return frames;
  const stamped = first.startsWith(BASE64) ? inBinary(first, from, to) : replaceLast(first, from, to);
  return stamped === undefined ? frames : [stamped, ...attachments];
}

/**
 * The frames of a packet that is sent after later ones: it bears the offset of the latest, `last`, in place of its own. A client
 * keeps the offset of the packet that came last, so one that is late would set it back; cut off again before anything new has
 * come, it would get everything since once more.
 * @param last an offset, or the beginning of one
 */
export function framesOfLate(
  { id, frames }: { readonly id: string; readonly frames: readonly string[] },
  last: string | undefined,
): readonly string[] {
  if (last === undefined || id >= last) return frames;
  const later = last.padEnd(OFFSET_LENGTH, "0");
  return isOffset(later) ? withOffset(frames, id, later) : frames;
}

function inBinary(frame: string, from: string, to: string): string | undefined {
  const bytes = Buffer.from(frame.slice(BASE64.length), "base64").toString("latin1");
  const stamped = replaceLast(bytes, from, to);
  return stamped === undefined ? undefined : BASE64 + Buffer.from(stamped, "latin1").toString("base64");
}

function replaceLast(text: string, from: string, to: string): string | undefined {
  const at = text.lastIndexOf(from);
  return at < 0 ? undefined : `${text.slice(0, at)}${to}${text.slice(at + from.length)}`;
}
