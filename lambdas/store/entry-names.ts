import { MAX_NAME_BYTES } from "../server/common/row-limits.ts";
import type { LeftRoom } from "../server/ports/sockets.ts";
import { escapeName, unescapeName } from "./keys.ts";
import { NameTooLongError } from "./table/errors.ts";

/**
 * The name of an entry in a map attribute. The dot in front makes `""` possible (DynamoDB takes no empty attribute names) and
 * `__proto__` harmless (the SDK builds plain objects).
 */
export function entryName(name: string): string {
  const entry = `.${escapeName(name)}`;
  const bytes = Buffer.byteLength(entry);
  if (bytes > MAX_NAME_BYTES) throw new NameTooLongError(name, bytes);
  return entry;
}

export function nameOfEntry(entry: string): string {
  return unescapeName(entry.slice(1));
}

/** The name of the entry for a room that was left; the escaped name holds no `#`. */
export function leftEntry({ room, until }: Pick<LeftRoom, "room" | "until">): string {
  return `${entryName(room)}#${until}`;
}

/** What {@link leftEntry} was made from. */
export function leftOfEntry(entry: string): Pick<LeftRoom, "room" | "until"> {
  const end = entry.indexOf("#");
  return { room: nameOfEntry(entry.slice(0, end)), until: entry.slice(end + 1) };
}
