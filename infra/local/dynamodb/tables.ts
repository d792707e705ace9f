/** The data path: sends each call to the engine that should answer it, and counts the units that AWS would charge. */
import type { HttpResponse } from "../http.ts";
import type { TableModel } from "../model.ts";
import { call, type Engine, errorType, parseBody } from "./engine.ts";
import { Images, KeyLocks } from "./images.ts";
import { type Item, isItem, itemBytes, readUnits } from "./items.ts";
import {
  batchKeys,
  batchWrites,
  type Input,
  isConsistent,
  listOf,
  recordOf,
  unfiltered,
} from "./requests.ts";
import type { StaleCopy } from "./stale-copy.ts";

/** Units by table. */
export interface Units {
  readonly table: string;
  readonly readUnits: number;
  readonly writeUnits: number;
}

/** An answer, and what it would have cost. Nothing is charged for a call that was refused as invalid. */
export interface Metered {
  readonly response: HttpResponse;
  readonly units: readonly Units[];
}

export class Tables {
  readonly #engine: Engine;
  readonly #stale: StaleCopy;
  readonly #images = new Map<string, Images>();
  readonly #locks = new KeyLocks();

  constructor(tables: readonly TableModel[], engine: Engine, stale: StaleCopy) {
    this.#engine = engine;
    this.#stale = stale;
    for (const table of tables) this.#images.set(table.name, new Images(table));
  }

  /** Takes over an item that the engine held before the local cloud started. */
  seed(table: string, image: Item): void {
    const images = this.#imagesOf(table);
    images.set(image, image);
    this.#stale.seed({ table, id: `${table}${images.id(image)}`, key: images.keyOf(image), image });
  }

  async run(operation: string, input: Input, body: Uint8Array): Promise<Metered> {
    switch (operation) {
      case "GetItem":
      case "BatchGetItem":
      case "Query":
      case "Scan":
        return await this.#read(operation, input, body);
      case "PutItem":
      case "UpdateItem":
      case "DeleteItem":
        return await this.#write(operation, input, body);
      case "BatchWriteItem":
        return await this.#batchWrite(input, body);
      default:
        return { response: await this.#engine.send(operation, body), units: [] };
    }
  }

  async #read(operation: string, input: Input, body: Uint8Array): Promise<Metered> {
    const consistent = isConsistent(operation, input);
    const target = consistent ? this.#engine : this.#stale;
    const response = await target.send(operation, body);
    if (response.status !== 200) return { response, units: [] };
    if (operation === "GetItem") {
      const table = String(input.TableName);
      const key = isItem(input.Key) ? input.Key : {};
      const units = readUnits(this.#imagesOf(table).bytes(key), consistent);
      return { response, units: [{ table, readUnits: units, writeUnits: 0 }] };
    }
    if (operation === "BatchGetItem") {
      return { response, units: this.#batchReadUnits(input, response, consistent) };
    }
    const whole = unfiltered(input);
    const seen = whole === undefined ? response : await target.send(operation, encode(whole));
    const bytes = listOf(parseBody(seen.body).Items)
      .filter(isItem)
      .reduce((sum, item) => sum + itemBytes(item), 0);
    return {
      response,
      units: [{ table: String(input.TableName), readUnits: readUnits(bytes, consistent), writeUnits: 0 }],
    };
  }

  #batchReadUnits(input: Input, response: HttpResponse, consistent: boolean): Units[] {
    const unread = new Set(
      batchKeys(recordOf(parseBody(response.body).UnprocessedKeys)).map(
        ({ table, key }) => `${table}${this.#imagesOf(table).id(key)}`,
      ),
    );
    const byTable = new Map<string, number>();
    for (const { table, key } of batchKeys(recordOf(input.RequestItems))) {
      const images = this.#imagesOf(table);
      if (unread.has(`${table}${images.id(key)}`)) continue;
      byTable.set(table, (byTable.get(table) ?? 0) + readUnits(images.bytes(key), consistent));
    }
    return [...byTable].map(([table, units]) => ({ table, readUnits: units, writeUnits: 0 }));
  }

  async #write(operation: string, input: Input, body: Uint8Array): Promise<Metered> {
    const table = String(input.TableName);
    const images = this.#imagesOf(table);
    const put = operation === "PutItem" && isItem(input.Item) ? input.Item : undefined;
    const key = images.keyOf(put ?? (isItem(input.Key) ? input.Key : {}));
    return await this.#locks.run([`${table}${images.id(key)}`], async () => {
      const before = images.get(key);
      const response = await this.#engine.send(operation, body);
      if (response.status !== 200) {
        // "If a ConditionExpression evaluates to false, DynamoDB still consumes write capacity."
        // @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
        const failed = errorType(parseBody(response.body)) === "ConditionalCheckFailedException";
        const writeUnits = failed ? images.writeUnits(before, put ?? before) : 0;
        return { response, units: failed ? [{ table, readUnits: 0, writeUnits }] : [] };
      }
      const after = operation === "UpdateItem" ? await this.#current(table, key) : put;
      this.#changed(table, key, after);
      return {
        response,
        units: [{ table, readUnits: 0, writeUnits: images.writeUnits(before, after) }],
      };
    });
  }

  async #batchWrite(input: Input, body: Uint8Array): Promise<Metered> {
    const writes = batchWrites(recordOf(input.RequestItems)).map((write) => {
      const images = this.#imagesOf(write.table);
      return { ...write, images, id: `${write.table}${images.id(write.key)}` };
    });
    return await this.#locks.run(
      writes.map(({ id }) => id),
      async () => {
        const response = await this.#engine.send("BatchWriteItem", body);
        if (response.status !== 200) return { response, units: [] };
        const undone = new Set(
          batchWrites(recordOf(parseBody(response.body).UnprocessedItems)).map(
            ({ table, key }) => `${table}${this.#imagesOf(table).id(key)}`,
          ),
        );
        const byTable = new Map<string, number>();
        for (const { table, put, key, images, id } of writes) {
          if (undone.has(id)) continue;
          const units = images.writeUnits(images.get(key), put);
          byTable.set(table, (byTable.get(table) ?? 0) + units);
          this.#changed(table, images.keyOf(key), put);
        }
        return {
          response,
          units: [...byTable].map(([table, units]) => ({ table, readUnits: 0, writeUnits: units })),
        };
      },
    );
  }

  /** What an update made of an item: its answer does not say unless it was asked to. */
  async #current(table: string, key: Item): Promise<Item | undefined> {
    const { Item: item } = await call(this.#engine, "GetItem", {
      TableName: table,
      Key: key,
      ConsistentRead: true,
    });
    return isItem(item) ? item : undefined;
  }

  #changed(table: string, key: Item, image: Item | undefined): void {
    const images = this.#imagesOf(table);
    images.set(key, image);
    this.#stale.record({ table, id: `${table}${images.id(key)}`, key, image });
  }

  #imagesOf(table: string): Images {
    const images = this.#images.get(table);
    // Calls for other tables were answered before (ResourceNotFoundException).
    if (images === undefined) throw new Error(`The template has no table "${table}"`);
    return images;
  }
}

function encode(input: Input): Uint8Array {
  return Buffer.from(JSON.stringify(input));
}
