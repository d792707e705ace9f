import { setTimeout as delay } from "node:timers/promises";
import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import {
  BatchGetCommand,
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  type QueryCommandInput,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import { Limiter } from "../../server/common/limiter.ts";
import type { Clock } from "../../server/ports/environment.ts";
import type { Key } from "../keys.ts";
import { StoreBusyError, translateError } from "./errors.ts";
import { chunks, type Expression } from "./expression.ts";
import type { Item } from "./item-reader.ts";

/** The SDK's agent has 50 sockets by default; what would only wait for one of them must not time out by that. */
const REQUESTS_AT_ONCE = 50;

/** Keys that one BatchGetItem takes. */
const KEYS_PER_BATCH = 100;

/** Rounds of BatchGetItem that bring nothing before we give up; with the waits between them about 3 s. */
const FRUITLESS_ROUNDS = 7;
const FIRST_WAIT_MS = 25;

/** How a conditional write ended. */
export interface Written {
  /** False: the condition did not hold. */
  readonly ok: boolean;
  /** What the write replaced, or with ALL_NEW what it made, as far as it was asked for. */
  readonly old: Item | undefined;
  /**
   * The SDK sent the request more than once: an earlier sending may have succeeded and only its response been lost. Then
   * `ok: false` can mean that our own write stands, and `old` can be our own write.
   */
  readonly resent: boolean;
}

export interface Page {
  readonly items: readonly Item[];
  /** There are, or may be, more behind them. */
  readonly more: boolean;
}

/** Both ends belong to it. */
export interface SortRange {
  readonly from: string;
  /** Not before `from`, which DynamoDB refuses. */
  readonly to?: string;
  /** Items in a page. */
  readonly pageSize: number;
}

export interface IndexQuery {
  readonly index: string;
  /** Name of the index's partition key, which is a string. */
  readonly attribute: string;
  readonly value: string;
  /** Items in a page. */
  readonly pageSize: number;
}

export interface TableOptions {
  readonly client: DynamoDBDocumentClient;
  readonly name: string;
  readonly clock: Pick<Clock, "now"> & Partial<Pick<Clock, "sleep">>;
}

/**
 * The one table: the only place that talks to DynamoDB. Reads are always consistent (a connection is read right after it was
 * written), but for those of an index; a condition that fails is a value, other failures are errors of errors.ts.
 */
export class Table {
  readonly #client: DynamoDBDocumentClient;
  readonly #name: string;
  readonly #clock: TableOptions["clock"];
  readonly #limiter = new Limiter(REQUESTS_AT_ONCE);

  constructor({ client, name, clock }: TableOptions) {
    this.#client = client;
    this.#name = name;
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  /** @param subject stands in errors; by default the key */
  async get(key: Key, subject: string = key.pk): Promise<Item | undefined> {
    const command = new GetCommand({ TableName: this.#name, Key: { ...key }, ConsistentRead: true });
    const { Item } = await this.#translated(`Reading ${subject}`, 0, () => this.#client.send(command));
    return Item;
  }

  /** In any order; what is not there is left out. One request per 100 different keys, all at once. */
  async getMany(keys: readonly Key[]): Promise<readonly Item[]> {
    // Keys hold no control characters (keys.ts), and the same key twice is refused by DynamoDB.
    const different = [...new Map(keys.map((key) => [`${key.pk}\n${key.sk}`, key])).values()];
    const batches = await Promise.all(
      chunks(different, KEYS_PER_BATCH).map((batch) => this.#batchGet(batch)),
    );
    return batches.flat();
  }

  /** All items under a partition key in the order of their sort keys, in DynamoDB's pages of at most 1 MB. */
  query(pk: string): AsyncGenerator<readonly Item[]> {
    return this.#pages(`Reading ${pk}`, {
      KeyConditionExpression: "pk = :pk",
      ExpressionAttributeValues: { ":pk": pk },
      ConsistentRead: true,
    });
  }

  /** Those of them in a range of sort keys. */
  queryRange(pk: string, { from, to, pageSize }: SortRange): AsyncGenerator<readonly Item[]> {
    const range = to === undefined ? "sk >= :from" : "sk BETWEEN :from AND :to";
    return this.#pages(`Reading ${pk}`, {
      KeyConditionExpression: `pk = :pk AND ${range}`,
      ExpressionAttributeValues: { ":pk": pk, ":from": from, ...(to !== undefined && { ":to": to }) },
      ConsistentRead: true,
      Limit: pageSize,
    });
  }

  /** The items of a partition from this sort key on, in order: one page of at most `limit` items and 1 MB. */
  async page(pk: string, skFrom: string, limit: number): Promise<Page> {
    const command = new QueryCommand({
      TableName: this.#name,
      KeyConditionExpression: "pk = :pk AND sk >= :sk",
      ExpressionAttributeValues: { ":pk": pk, ":sk": skFrom },
      ConsistentRead: true,
      Limit: limit,
    });
    const page = await this.#translated(`Reading ${pk}`, 0, () => this.#client.send(command));
    return { items: page.Items ?? [], more: page.LastEvaluatedKey !== undefined };
  }

  /** The items of a partition whose sort keys begin so, in pages of at most 1 MB. */
  queryBeginning(pk: string, skBegins: string): AsyncGenerator<readonly Item[]> {
    return this.#pages(`Reading ${pk}`, {
      KeyConditionExpression: "pk = :pk AND begins_with(sk, :sk)",
      ExpressionAttributeValues: { ":pk": pk, ":sk": skBegins },
      ConsistentRead: true,
    });
  }

  /** Whether a partition has an item whose sort key begins so. Reads one item at most. */
  async has(pk: string, skBegins: string): Promise<boolean> {
    const command = new QueryCommand({
      TableName: this.#name,
      KeyConditionExpression: "pk = :pk AND begins_with(sk, :sk)",
      ExpressionAttributeValues: { ":pk": pk, ":sk": skBegins },
      ConsistentRead: true,
      Select: "COUNT",
      Limit: 1,
    });
    const page = await this.#translated(`Reading ${pk}`, 0, () => this.#client.send(command));
    return (page.Count ?? 0) > 0;
  }

  /** All items of a secondary index under a partition key, in pages. As every index, it may be a moment behind. */
  queryIndex({ index, attribute, value, pageSize }: IndexQuery): AsyncGenerator<readonly Item[]> {
    return this.#pages(`Reading ${value}`, {
      IndexName: index,
      KeyConditionExpression: "#attribute = :value",
      ExpressionAttributeNames: { "#attribute": attribute },
      ExpressionAttributeValues: { ":value": value },
      Limit: pageSize,
    });
  }

  /** A page is asked for when the one before has been taken. */
  async *#pages(
    subject: string,
    query: Omit<QueryCommandInput, "TableName">,
  ): AsyncGenerator<readonly Item[]> {
    let from: Record<string, unknown> | undefined;
    do {
      const command: QueryCommand = new QueryCommand({
        TableName: this.#name,
        ...query,
        ...(from === undefined ? {} : { ExclusiveStartKey: from }),
      });
      const page = await this.#translated(subject, 0, () => this.#client.send(command));
      yield page.Items ?? [];
      from = page.LastEvaluatedKey;
    } while (from !== undefined);
  }

  put(item: Item, subject: string, condition?: Expression): Promise<Written> {
    const command = new PutCommand({ TableName: this.#name, Item: { ...item }, ...condition?.toInput() });
    return this.#written(subject, item, () => this.#client.send(command));
  }

  update(
    key: Key,
    subject: string,
    change: Expression,
    returns: "NONE" | "ALL_OLD" | "UPDATED_OLD" | "ALL_NEW" = "NONE",
  ): Promise<Written> {
    const input = change.toInput();
    const command = new UpdateCommand({
      TableName: this.#name,
      Key: { ...key },
      ...input,
      ReturnValues: returns,
    });
    return this.#written(subject, input, () => this.#client.send(command));
  }

  delete(key: Key, subject: string, condition?: Expression): Promise<Written> {
    const command = new DeleteCommand({ TableName: this.#name, Key: { ...key }, ...condition?.toInput() });
    return this.#written(subject, undefined, () => this.#client.send(command));
  }

  async #written(
    subject: string,
    sent: unknown,
    send: () => Promise<{ Attributes?: Item | undefined; $metadata: { attempts?: number | undefined } }>,
  ): Promise<Written> {
    try {
      const output = await this.#limiter.run(send);
      return { ok: true, old: output.Attributes, resent: wasResent(output.$metadata) };
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) {
        return { ok: false, old: undefined, resent: wasResent(error.$metadata) };
      }
      throw translateError(error, subject, Buffer.byteLength(JSON.stringify(sent) ?? ""));
    }
  }

  async #translated<T>(subject: string, sentBytes: number, send: () => Promise<T>): Promise<T> {
    try {
      return await this.#limiter.run(send);
    } catch (error) {
      throw translateError(error, subject, sentBytes);
    }
  }

  /** DynamoDB hands keys back unread when it is busy, and also when the answer would exceed 16 MB. */
  async #batchGet(batch: readonly Key[]): Promise<readonly Item[]> {
    const items: Item[] = [];
    let keys: Record<string, unknown>[] = batch.map((key) => ({ ...key }));
    let fruitless = 0;
    while (keys.length > 0) {
      const command = new BatchGetCommand({
        RequestItems: { [this.#name]: { Keys: keys, ConsistentRead: true } },
      });
      const output = await this.#translated(`Reading ${keys.length} items`, 0, () =>
        this.#client.send(command),
      );
      const found = output.Responses?.[this.#name] ?? [];
      items.push(...found);
      const unread = output.UnprocessedKeys?.[this.#name]?.Keys ?? [];
      fruitless = unread.length < keys.length ? 0 : fruitless + 1;
      keys = unread;
      if (fruitless >= FRUITLESS_ROUNDS) throw new StoreBusyError(`Reading ${keys.length} items`);
      if (keys.length > 0) await this.#backOff(fruitless);
    }
    return items;
  }

  /** Full jitter: a room's readers that were refused together must not come back together. */
  async #backOff(round: number): Promise<void> {
    const ms = Math.random() * FIRST_WAIT_MS * 2 ** round;
    await (this.#clock.sleep?.(ms) ?? delay(ms));
  }
}

/** An unknown number of attempts (another retry strategy) may be more than one. */
function wasResent({ attempts }: { attempts?: number | undefined }): boolean {
  return attempts === undefined || attempts > 1;
}
