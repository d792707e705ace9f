import type { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import type { Clock, Store } from "../server/ports.ts";
import { answerStore } from "./answers.ts";
import { connectionStore } from "./connections.ts";
import { partStore } from "./parts.ts";
import { memberStore } from "./rooms.ts";
import { socketReadStore } from "./socket-reads.ts";
import { socketStateStore } from "./socket-state.ts";
import { socketStore } from "./sockets.ts";
import { Table } from "./table.ts";

export interface DynamoStoreOptions {
  readonly client: DynamoDBDocumentClient;
  /** Name of a table with string keys `pk` and `sk`, and TTL on `expiresAt`. */
  readonly table: string;
  /** `sleep` is for the waits between retries of batch reads; by default real time. */
  readonly clock: Pick<Clock, "now"> & Partial<Pick<Clock, "sleep">>;
}

/**
 * The store in one DynamoDB table: consistent reads only; no Scan, no transactions, no secondary index. What each method costs
 * stands at the method; a "write" and a "read" are one request each. Failures are those of errors.ts, or the SDK's.
 */
export function createDynamoStore({ client, table: name, clock }: DynamoStoreOptions): Store {
  const table = new Table({ client, name, clock });
  return {
    ...connectionStore(table),
    ...socketStore(table),
    ...socketReadStore(table),
    ...socketStateStore(table),
    ...memberStore(table),
    ...answerStore(table),
    ...partStore(table),
  };
}
