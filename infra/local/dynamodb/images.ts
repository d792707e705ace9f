/** What every item looks like now, as far as metering needs it, and the order of the writes to each. */
import type { TableModel } from "../model.ts";
import { type Item, isItem, isRecord, itemBytes, writeUnits } from "./items.ts";

/** The attributes of a table's or index's key. */
export function keyAttributes(schema: unknown): string[] {
  if (!Array.isArray(schema)) return [];
  return schema.flatMap((part: unknown) =>
    isRecord(part) && typeof part.AttributeName === "string" ? [part.AttributeName] : [],
  );
}

interface Index {
  /** Its own key and its table's. */
  readonly keys: readonly string[];
  /** `undefined`: all attributes. */
  readonly projected: readonly string[] | undefined;
}

/** The items of one table. */
export class Images {
  readonly keys: readonly string[];
  readonly #indexes: readonly Index[];
  readonly #items = new Map<string, Item>();

  constructor(table: TableModel) {
    const { KeySchema, GlobalSecondaryIndexes, LocalSecondaryIndexes } = table.createTable;
    this.keys = keyAttributes(KeySchema);
    this.#indexes = [GlobalSecondaryIndexes, LocalSecondaryIndexes].flatMap((indexes) =>
      Array.isArray(indexes) ? indexes.map((index: unknown) => readIndex(index, this.keys)) : [],
    );
  }

  /** One text for each key. */
  id(keyOrItem: Item): string {
    return JSON.stringify(this.keys.map((name) => keyOrItem[name]));
  }

  keyOf(item: Item): Item {
    return pick(item, this.keys);
  }

  get(keyOrItem: Item): Item | undefined {
    return this.#items.get(this.id(keyOrItem));
  }

  set(keyOrItem: Item, image: Item | undefined): void {
    if (image === undefined) this.#items.delete(this.id(keyOrItem));
    else this.#items.set(this.id(keyOrItem), image);
  }

  /** Bytes of the item; 0 when there is none. */
  bytes(keyOrItem: Item): number {
    const image = this.get(keyOrItem);
    return image === undefined ? 0 : itemBytes(image);
  }

  /**
   * What a write from one image to another costs: the larger of the two, and in each index that changes one write, or two when
   * the index key changes.
   * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations.Writes
   */
  writeUnits(before: Item | undefined, after: Item | undefined): number {
    let units = largerUnits(before, after);
    for (const index of this.#indexes) {
      const old = project(before, index);
      const fresh = project(after, index);
      if (JSON.stringify(old) === JSON.stringify(fresh)) continue;
      const moved = old && fresh && index.keys.some((key) => different(old[key], fresh[key]));
      units += moved ? largerUnits(old, undefined) + largerUnits(undefined, fresh) : largerUnits(old, fresh);
    }
    return units;
  }
}

/** Lets one writer after the other touch an item, so that the order in which writes happened is known. */
export class KeyLocks {
  readonly #tails = new Map<string, Promise<void>>();

  async run<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const before = keys.map((key) => this.#tails.get(key));
    let release = (): void => undefined;
    const mine = new Promise<void>((resolve) => {
      release = resolve;
    });
    // All keys at once and before the first wait: two batches cannot wait for each other.
    for (const key of keys) this.#tails.set(key, mine);
    await Promise.all(before);
    try {
      return await work();
    } finally {
      release();
      for (const key of keys) if (this.#tails.get(key) === mine) this.#tails.delete(key);
    }
  }
}

function largerUnits(one: Item | undefined, other: Item | undefined): number {
  return writeUnits(Math.max(one ? itemBytes(one) : 0, other ? itemBytes(other) : 0));
}

function readIndex(index: unknown, tableKeys: readonly string[]): Index {
  const { KeySchema, Projection } = isRecord(index) ? index : {};
  const keys = keyAttributes(KeySchema);
  const { ProjectionType, NonKeyAttributes } = isRecord(Projection) ? Projection : {};
  const extra = Array.isArray(NonKeyAttributes) ? NonKeyAttributes.map(String) : [];
  return { keys, projected: ProjectionType === "ALL" ? undefined : [...tableKeys, ...keys, ...extra] };
}

/** The item as the index holds it; an item without the index's key is not in it. */
function project(item: Item | undefined, index: Index): Item | undefined {
  if (item === undefined || index.keys.some((key) => item[key] === undefined)) return undefined;
  const names = index.projected ?? Object.keys(item);
  return pick(item, [...new Set(names)].sort());
}

function pick(item: Item, names: readonly string[]): Item {
  const picked = Object.fromEntries(names.flatMap((name) => (item[name] ? [[name, item[name]]] : [])));
  return isItem(picked) ? picked : {};
}

function different(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) !== JSON.stringify(other);
}
