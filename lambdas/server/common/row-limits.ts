/**
 * What a socket's row has place for. DynamoDB stores no item over 400 KB, and the row holds all of this together; what would
 * make it larger is refused before anything is written, so that the rest is kept and the client stays connected.
 */

/**
 * A room, data key, property or listener name is an attribute name, which DynamoDB limits to 65,535 bytes. That of a room that
 * was left has an offset behind it (leftEntry in store/keys.ts): what can be joined can be left.
 */
export const MAX_NAME_BYTES = 65_500;
/** Names of a socket's rooms, together. */
export const MAX_ROOM_NAMES_BYTES = 128 * 1024;
/** A larger value of `socket.data` or of a property has an item of its own (store/sockets/asides.ts). */
export const MAX_INLINE_BYTES = 1024;
/** A larger `auth` of a client has one too, of which only events in its own namespace read. Most tokens are smaller. */
export const MAX_INLINE_AUTH_BYTES = 2048;
/** What such an item can hold besides its key. */
export const MAX_VALUE_BYTES = 399 * 1024;
/** Keys of `socket.data`, and as much again of properties, with the values that are in the row itself. */
export const MAX_STATE_BYTES = 96 * 1024;
/** What connection listeners and middlewares got from clients and from the table. */
export const MAX_ANSWERS_BYTES = 48 * 1024;
/** A value that has an item of its own is a reference in the row. */
const REFERENCE_BYTES = 32;

/** What a name takes at most as the name of a map's entry: some characters are written as five (escapeName in store/keys.ts). */
export function nameBytes(name: string): number {
  return 1 + Math.max(1, Buffer.byteLength(name)) + 4 * (name.match(/[%#~\p{Cc}\p{Cs}]/gu)?.length ?? 0);
}

/** What a value of the state and its key take of the row. */
export function entryBytes(key: string, json: string): number {
  const bytes = json.length > MAX_INLINE_BYTES ? Number.POSITIVE_INFINITY : Buffer.byteLength(json);
  return nameBytes(key) + (bytes > MAX_INLINE_BYTES ? REFERENCE_BYTES : bytes);
}
