/**
 * A fingerprint of what the connection listeners did through the socket, in order: four characters an operation. Replay
 * runs the same code again; where it does something else (random room names, conditions on the time), handlers and rooms
 * silently differ from the first run, so the difference must speak.
 */
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const WIDTH = 4;
/** Operations kept: a listener that does more is compared by its beginning. 100 operations are 400 bytes of the row. */
const MAX_OPERATIONS = 100;

export class Trace {
  #text = "";
  #operations: string[] = [];

  add(operation: string, name: string): void {
    if (this.#operations.length >= MAX_OPERATIONS) return;
    this.#operations.push(`${operation} ${JSON.stringify(name)}`);
    this.#text += fingerprint(`${operation}:${name}`);
  }

  get text(): string {
    return this.#text;
  }

  /** The first operation that is not the one of the first run; undefined when all are the same. */
  firstDifference(first: string): string | undefined {
    if (first === this.#text) return undefined;
    const at = this.#operations.findIndex((_, i) => part(this.#text, i) !== part(first, i));
    return at === -1 ? "fewer operations than in the first run" : (this.#operations[at] ?? "more operations");
  }
}

/** Did the run with this trace do that? False positives are one in 16 million a name. */
export function traceHas(trace: string, operation: string, name: string): boolean {
  const wanted = fingerprint(`${operation}:${name}`);
  for (let i = 0; i < trace.length; i += WIDTH) {
    if (trace.startsWith(wanted, i)) return true;
  }
  return false;
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
