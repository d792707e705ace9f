import { setOwn } from "./json.ts";

/**
 * A copy of what an event carries, as it is now: for packets that are encoded later. Binary stays binary, everything else
 * becomes what parsers make of it. The values must have been encoded once: a cycle would not end here.
 */
export function snapshot(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Buffer.isBuffer(value)) return Buffer.from(value);
  if (ArrayBuffer.isView(value))
    return value.buffer.slice(value.byteOffset, value.byteOffset + value.byteLength);
  if (value instanceof ArrayBuffer) return value.slice(0);
  // A parser may have a form for dates. Socket.IO's own makes of the copy what it would have made of this one.
  if (value instanceof Date) return new Date(value);
  if ("toJSON" in value && typeof value.toJSON === "function") return snapshot(value.toJSON());
  if (Array.isArray(value)) return value.map(snapshot);
  const copy: Record<string, unknown> = {};
  for (const [key, one] of Object.entries(value)) setOwn(copy, key, snapshot(one));
  return copy;
}
