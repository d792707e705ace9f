/**
 * A fingerprint of what the connection listeners did through the socket, in order: four characters an operation, what they
 * registered and what they effected apart. Replay runs the same code again; where it does something else (random room names,
 * conditions on the time), handlers and rooms silently differ from the first run, so the difference must speak.
 */
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const WIDTH = 4;
/** Between the two parts; no letter of the alphabet. */
const SEPARATOR = ".";
/** Operations kept of each part: a listener that does more is compared by its beginning. 100 are 400 bytes of the row. */
const MAX_OPERATIONS = 100;
const REGISTRATIONS: ReadonlySet<string> = new Set(["on", "once", "use", "conn.on"]);

/** One part: operations in order. */
class Sequence {
  text = "";
  readonly #operations: string[] = [];

  add(operation: string, name: string): void {
    if (this.#operations.length >= MAX_OPERATIONS) return;
    this.#operations.push(`${operation} ${JSON.stringify(name)}`);
    this.text += fingerprint(`${operation}:${name}`);
  }

  firstDifference(first: string): string | undefined {
    if (first === this.text) return undefined;
    const at = this.#operations.findIndex((_, i) => part(this.text, i) !== part(first, i));
    return at === -1 ? "fewer operations than in the first run" : this.#operations[at];
  }
}

export class Trace {
  readonly #registered = new Sequence();
  readonly #effected = new Sequence();
  #settled = false;

  add(operation: string, name: string): void {
    if (REGISTRATIONS.has(operation)) this.#registered.add(operation, name);
    else if (!this.#settled) this.#effected.add(operation, name);
  }

  /** The listeners have settled: what their timers still do is not compared, since no replay waits for it. */
  settle(): void {
    this.#settled = true;
  }

  get text(): string {
    return this.#registered.text + SEPARATOR + this.#effected.text;
  }

  /** Has less been registered than in the first run? */
  registeredLess(first: string): boolean {
    return this.#registered.text.length < parts(first)[0].length;
  }

  /** The first operation that is not the one of the first run; undefined when all are the same. */
  firstDifference(first: string): string | undefined {
    const [registered, effected] = parts(first);
    return this.#registered.firstDifference(registered) ?? this.#effected.firstDifference(effected);
  }
}

/** Did the run with this trace register that? False positives are one in 16 million a name. */
export function traceHas(trace: string, operation: string, name: string): boolean {
  const wanted = fingerprint(`${operation}:${name}`);
  const [registered] = parts(trace);
  for (let i = 0; i < registered.length; i += WIDTH) {
    if (registered.startsWith(wanted, i)) return true;
  }
  return false;
}

/** Has a run registered more than its trace tells? */
export const traceIsFull = (trace: string): boolean => parts(trace)[0].length >= MAX_OPERATIONS * WIDTH;

function parts(trace: string): readonly [string, string] {
  const [registered = "", effected = ""] = trace.split(SEPARATOR);
  return [registered, effected];
}

const part = (text: string, index: number): string => text.slice(index * WIDTH, (index + 1) * WIDTH);

/** 24 bits of FNV-1a as four characters. */
export function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  hash = (hash >>> 8) ^ (hash & 0xff);
  let characters = "";
  for (let i = 0; i < WIDTH; i++) characters += ALPHABET[(hash >>> (6 * i)) & 63];
  return characters;
}
