import type { Json } from "../ports/sockets.ts";

/** A value that would not come back from JSON as it went in. */
export class NotJsonError extends Error {
  override readonly name = "NotJsonError";
}

/**
 * JSON text of a value that survives the round trip.
 * @throws NotJsonError naming the place: cycles, BigInt, functions, class instances, NaN
 */
export function toJson(value: unknown, path: string): Json {
  check(value, path, { ancestors: new Set(), flatten: false });
  return JSON.stringify(value);
}

/**
 * The same, but of an instance of a class (a session) what it holds is enough: it comes back without its methods.
 * @throws NotJsonError for those that hold nothing that JSON sees, such as a Map, or hold functions
 */
export function toPlainJson(value: unknown, path: string): Json {
  check(value, path, { ancestors: new Set(), flatten: true });
  return JSON.stringify(value);
}

interface Way {
  readonly ancestors: Set<object>;
  /** Instances of classes are taken by what they hold. */
  readonly flatten: boolean;
}

function check(value: unknown, path: string, way: Way): void {
  switch (typeof value) {
    case "string":
    case "boolean":
      return;
    case "number":
      if (Number.isFinite(value)) return;
      throw new NotJsonError(`${path} is ${value}, which JSON cannot express`);
    case "object":
      if (value !== null) checkObject(value, path, way);
      return;
    default:
      throw new NotJsonError(`${path} is ${value === undefined ? "undefined" : `a ${typeof value}`}`);
  }
}

function checkObject(value: object, path: string, way: Way): void {
  const { ancestors } = way;
  if (ancestors.has(value)) throw new NotJsonError(`${path} is a cycle: it contains itself`);
  ancestors.add(value);
  const own = isInstance(value) ? valuesOfInstance(value, path, way) : value;
  if (Array.isArray(own)) {
    for (const [index, item] of own.entries()) check(item, `${path}[${index}]`, way);
  } else if (typeof own !== "object") {
    check(own, path, way); // what `toJSON` made of it
  } else if (own !== null) {
    for (const [key, item] of Object.entries(own)) {
      // A property that is undefined is as good as absent, in JSON and in most applications.
      if (item !== undefined) check(item, path + keyInPath(key), way);
    }
  }
  ancestors.delete(value);
}

function isInstance(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return !Array.isArray(value) && prototype !== Object.prototype && prototype !== null;
}

function valuesOfInstance(value: object, path: string, { flatten }: Way): unknown {
  const holds = Object.keys(value).length > 0 && !ArrayBuffer.isView(value);
  if (flatten && "toJSON" in value && typeof value.toJSON === "function") return value.toJSON();
  if (flatten && holds) return value;
  throw new NotJsonError(`${path} is ${nameOfClass(value)}, which JSON would flatten`);
}

/** Names of classes in a bundle are minified, but for those of the language. */
function nameOfClass(value: object): string {
  const { name } = value.constructor ?? {};
  const builtIn = name && Reflect.get(globalThis, name) === value.constructor;
  if (builtIn) return `a ${name}`;
  const keys = Object.keys(value).slice(0, 5).join(", ");
  return `an instance of a class${keys ? ` (it has ${keys})` : ""}`;
}

/** How a key reads in a path: quoted where it is no name, and never long. It may be a client's, and goes into the log. */
export const keyInPath = (key: string): string =>
  /^[A-Za-z_$][\w$]{0,60}$/.test(key) ? `.${key}` : `[${JSON.stringify(key.slice(0, 60))}]`;

/**
 * Makes `target` equal to `source` (both JSON-able) while keeping the objects and arrays it is made of: handlers
 * registered in a replay hold references to them.
 */
export function restoreInPlace(
  target: Record<string, unknown>,
  source: Readonly<Record<string, unknown>>,
): void {
  for (const key of Object.keys(target)) {
    if (!Object.hasOwn(source, key)) delete target[key];
  }
  for (const [key, value] of Object.entries(source)) {
    // Own ones only: a key `__proto__`, as a client's JSON may have, would merge into the prototype of all objects.
    const old = Object.hasOwn(target, key) ? target[key] : undefined;
    // Added anew, so that the keys are in the source's order: else the same state would count as changed, and be written.
    delete target[key];
    setOwn(target, key, merged(old, value));
  }
}

function merged(old: unknown, value: unknown): unknown {
  if (Array.isArray(old) && Array.isArray(value)) {
    const items: unknown[] = value.map((item, index) => merged(old[index], item));
    old.splice(0, old.length, ...items);
    return old;
  }
  if (isPlain(old) && isPlain(value)) {
    restoreInPlace(old, value);
    return old;
  }
  return value;
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Sets an own property whatever its name: assigning to `__proto__` would change the prototype instead. */
export function setOwn(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}
