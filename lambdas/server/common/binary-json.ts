import { types } from "node:util";
import type { Json } from "../ports/sockets.ts";

/** What JSON has no word for is an object with one of these keys, and no other. */
type Form = "$binary" | "$memory" | "$date" | "$number" | "$nothing";
/** What an object looks like that could be taken for one: one more `$` in front says that it is none. */
const LIKE_FORM = /^\$+(binary|memory|date|number|nothing)$/;

/**
 * JSON text of what a client answered: JSON values and Buffers; and of clients with a parser of their own, msgpack's above all,
 * ArrayBuffers, dates, numbers that are none, and `undefined` in a list.
 */
export function toBinaryJson(value: unknown): Json {
  return JSON.stringify(value, function (this: unknown, key: string, seen: unknown): unknown {
    // `seen` has been through toJSON already: a Buffer is a list of numbers then, four times the size.
    const raw = fieldOf(this, key);
    const form = toForm(raw, this);
    if (form) return { [form[0]]: form[1] };
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
    if (like.startsWith("$$")) return { [like.slice(1)]: held };
    return typeof held === "string" ? fromForm(like, held) : value;
  });
}

function toForm(raw: unknown, holder: unknown): readonly [Form, string] | undefined {
  if (raw instanceof Uint8Array) return ["$binary", Buffer.from(raw).toString("base64")];
  if (types.isArrayBuffer(raw)) return ["$memory", Buffer.from(raw).toString("base64")];
  if (types.isDate(raw)) return ["$date", String(raw.getTime())];
  if (typeof raw === "number" && !Number.isFinite(raw)) return ["$number", String(raw)];
  // As a property it is as good as absent, in JSON and in most applications.
  return raw === undefined && Array.isArray(holder) ? ["$nothing", ""] : undefined;
}

function fromForm(form: string, held: string): unknown {
  switch (form) {
    case "$binary":
      return Buffer.from(held, "base64");
    case "$memory":
      return Uint8Array.from(Buffer.from(held, "base64")).buffer;
    case "$date":
      return new Date(Number(held));
    case "$number":
      return Number(held);
    default:
      return undefined;
  }
}

function onlyKey(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const keys = Object.keys(value);
  const [key] = keys;
  return keys.length === 1 && key !== undefined && LIKE_FORM.test(key) ? key : undefined;
}

function fieldOf(holder: unknown, key: string): unknown {
  if (typeof holder !== "object" || holder === null) return undefined;
  return Object.getOwnPropertyDescriptor(holder, key)?.value;
}
