import type { CloudEvent } from "../../infra/local/model.ts";

const connectionId = "TXzPWdnOjoECGjA=";
const functionId = "RealtimeSocket6F1A2B3C";
const at = 1_760_000_000_000;
const run = { kind: "lambda", functionId, durationMs: 10, coldStart: false, outcome: "ok" } as const;
const table = { kind: "dynamodb", functionId, table: "Realtime", readUnits: 0, writeUnits: 0 } as const;
const gateway = {
  kind: "gateway",
  connectionId,
  functionId,
  status: 200,
  bytes: 0,
  body: undefined,
} as const;

/**
 * An open packet, one event and a new connection, in the order in which the local cloud tells of them: a message before
 * its run, a connect after it.
 */
export const cloudEvents: readonly CloudEvent[] = [
  { ...table, at, requestId: "a", operation: "UpdateItem", writeUnits: 1 },
  { ...gateway, at: at + 1, requestId: "a", operation: "post", bytes: 90, body: '0{"sid":"x"}' },
  { ...run, at: at + 2, requestId: "a", trigger: "async" },
  { ...gateway, at: at + 3, operation: "message", bytes: 29, body: '421["message","lobby","hi"]' },
  { ...table, at: at + 5, requestId: "b", operation: "Query", readUnits: 1 },
  { ...gateway, at: at + 7, requestId: "b", operation: "post", bytes: 16, body: '431[{"ok":true}]' },
  { ...run, at: at + 13, requestId: "b", trigger: "$default" },
  { ...table, at: at + 20, requestId: "c", operation: "PutItem", writeUnits: 1 },
  { ...run, at: at + 30, requestId: "c", trigger: "$connect" },
  { ...gateway, at: at + 31, operation: "connect" },
];
