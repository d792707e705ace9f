/**
 * Of a typed array, notepack.io sends all of the memory that it is a view of. What the AWS SDK reads from DynamoDB are views
 * of Node's buffer pool, in which other people's data lies. So each view that is less than its memory becomes a copy.
 * Buffers are sent as they are.
 */
export function withExactViews(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Buffer.isBuffer(value)) return value;
  if (value instanceof Date || value instanceof ArrayBuffer) return value;
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength } = value;
    return byteLength === buffer.byteLength ? value : buffer.slice(byteOffset, byteOffset + byteLength);
  }
  if ("toJSON" in value && typeof value.toJSON === "function") return withExactViews(value.toJSON());
  if (Array.isArray(value)) return sameOr(value, value.map(withExactViews));
  const copy = Object.entries(value).map(([key, inside]) => [key, withExactViews(inside)] as const);
  return copy.every(([key, inside]) => Object.is(inside, Reflect.get(value, key)))
    ? value
    : Object.fromEntries(copy);
}

/** The list itself if nothing in it has changed. */
const sameOr = (list: readonly unknown[], copy: readonly unknown[]): readonly unknown[] =>
  copy.every((item, index) => Object.is(item, list[index])) ? list : copy;
