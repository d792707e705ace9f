import { UnreadableItemError } from "./errors.ts";

/** An item as DynamoDB gives it: anything may be in it. */
export type Item = Readonly<Record<string, unknown>>;

/** The version of all item formats; a change that older code would misread counts it up. */
export const ITEM_VERSION = 1;

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Takes attributes out of an item, and says which one is not what it should be. */
export class ItemReader {
  readonly #item: Item;

  constructor(item: Item) {
    this.#item = item;
    if (item.v !== ITEM_VERSION)
      this.#fail(`its format version is ${String(item.v)}, known is ${ITEM_VERSION}`);
  }

  text(name: string): string {
    const value = this.#item[name];
    return typeof value === "string" ? value : this.#fail(`"${name}" should be a string`);
  }

  optionalText(name: string): string | undefined {
    return this.#item[name] === undefined ? undefined : this.text(name);
  }

  number(name: string): number {
    const value = this.#item[name];
    return typeof value === "number" ? value : this.#fail(`"${name}" should be a number`);
  }

  optionalNumber(name: string): number | undefined {
    return this.#item[name] === undefined ? undefined : this.number(name);
  }

  boolean(name: string): boolean {
    const value = this.#item[name];
    return typeof value === "boolean" ? value : this.#fail(`"${name}" should be a boolean`);
  }

  texts(name: string): readonly string[] {
    const value = this.#item[name];
    if (!Array.isArray(value)) return this.#fail(`"${name}" should be a list`);
    return value.map((entry: unknown) =>
      typeof entry === "string" ? entry : this.#fail(`"${name}" should hold strings`),
    );
  }

  /** The entries of a map attribute, each taken by `take`, which returns undefined for what it does not know. */
  entries<T>(name: string, take: (value: unknown) => T | undefined): readonly (readonly [string, T])[] {
    const value = this.#item[name];
    if (!isObject(value)) return this.#fail(`"${name}" should be a map`);
    return Object.entries(value).map(([entry, raw]) => {
      const taken = take(raw);
      return taken === undefined ? this.#fail(`"${name}" holds an entry of an unknown form`) : [entry, taken];
    });
  }

  /** `value` if `known` says it is one; else the item is unreadable. */
  known<T extends string>(name: string, known: (value: string) => value is T): T {
    const value = this.text(name);
    return known(value) ? value : this.#fail(`"${name}" is "${value}"`);
  }

  #fail(problem: string): never {
    throw new UnreadableItemError(`${String(this.#item.pk)} / ${String(this.#item.sk)}`, problem);
  }
}

/**
 * Those of many rows that this version can read. One of another version, which belongs to a connection that is about to be
 * closed, must not keep all others from what is theirs.
 */
export function readable<T>(items: readonly Item[], read: (item: Item) => T): readonly T[] {
  return items.flatMap((item) => {
    try {
      return [read(item)];
    } catch (error) {
      if (error instanceof UnreadableItemError) return [];
      throw error;
    }
  });
}

/**
 * A record that is safe with any name: it has no prototype, so that `rooms["constructor"]` is undefined and `"__proto__"`
 * is an entry like any other.
 */
export function toRecord<T>(entries: Iterable<readonly [string, T]>): Readonly<Record<string, T>> {
  const record: Record<string, T> = Object.create(null);
  for (const [name, value] of entries) record[name] = value;
  return record;
}
