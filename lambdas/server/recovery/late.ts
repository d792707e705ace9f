import { isOffset } from "../offsets.ts";

/** A frame of binary data in text (Engine.IO): MessagePack's, for one. */
const BASE64 = "b";
const OFFSET_LENGTH = 21;

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
  const [first, ...attachments] = frames;
  if (last === undefined || id >= last || first === undefined) return frames;
  const later = last.padEnd(OFFSET_LENGTH, "0");
  return isOffset(later) ? [withOffset(first, id, later), ...attachments] : frames;
}

/** Both have the same length, and the offset is what comes last in a packet; one of a parser that hides it stays as it is. */
function withOffset(frame: string, id: string, later: string): string {
  if (!frame.startsWith(BASE64)) return replaceLast(frame, id, later);
  const bytes = Buffer.from(frame.slice(BASE64.length), "base64").toString("latin1");
  return BASE64 + Buffer.from(replaceLast(bytes, id, later), "latin1").toString("base64");
}

function replaceLast(text: string, id: string, later: string): string {
  const at = text.lastIndexOf(id);
  return at < 0 ? text : `${text.slice(0, at)}${later}${text.slice(at + id.length)}`;
}
