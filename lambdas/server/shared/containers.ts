/** What can be shared: what is changed in place, and has a content that can be told. */
export type Container = unknown[] | Record<string, unknown> | Map<unknown, unknown> | Set<unknown>;

export type Kind = "array" | "object" | "map" | "set";

/** Undefined for anything else. */
export function kindOf(value: unknown): Kind | undefined {
  if (Array.isArray(value)) return "array";
  if (value instanceof Map) return "map";
  if (value instanceof Set) return "set";
  return isPlain(value) ? "object" : undefined;
}

export function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
