/** The partition keys that a call asks for: what IAM knows as `dynamodb:LeadingKeys`. */
import type { TableModel } from "../model.ts";
import { type Item, isItem } from "./items.ts";
import { batchKeys, batchWrites, type Input, listOf, recordOf } from "./requests.ts";

/**
 * Undefined where the call has none: a Scan, or a Query whose key cannot be told.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
 */
export function leadingKeysOf(
  operation: string,
  input: Input,
  table: TableModel | undefined,
): readonly string[] | undefined {
  if (table === undefined) return undefined;
  const name = partitionKeyOf(table, input.IndexName);
  switch (operation) {
    case "GetItem":
    case "UpdateItem":
    case "DeleteItem":
      return [textOf(input.Key, name)];
    case "PutItem":
      return [textOf(input.Item, name)];
    case "BatchGetItem":
      return batchKeys(recordOf(input.RequestItems))
        .filter((entry) => entry.table === table.name)
        .map(({ key }) => textOf(key, name));
    case "BatchWriteItem":
      return batchWrites(recordOf(input.RequestItems))
        .filter((entry) => entry.table === table.name)
        .map(({ key }) => textOf(key, name));
    case "Query":
      return [queried(input, name)];
    default:
      return undefined;
  }
}

/** The name of the attribute that the table, or the index, is partitioned by. */
function partitionKeyOf({ createTable }: TableModel, index: unknown): string {
  const indexes = [
    ...listOf(createTable.GlobalSecondaryIndexes),
    ...listOf(createTable.LocalSecondaryIndexes),
  ].map(recordOf);
  const of = index === undefined ? createTable : indexes.find(({ IndexName }) => IndexName === index);
  const hash = listOf(of?.KeySchema).map(recordOf);
  return String(hash.find(({ KeyType }) => KeyType === "HASH")?.AttributeName);
}

/** Of `pk = :pk` in an expression, or of the older KeyConditions. */
function queried(input: Input, name: string): string {
  const condition = recordOf(recordOf(input.KeyConditions)[name]);
  const [value] = listOf(condition.AttributeValueList);
  if (value !== undefined) return scalar(value);
  const names = recordOf(input.ExpressionAttributeNames);
  for (const [, left = "", right = ""] of String(input.KeyConditionExpression ?? "").matchAll(
    /([#\w]+)\s*=\s*(:\w+)/g,
  )) {
    if ((left.startsWith("#") ? names[left] : left) === name) {
      return scalar(recordOf(input.ExpressionAttributeValues)[right]);
    }
  }
  // No key that a policy could allow: DynamoDB refuses such a query anyway.
  return "";
}

function textOf(item: unknown, name: string): string {
  const found: Item = isItem(item) ? item : {};
  return scalar(found[name]);
}

/** The content of `{ S: "text" }`, or of the other two types that a key can have. */
function scalar(value: unknown): string {
  const [content] = Object.values(recordOf(value));
  return typeof content === "string" ? content : "";
}
