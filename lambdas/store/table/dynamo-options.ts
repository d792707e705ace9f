import type { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import type { Clock } from "../../server/ports/environment.ts";

/** Where the table is, and what time is to its rows. */
export interface DynamoStoreOptions {
  readonly client: DynamoDBDocumentClient;
  /** Name of a table with string keys `pk` and `sk`, and TTL on `expiresAt`. */
  readonly table: string;
  /** `sleep` is for the waits between retries of batch reads; by default real time. */
  readonly clock: Pick<Clock, "now"> & Partial<Pick<Clock, "sleep">>;
  /**
   * How long a minute of the heartbeat is, in milliseconds; shorter only where a local cloud has time pass faster.
   * @default 60000
   */
  readonly minuteMs?: number;
  /**
   * How long the row of a socket is kept once it has ended, in milliseconds: with connection state recovery, longer than a
   * client may be away.
   * @default 300000
   */
  readonly keepEndedMs?: number;
}
