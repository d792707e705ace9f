import type { FanOutStore } from "../server/ports/fan-out.ts";
import type { Store } from "../server/ports/store.ts";
import { answerStore } from "./answers.ts";
import { connectionStore } from "./connections.ts";
import { directiveStore } from "./directives.ts";
import { earlyStore } from "./early.ts";
import { fanOutStore } from "./fan-outs.ts";
import { openerStore } from "./inboxes/inbox-openers.ts";
import { inboxStore } from "./inboxes/inboxes.ts";
import { ENDED_KEPT_MS, MINUTE_MS } from "./lifetimes.ts";
import { lineStore } from "./line.ts";
import { logStore } from "./log.ts";
import { memberStore } from "./members.ts";
import { partStore } from "./parts.ts";
import { sessionStore } from "./sessions.ts";
import { sharedStore } from "./shared.ts";
import { socketReadStore } from "./sockets/reads.ts";
import { socketStore } from "./sockets/sockets.ts";
import { socketStateStore } from "./sockets/state.ts";
import type { DynamoStoreOptions } from "./table/dynamo-options.ts";
import { Table } from "./table/table.ts";

/**
 * The store in one DynamoDB table: consistent reads only; no Scan, no transactions, no secondary index (that of the heartbeat
 * is read in heartbeats.ts). What each method costs stands at the method; a "write" and a "read" are one request each. Failures
 * are those of table/errors.ts, or DynamoDB's own.
 */
export function createDynamoStore(options: DynamoStoreOptions): Store & FanOutStore {
  const { client, table: name, clock, minuteMs = MINUTE_MS, keepEndedMs = ENDED_KEPT_MS } = options;
  const table = new Table({ client, name, clock });
  return {
    ...connectionStore(table, minuteMs),
    ...lineStore(table),
    ...socketStore(table, keepEndedMs),
    ...socketReadStore(table),
    ...socketStateStore(table, keepEndedMs),
    ...memberStore(table),
    ...sessionStore(table),
    ...logStore(table),
    ...directiveStore(table),
    ...answerStore(table),
    ...partStore(table),
    ...earlyStore(table),
    ...sharedStore(table),
    ...fanOutStore(table),
    ...inboxStore(table),
    ...openerStore(table),
  };
}
