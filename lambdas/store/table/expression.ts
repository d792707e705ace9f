/** Top-level attribute, then the entry of a map, if any. */
export type Path = readonly [attribute: string, entry?: string];

/** The parts of a request that say what changes and on what condition. */
export interface ExpressionInput {
  readonly UpdateExpression?: string;
  readonly ConditionExpression?: string;
  readonly ExpressionAttributeNames?: Record<string, string>;
  readonly ExpressionAttributeValues?: Record<string, unknown>;
}

/**
 * Builds update and condition expressions. Every name goes through a placeholder: many of ours are reserved words
 * ("data", "token", …), and names of rooms contain anything.
 */
export class Expression {
  readonly #names = new Map<string, string>();
  readonly #values: unknown[] = [];
  readonly #set: string[] = [];
  readonly #remove: string[] = [];
  readonly #conditions: string[] = [];

  set(path: Path, value: unknown): this {
    this.#set.push(`${this.#path(path)} = ${this.#value(value)}`);
    return this;
  }

  /** Sets what is not there yet, and leaves what is. */
  setOnce(path: Path, value: unknown): this {
    const at = this.#path(path);
    this.#set.push(`${at} = if_not_exists(${at}, ${this.#value(value)})`);
    return this;
  }

  /** Sets what is not there yet to what another attribute was. The condition has to require that one. */
  copyOnce(path: Path, source: Path): this {
    const at = this.#path(path);
    this.#set.push(`${at} = if_not_exists(${at}, ${this.#path(source)})`);
    return this;
  }

  /** Counts up a number that is there. */
  increment(path: Path): this {
    const at = this.#path(path);
    this.#set.push(`${at} = ${at} + ${this.#value(1)}`);
    return this;
  }

  /** Counts up a number, or begins with 1. */
  count(path: Path): this {
    const at = this.#path(path);
    this.#set.push(`${at} = if_not_exists(${at}, ${this.#value(0)}) + ${this.#value(1)}`);
    return this;
  }

  remove(path: Path): this {
    this.#remove.push(this.#path(path));
    return this;
  }

  /** All of these must hold. */
  require(...conditions: readonly string[]): this {
    this.#conditions.push(...conditions);
    return this;
  }

  equals(path: Path, value: unknown): string {
    return `${this.#path(path)} = ${this.#value(value)}`;
  }

  /** Two attributes that are there have the same value. */
  same(path: Path, other: Path): string {
    return `${this.#path(path)} = ${this.#path(other)}`;
  }

  /** Holds for what is there and less than this: a number, or a text by its bytes. */
  below(path: Path, value: number | string): string {
    return `${this.#path(path)} < ${this.#value(value)}`;
  }

  absent(path: Path): string {
    return `attribute_not_exists(${this.#path(path)})`;
  }

  present(path: Path): string {
    return `attribute_exists(${this.#path(path)})`;
  }

  atMost(path: Path, value: number | string): string {
    return `${this.#path(path)} <= ${this.#value(value)}`;
  }

  atLeast(path: Path, value: number): string {
    return `${this.#path(path)} >= ${this.#value(value)}`;
  }

  /** There is a row and TTL has merely not removed it yet: an expired row is no row, or results would hang on TTL's mood. */
  expired(now: number): string {
    return `${this.#path(["expiresAt"])} <= ${this.#value(Math.floor(now / 1000))}`;
  }

  /** There is a row and it has not expired. Expiries are whole seconds, so that comparing with the floor is exact. */
  live(now: number): string {
    return `${this.#path(["expiresAt"])} > ${this.#value(Math.floor(now / 1000))}`;
  }

  anyOf(...conditions: readonly string[]): string {
    return `(${conditions.join(" OR ")})`;
  }

  allOf(...conditions: readonly string[]): string {
    return `(${conditions.join(" AND ")})`;
  }

  toInput(): ExpressionInput {
    const update = [
      ...(this.#set.length > 0 ? [`SET ${this.#set.join(", ")}`] : []),
      ...(this.#remove.length > 0 ? [`REMOVE ${this.#remove.join(", ")}`] : []),
    ].join(" ");
    return {
      ...(update === "" ? {} : { UpdateExpression: update }),
      ...(this.#conditions.length > 0 ? { ConditionExpression: this.#conditions.join(" AND ") } : {}),
      ...(this.#names.size > 0 ? { ExpressionAttributeNames: this.#placeholders() } : {}),
      ...(this.#values.length > 0
        ? { ExpressionAttributeValues: Object.fromEntries(this.#values.map((v, i) => [`:v${i}`, v])) }
        : {}),
    };
  }

  #placeholders(): Record<string, string> {
    return Object.fromEntries([...this.#names].map(([name, placeholder]) => [placeholder, name]));
  }

  #path([attribute, entry]: Path): string {
    const head = this.#name(attribute);
    return entry === undefined ? head : `${head}.${this.#name(entry)}`;
  }

  #name(name: string): string {
    const placeholder = this.#names.get(name) ?? `#n${this.#names.size}`;
    this.#names.set(name, placeholder);
    return placeholder;
  }

  #value(value: unknown): string {
    this.#values.push(value);
    return `:v${this.#values.length - 1}`;
  }
}

/**
 * Entries of maps changed by one request. DynamoDB takes expressions of at most 4 KB and 300 operators; an entry needs under
 * 30 characters of it.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
 */
export const ENTRIES_PER_UPDATE = 100;

export function chunks<T>(all: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
}

/** True for a row that counts: TTL removes rows late, up to days. */
export function isLive(expiresAt: number, now: number): boolean {
  return expiresAt > Math.floor(now / 1000);
}
