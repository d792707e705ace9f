import { keyInPath } from "../common/json.ts";
import { isPlain } from "./containers.ts";

/** A value that cannot be kept. The message names its place. */
export class NotKeptError extends Error {
  override readonly name = "NotKeptError";
}

type Step = string | number | { readonly key: unknown } | "member";

/**
 * Sees to it that a value comes back as it is now.
 * @throws NotKeptError naming the place of what does not: instances of classes, functions, symbols, cycles
 */
export function assertKeepable(value: unknown, name: string): void {
  try {
    check(value, { name, steps: [], ancestors: new Set() });
  } catch (error) {
    if (error instanceof NotKeptError) throw error;
    // Too deep a nesting, or what a getter throws.
    throw new NotKeptError(`${name} cannot be read (${error instanceof Error ? error.message : error})`, {
      cause: error,
    });
  }
}

interface Way {
  readonly name: string;
  readonly steps: Step[];
  readonly ancestors: Set<object>;
}

function check(value: unknown, way: Way): void {
  if (typeof value === "function" || typeof value === "symbol") refuse(way, `a ${typeof value}`);
  if (typeof value !== "object" || value === null || value instanceof Date) return;
  if (way.ancestors.has(value)) refuse(way, "a cycle: it contains itself");
  way.ancestors.add(value);
  checkContent(value, way);
  way.ancestors.delete(value);
}

function checkContent(value: object, way: Way): void {
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) step(way, i, value[i]);
  } else if (value instanceof Map) {
    for (const [key, item] of value) {
      if (typeof key === "object" && key !== null) refuse(way, "a Map with a key that is an object");
      step(way, { key }, item);
    }
  } else if (value instanceof Set) {
    for (const item of value) step(way, "member", item);
  } else if (isPlain(value)) {
    for (const key of Reflect.ownKeys(value)) {
      if (typeof key === "symbol") refuse(way, "an object with a symbol as key");
      else if (key === "__proto__") refuse(way, 'an object with "__proto__" as key');
      else step(way, key, value[key]);
    }
  } else refuse(way, nameOfClass(value));
}

function step(way: Way, to: Step, value: unknown): void {
  way.steps.push(to);
  check(value, way);
  way.steps.pop();
}

function refuse({ name, steps }: Way, what: string): never {
  throw new NotKeptError(`${name}${steps.map(textOf).join("")} is ${what}`);
}

function textOf(step: Step): string {
  if (step === "member") return " (in a Set)";
  if (typeof step === "number") return `[${step}]`;
  if (typeof step === "string") return keyInPath(step);
  return `.get(${typeof step.key === "string" ? JSON.stringify(step.key.slice(0, 60)) : String(step.key)})`;
}

/** Names of classes in a bundle are minified, but for those of the language. */
function nameOfClass(value: object): string {
  const { name } = value.constructor ?? {};
  if (name && Reflect.get(globalThis, name) === value.constructor) return `a ${name}`;
  const keys = Object.keys(value).slice(0, 5).join(", ");
  return `an instance of a class${keys ? ` (it has ${keys})` : ""}`;
}
