import type { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import type { FanOutStore } from "../server/fan-out-ports.ts";
import type { Clock, Store } from "../server/ports.ts";
import { answerStore } from "./answers.ts";
import { connectionStore } from "./connections.ts";
import { directiveStore } from "./directives.ts";
import { fanOutStore } from "./fan-outs.ts";
import { openerStore } from "./inbox-openers.ts";
import { inboxStore } from "./inboxes.ts";
import { ENDED_KEPT_MS, MINUTE_MS } from "./lifetimes.ts";
import { logStore } from "./log.ts";
import { partStore } from "./parts.ts";
import { memberStore } from "./rooms.ts";
import { sessionStore } from "./sessions.ts";
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

/**
 * The store in one DynamoDB table: consistent reads only; no Scan, no transactions, no secondary index (that of the heartbeat
 * is read in heartbeats.ts). What each method costs stands at the method; a "write" and a "read" are one request each. Failures
 * are those of errors.ts, or DynamoDB's own.
 */
export function createDynamoStore(options: DynamoStoreOptions): Store & FanOutStore {
  const { client, table: name, clock, minuteMs = MINUTE_MS, keepEndedMs = ENDED_KEPT_MS } = options;
  const table = new Table({ client, name, clock });
  return {
    ...connectionStore(table, minuteMs),
    ...socketStore(table, keepEndedMs),
    ...socketReadStore(table),
    ...socketStateStore(table, keepEndedMs),
    ...memberStore(table),
    ...sessionStore(table),
    ...logStore(table),
    ...directiveStore(table),
    ...answerStore(table),
    ...partStore(table),
    ...fanOutStore(table),
    ...inboxStore(table),
    ...openerStore(table),
  };
}
