import { stringify } from "devalue";
import { setOwn } from "../common/json.ts";
import { type Container, isPlain, kindOf } from "./containers.ts";

/**
 * Gives `target` the content of `source`, which is of the same kind and nobody else's, and keeps the objects that it is made of as
 * far as they are the same ones: code that waits meanwhile holds references to them.
 */
export function become(target: Container, source: Container): void {
  if (Array.isArray(target) && Array.isArray(source)) {
    const items = matched(target, source);
    target.length = 0;
    for (const item of items) target.push(item);
  } else if (target instanceof Map && source instanceof Map) {
    const old = new Map(target);
    target.clear();
    for (const [key, value] of source) target.set(key, merged(old.get(key), value));
  } else if (target instanceof Set && source instanceof Set) {
    const items = matched([...target], [...source]);
    target.clear();
    for (const item of items) target.add(item);
  } else if (isPlain(target) && isPlain(source)) {
    const old = { ...target };
    // Anew, so that the keys are in the source's order.
    for (const key of Object.keys(target)) delete target[key];
    for (const [key, value] of Object.entries(source)) {
      setOwn(target, key, merged(Object.hasOwn(old, key) ? old[key] : undefined, value));
    }
  }
}

function merged(old: unknown, value: unknown): unknown {
  const kind = kindOf(old);
  if (kind === undefined || kind !== kindOf(value)) return value;
  become(old as Container, value as Container);
  return old;
}

/**
 * The items of a new array, as the old objects where they are the same: those that read the same, from both ends, and what lies
 * between them if it is as many. Of others nobody knows which is which.
 */
function matched(old: readonly unknown[], items: readonly unknown[]): readonly unknown[] {
  const shorter = Math.min(old.length, items.length);
  let before = 0;
  while (before < shorter && reads(old[before], items[before])) before++;
  let after = 0;
  while (after < shorter - before && reads(old.at(-1 - after), items.at(-1 - after))) after++;
  const sameNumber = old.length === items.length;
  const known = sameNumber ? new Map<string, unknown>() : byText(old.slice(before, old.length - after));
  return items.map((item, index) => {
    if (index < before) return old[index];
    if (index >= items.length - after) return old[old.length - items.length + index];
    if (sameNumber) return merged(old[index], item);
    const text = kindOf(item) && stringify(item);
    const same = text === undefined ? undefined : known.get(text);
    if (text !== undefined) known.delete(text); // of two that read the same there are two
    return same ?? item;
  });
}

const byText = (items: readonly unknown[]): Map<string, unknown> =>
  new Map(items.flatMap((item) => (isKept(item) ? [[stringify(item), item] as const] : [])));

const reads = (a: unknown, b: unknown): boolean =>
  Object.is(a, b) || (isKept(a) && kindOf(a) !== undefined && stringify(a) === stringify(b));

/** What an event has put there may be something that cannot be kept. */
function isKept(value: unknown): boolean {
  try {
    stringify(value);
    return true;
  } catch {
    return false;
  }
}
