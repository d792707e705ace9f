/** On paper: which quota of AWS the priced workload meets first as its connections grow, in an hour in which all of them send. */
import type { Calls, CallsPerEvent } from "../calls.ts";
import type { PostCost } from "../post.ts";

export interface QuotaLine {
  readonly quota: string;
  /** As an account has it in us-east-1, and what of it one connection uses. Both in `unit`. */
  readonly limit: number;
  readonly unit: string;
  readonly perConnection: number;
  /** Connections at which it binds. */
  readonly binds: number;
  readonly remedy: string;
  readonly source: string;
}

/** A connection does so much a second. */
const SENT = 1 / 60;
const RECIPIENTS = 9;
const PINGS = 1 / (8 * 60);
const RECONNECTS = 1 / (2 * 3600);
const EVENT_SECONDS = 0.045;
const PONG_SECONDS = 0.002;
/** A run of the heartbeat has 48 s: 64 posts at once, of 15 ms, with the share of a core that 512 MB give it (1,769 MB are one). */
const HEARTBEAT_SECONDS = 48;
const POSTS_A_SECOND = 64 / 0.015;
const HEARTBEAT_CORE = 512 / 1769;

const GATEWAY_LIMITS =
  "https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html";
const LAMBDA_LIMITS = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html";
const WARM =
  "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/warm-throughput-scenarios.html";
const TABLE_LIMITS = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html";

/** With recovery on, in the order in which they bind. */
export function quotas({
  calls_per_event: calls,
  post_cpu_us: { broadcast: postMicros },
}: CallsPerEvent & PostCost): readonly QuotaLine[] {
  const { chat, resume } = calls.with_recovery;
  const units = (of: (calls: Calls) => number) => SENT * of(chat) + RECONNECTS * of(resume);
  const writes = units((each) => each.write_units);
  const reads = units((each) => each.read_units);
  const invocations = units((each) => each.invocations) + PINGS;
  const lines: readonly Omit<QuotaLine, "binds">[] = [
    {
      quota: "API Gateway: requests of the account, posts included",
      limit: 10_000,
      unit: "requests/s",
      perConnection: SENT * (1 + RECIPIENTS) + PINGS * 2 + RECONNECTS * (1 + resume.messages),
      remedy:
        "raise the account's throttle: rate, and burst with it; or spread rooms over accounts or Regions",
      source: "https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html",
    },
    {
      quota: "DynamoDB: writes that a new on-demand table takes at once",
      limit: 4_000,
      unit: "write units/s",
      perConnection: writes,
      remedy:
        "set the table's warm throughput before launch; it also grows by itself, to twice the last peak",
      source: WARM,
    },
    {
      quota: "DynamoDB: reads that a new on-demand table takes at once",
      limit: 12_000,
      unit: "read units/s",
      perConnection: reads,
      remedy: "the same",
      source: WARM,
    },
    {
      quota: "Lambda: requests, ten for each concurrent execution",
      limit: 10_000,
      unit: "requests/s",
      perConnection: invocations,
      remedy: "raise concurrent executions, and these rise with them",
      source: LAMBDA_LIMITS,
    },
    {
      quota: "Lambda: concurrent executions",
      limit: 1_000,
      unit: "executions",
      perConnection: units((each) => each.invocations) * EVENT_SECONDS + PINGS * PONG_SECONDS,
      remedy: "raise them, with a margin for reconnects that come together",
      source: LAMBDA_LIMITS,
    },
    {
      quota: "DynamoDB: writes of a table",
      limit: 40_000,
      unit: "write units/s",
      perConnection: writes,
      remedy: "raise the table's quota",
      source: TABLE_LIMITS,
    },
    {
      quota: "DynamoDB: reads of a table",
      limit: 40_000,
      unit: "read units/s",
      perConnection: reads,
      remedy: "raise the table's quota",
      source: TABLE_LIMITS,
    },
    {
      quota: "API Gateway: new connections",
      limit: 500,
      unit: "connections/s",
      perConnection: RECONNECTS,
      remedy:
        "raise it: after an outage all connections come back, spread only by the client's `randomizationFactor`",
      source: GATEWAY_LIMITS,
    },
    {
      quota: "Ours: pings of one run of the heartbeat",
      limit: Math.round(HEARTBEAT_SECONDS * Math.min(POSTS_A_SECOND, (HEARTBEAT_CORE * 1e6) / postMicros)),
      unit: "posts a minute",
      perConnection: 1 / 8,
      remedy: "none; beyond it, a second stack",
      source: "ARCHITECTURE.md#heartbeat",
    },
  ];
  return lines
    .map((line) => ({ ...line, binds: line.limit / line.perConnection }))
    .sort((one, other) => one.binds - other.binds);
}
