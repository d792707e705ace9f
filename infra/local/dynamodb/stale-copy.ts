/**
 * What reads see that do not ask for consistency: the tables as they were a moment ago. dynalite has no such moment, and code
 * that forgets `ConsistentRead` would work on a laptop and fail on AWS.
 */
import type { HttpResponse } from "../http.ts";
import type { TableModel } from "../model.ts";
import { call, type Engine, ensureTable } from "./engine.ts";
import type { Item } from "./items.ts";
import { listOf, recordOf } from "./requests.ts";

/** One item changed. */
export interface Change {
  readonly table: string;
  /** Unique among all items of all tables. */
  readonly id: string;
  readonly key: Item;
  /** What it is now; undefined when it is gone. */
  readonly image: Item | undefined;
}

export interface StaleCopyOptions {
  readonly tables: readonly TableModel[];
  /** How old it is, in milliseconds. */
  readonly ageMs: number;
  /** Milliseconds; only differences count. */
  readonly now: () => number;
  readonly startEngine: () => Engine;
}

/** DynamoDB's own limit of a BatchWriteItem. */
const BATCH = 25;

/** Costs next to nothing until the first such read: only then an engine is started and filled. */
export class StaleCopy {
  readonly #options: StaleCopyOptions;
  readonly #recent: { readonly at: number; readonly change: Change }[] = [];
  /** Old enough to be seen, but not yet in the engine: the last change of each item. */
  readonly #due = new Map<string, Change>();
  #engine: Promise<Engine> | undefined;
  #reads: Promise<unknown> = Promise.resolve();

  constructor(options: StaleCopyOptions) {
    this.#options = options;
  }

  /** Must be called in the order of the writes. */
  record(change: Change): void {
    this.#recent.push({ at: this.#options.now(), change });
    this.#age();
  }

  /** Something that has been there for long: visible at once. */
  seed(change: Change): void {
    this.#due.set(change.id, change);
  }

  /** A read as of `ageMs` ago. */
  async send(operation: string, body: Uint8Array): Promise<HttpResponse> {
    // One after the other, or a read could see half of what another one is filling in.
    const read = this.#reads.then(async () => {
      this.#engine ??= this.#start();
      const engine = await this.#engine;
      await this.#catchUp(engine);
      return await engine.send(operation, body);
    });
    // The failure is the reader's; it must not keep others from reading.
    this.#reads = read.catch(() => undefined);
    return await read;
  }

  async close(): Promise<void> {
    await this.#reads;
    const engine = await this.#engine;
    await engine?.close();
  }

  async #start(): Promise<Engine> {
    const engine = this.#options.startEngine();
    for (const table of this.#options.tables) await ensureTable(engine, table);
    return engine;
  }

  /** Moves what is old enough by now to what can be seen. */
  #age(): void {
    const limit = this.#options.now() - this.#options.ageMs;
    let count = 0;
    for (const { at, change } of this.#recent) {
      if (at > limit) break;
      this.#due.set(change.id, change);
      count++;
    }
    this.#recent.splice(0, count);
  }

  async #catchUp(engine: Engine): Promise<void> {
    this.#age();
    const changes = [...this.#due.values()];
    this.#due.clear();
    for (let start = 0; start < changes.length; start += BATCH) {
      let pending: Record<string, unknown> = requestItems(changes.slice(start, start + BATCH));
      while (Object.keys(pending).length > 0) {
        const output = await call(engine, "BatchWriteItem", { RequestItems: pending });
        pending = recordOf(output.UnprocessedItems);
      }
    }
  }
}

function requestItems(changes: readonly Change[]): Record<string, unknown> {
  const items: Record<string, unknown> = {};
  for (const { table, key, image } of changes) {
    const request = image === undefined ? { DeleteRequest: { Key: key } } : { PutRequest: { Item: image } };
    items[table] = [...listOf(items[table]), request];
  }
  return items;
}
