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
/** A run of the heartbeat has 48 s, posts to 64 at once and has the share of a core that 512 MB give it (1,769 MB are one). */
const HEARTBEAT_SECONDS = 48;
const POSTS_AT_ONCE = 64;
/** Assumed. */
const POST_SECONDS = 0.015;
const HEARTBEAT_CORE = 512 / 1769;
/** What a partition takes, and over how many everyone and a minute of the heartbeat's index are spread. */
const PARTITION_WRITES = 1_000;
const SHARDS = 4;
/** Of one that comes back with recovery: put to be held, released, and the delete for the old connection. */
const EVERYONE_WRITES = 3;

const GATEWAY_LIMITS =
  "https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html";
const LAMBDA_LIMITS = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html";
const WARM =
  "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/warm-throughput-scenarios.html";
const PARTITIONS =
  "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html";
const TABLE_LIMITS = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html";

/** Posts a second of a run of the heartbeat: what the posts under way allow, and what the CPU does. The less of the two binds. */
export function heartbeatRates({ post_cpu_us: { broadcast } }: PostCost): {
  readonly atOnce: number;
  readonly cpu: number;
} {
  return { atOnce: POSTS_AT_ONCE / POST_SECONDS, cpu: (HEARTBEAT_CORE * 1e6) / broadcast };
}

/** With recovery on, in the order in which they bind. */
export function quotas(results: CallsPerEvent & PostCost): readonly QuotaLine[] {
  const { chat, resume } = results.calls_per_event.ordered.with_recovery;
  const heartbeat = heartbeatRates(results);
  const units = (of: (calls: Calls) => number) => SENT * of(chat) + RECONNECTS * of(resume);
  const writes = units((each) => each.write_units);
  const reads = units((each) => each.read_units);
  const invocations = units((each) => each.invocations) + PINGS;
  const lines: readonly Omit<QuotaLine, "binds">[] = [
    ...partitionLines(),
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
      limit: Math.round(HEARTBEAT_SECONDS * Math.min(heartbeat.atOnce, heartbeat.cpu)),
      unit: "posts a minute",
      perConnection: 1 / 8,
      remedy: "none; beyond it, a second stack",
      source: "architecture/life.md#heartbeat",
    },
  ];
  return lines
    .map((line) => ({ ...line, binds: line.limit / line.perConnection }))
    .sort((one, other) => one.binds - other.binds);
}

/** Of single partitions: these are written by each connect, however the rest of the table is spread. */
function partitionLines(): readonly Omit<QuotaLine, "binds">[] {
  const common = { limit: SHARDS * PARTITION_WRITES, unit: "write units/s", source: PARTITIONS };
  const connects = (writes: number) =>
    ((SHARDS * PARTITION_WRITES) / writes).toLocaleString("en-US", { maximumFractionDigits: 0 });
  return [
    {
      ...common,
      quota: `DynamoDB: writes of a partition, the ${SHARDS} of everyone`,
      perConnection: RECONNECTS * EVERYONE_WRITES,
      remedy: `none needed: more than ${connects(EVERYONE_WRITES)} connects a second are throttled and tried again until it splits them`,
    },
    {
      ...common,
      quota: `DynamoDB: writes of a partition, the ${SHARDS} of a minute in the heartbeat's index`,
      perConnection: RECONNECTS,
      remedy: `none: ${connects(1)} connects a second; those that end within their minute count three times`,
    },
  ];
}
