/** What a call asks for: understood as far as permissions, staleness and metering need it, and refused where the engine would lie. */
import { type Item, isItem, isRecord } from "./items.ts";

/** A call that the local cloud refuses; travels as DynamoDB's ValidationException. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
}

export type Input = Readonly<Record<string, unknown>>;

const EXPRESSIONS = ["ExpressionAttributeNames", "ExpressionAttributeValues"];
const WRITE = [
  ...EXPRESSIONS,
  "ConditionalOperator",
  "ConditionExpression",
  "Expected",
  "ReturnConsumedCapacity",
  "ReturnItemCollectionMetrics",
  "ReturnValues",
  "TableName",
];
const READ = [
  ...EXPRESSIONS,
  "AttributesToGet",
  "ConsistentRead",
  "ProjectionExpression",
  "ReturnConsumedCapacity",
  "TableName",
];
const PAGES = [
  ...READ,
  "ConditionalOperator",
  "ExclusiveStartKey",
  "FilterExpression",
  "IndexName",
  "Limit",
  "Select",
];

/** The operations that run here, each with the parameters that dynalite does not silently ignore. */
const PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  BatchGetItem: ["RequestItems", "ReturnConsumedCapacity"],
  BatchWriteItem: ["RequestItems", "ReturnConsumedCapacity", "ReturnItemCollectionMetrics"],
  DeleteItem: [...WRITE, "Key"],
  DescribeTable: ["TableName"],
  GetItem: [...READ, "Key"],
  ListTables: ["ExclusiveStartTableName", "Limit"],
  PutItem: [...WRITE, "Item"],
  Query: [...PAGES, "KeyConditionExpression", "KeyConditions", "QueryFilter", "ScanIndexForward"],
  Scan: [...PAGES, "ScanFilter", "Segment", "TotalSegments"],
  UpdateItem: [...WRITE, "AttributeUpdates", "Key", "UpdateExpression"],
};

/** Throws RefusedError for an operation or a parameter that would not do here what it does on AWS. */
export function refuseUnknown(operation: string, input: Input): void {
  const known = PARAMETERS[operation];
  if (known === undefined) {
    throw new RefusedError(
      `The local cloud does not run ${operation}: its embedded DynamoDB has ${Object.keys(PARAMETERS).join(", ")}.`,
    );
  }
  for (const [name, value] of Object.entries(input)) {
    if (known.includes(name) || value === null) continue;
    if (name === "ReturnValuesOnConditionCheckFailure" && value === "NONE") continue;
    throw new RefusedError(
      `The local cloud does not run ${operation} with ${name}: its embedded DynamoDB would ignore it without a word, and AWS would not. Leave it out.`,
    );
  }
}

/** The resources that IAM is asked about: tables or indexes, as `table/name` and `table/name/index/name`. */
export function resourcesOf(operation: string, input: Input): string[] {
  if (operation === "ListTables") return ["table/*"];
  return tablesOf(operation, input).map((table) =>
    typeof input.IndexName === "string" ? `table/${table}/index/${input.IndexName}` : `table/${table}`,
  );
}

/** The tables that the call names. */
export function tablesOf(operation: string, input: Input): string[] {
  if (operation === "ListTables") return [];
  const names = operation.startsWith("Batch") ? Object.keys(recordOf(input.RequestItems)) : [input.TableName];
  return names.map((name) => {
    if (typeof name === "string" && !name.startsWith("arn:")) return name;
    throw new RefusedError(`The local cloud takes a table's name as TableName, got ${JSON.stringify(name)}.`);
  });
}

/** True when the call must see every write before it; an index read never does, unless it is a local index. */
export function isConsistent(operation: string, input: Input): boolean {
  if (operation !== "BatchGetItem") return input.ConsistentRead === true;
  const asked = Object.values(recordOf(input.RequestItems)).map(
    (request) => recordOf(request).ConsistentRead === true,
  );
  if (asked.some(Boolean) && !asked.every(Boolean)) {
    throw new RefusedError(
      "The local cloud reads all tables of a BatchGetItem consistently or none: set ConsistentRead for each, or send two calls.",
    );
  }
  return asked.some(Boolean);
}

/** The keys of a BatchGetItem by table. */
export function batchKeys(input: Input): { readonly table: string; readonly key: Item }[] {
  return Object.entries(recordOf(input)).flatMap(([table, request]) =>
    listOf(recordOf(request).Keys)
      .filter(isItem)
      .map((key) => ({ table, key })),
  );
}

/** A write of a BatchWriteItem; `put` is undefined for a deletion. */
export interface BatchWrite {
  readonly table: string;
  readonly put: Item | undefined;
  /** The key, or an item that has it. */
  readonly key: Item;
}

/** The writes of a BatchWriteItem's `RequestItems` (or `UnprocessedItems`). */
export function batchWrites(input: Input): BatchWrite[] {
  return Object.entries(recordOf(input)).flatMap(([table, requests]) =>
    listOf(requests).flatMap((request): BatchWrite[] => {
      const put = recordOf(recordOf(request).PutRequest).Item;
      const key = recordOf(recordOf(request).DeleteRequest).Key;
      if (isItem(put)) return [{ table, put, key: put }];
      return isItem(key) ? [{ table, put: undefined, key }] : [];
    }),
  );
}

/**
 * The same Query or Scan without filter and projection: what DynamoDB reads, and charges for, before it drops anything.
 * Undefined when the call's own answer shows that already.
 */
export function unfiltered(input: Input): Input | undefined {
  const narrowing = [
    "AttributesToGet",
    "FilterExpression",
    "ProjectionExpression",
    "QueryFilter",
    "ScanFilter",
    "Select",
  ];
  if (!narrowing.some((name) => input[name] !== undefined)) return undefined;
  const whole: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(input)) {
    if (!narrowing.includes(name) && name !== "ConditionalOperator") whole[name] = value;
  }
  // A name or value that no expression uses is an error.
  const used = new Set(String(input.KeyConditionExpression ?? "").match(/[#:]\w+/g));
  for (const name of EXPRESSIONS) {
    const entries = Object.entries(recordOf(input[name])).filter(([placeholder]) => used.has(placeholder));
    if (entries.length > 0) whole[name] = Object.fromEntries(entries);
    else delete whole[name];
  }
  return whole;
}

export function recordOf(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
