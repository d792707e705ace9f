import type { Json } from "./ports.ts";

/** The only key of an object that stands for binary data. */
const BINARY = "$binary";
/** What an object looks like that could be taken for one: one more `$` in front says that it is none. */
const LIKE_BINARY = /^\$+binary$/;

/** JSON text of what a client answered: JSON values, and Buffers. */
export function toBinaryJson(value: unknown): Json {
  return JSON.stringify(value, function (this: unknown, key: string, seen: unknown): unknown {
    // `seen` has been through Buffer's own toJSON already: a list of numbers, four times the size.
    const raw = fieldOf(this, key);
    if (raw instanceof Uint8Array) return { [BINARY]: Buffer.from(raw).toString("base64") };
    const like = onlyKey(seen);
    return like === undefined ? seen : { [`$${like}`]: fieldOf(seen, like) };
  });
}

/** Back from {@link toBinaryJson}. */
export function fromBinaryJson(json: Json): unknown {
  return JSON.parse(json, (_, value: unknown): unknown => {
    const like = onlyKey(value);
    if (like === undefined) return value;
    const held = fieldOf(value, like);
    if (like !== BINARY) return { [like.slice(1)]: held };
    return typeof held === "string" ? Buffer.from(held, "base64") : value;
  });
}

function onlyKey(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const keys = Object.keys(value);
  const [key] = keys;
  return keys.length === 1 && key !== undefined && LIKE_BINARY.test(key) ? key : undefined;
}

function fieldOf(holder: unknown, key: string): unknown {
  if (typeof holder !== "object" || holder === null) return undefined;
  return Object.getOwnPropertyDescriptor(holder, key)?.value;
}
