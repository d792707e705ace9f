/**
 * What a month of one workload costs, computed from metered calls: connections that are held all month, in rooms of ten, each of
 * which sends one message a minute in 8 hours of 22 days. 10,000 of them, where nothing else is said.
 */
import { PRICES } from "../../infra/local/meter.ts";
import type { Calls, CallsOf, CallsPerEvent } from "./calls.ts";
import { round } from "./support/stats.ts";

const CONNECTIONS = 10_000;
export const HEARTBEAT_RUNS = 60 * 24 * 30;
const RECIPIENTS = 9;

/** Assumed: an event waits for DynamoDB and for its posts. */
export const EVENT_SECONDS = 0.045;
/**
 * Assumed: a pong asks nobody anything. It takes microseconds of CPU (`event_cpu_us.pong`), and Lambda bills
 * whole milliseconds, those of its own runtime among them.
 */
export const PONG_SECONDS = 0.002;
/** Of a pong through the line: SQS takes it, and drops it like nearly all others of its group, so that no function runs for it. */
const DROPPED = { invocations: 0, queue_requests: 1 };
/** Assumed: a run of the heartbeat with 1,250 posts, 64 at once. */
const HEARTBEAT_SECONDS = 1;
const MEMORY_GB = 0.5;
/** Read units of a connection's entry in the heartbeat's index (200 bytes), which is read for each ping. */
export const ENTRY_UNITS = 200 / 4096 / 2;

/** The first billion messages of a month, and those after. @see https://aws.amazon.com/api-gateway/pricing/ */
const FIRST_TIER = 1e9;
const LATER_MESSAGE = 0.8 / 1e6;

/** Lambda's lines START, END and REPORT in the log, whatever the function says. @see https://aws.amazon.com/cloudwatch/pricing/ */
const LOG_GB_A_RUN = 285 / 1e9;
const LOG_GB = 0.5;
/** Of a connection that is two and five minutes old the heartbeat reads whether it has a socket. */
const JOIN_CHECKS = 2;

export interface Price {
  /** Dollars a month. */
  readonly price: {
    /** What the workload's own messages and connection minutes cost, whoever handles them. */
    readonly unavoidable: number;
    /** Each event alone in its batch, which costs most. */
    readonly ordered: Bills;
    readonly direct: Bills;
    readonly others: Readonly<Record<string, number>>;
    /** What the bills leave out, with recovery on. */
    readonly not_counted: { readonly logs: number; readonly join_checks: number };
    /** The ratios of the direct bills, if a pong ran as long as an event. */
    readonly slow_pongs: { readonly recovery_off: number; readonly recovery_on: number };
  };
}

export interface Bills {
  readonly recovery_off: Bill;
  readonly recovery_on: Bill;
}

export interface Bill {
  readonly total: number;
  /** Of the total to what is unavoidable. */
  readonly ratio: number;
  readonly api_gateway: number;
  readonly lambda: number;
  readonly dynamodb: number;
  readonly sqs: number;
}

/**
 * As computed from public list prices of the same workload; without what runs the application, which theirs all need besides.
 * AppSync Events counts all ten members of a room. Azure: 10 units of Web PubSub at 256 bytes a message. Ably: Standard.
 * Pusher: the smallest plan that surely holds it.
 */
const OTHERS = { appsync_events: 1_196, azure_web_pubsub: 483, ably: 3_145, pusher: 1_199 };

const messagesCost = (count: number): number =>
  Math.min(count, FIRST_TIER) * PRICES.gatewayMessage + Math.max(count - FIRST_TIER, 0) * LATER_MESSAGE;

const runCost = (seconds: number): number =>
  PRICES.lambdaRequest + seconds * MEMORY_GB * PRICES.lambdaGbSecond;

/** One of something, at the price of the first billion messages. */
export const costOf = (calls: Calls, seconds: number): number =>
  calls.messages * PRICES.gatewayMessage +
  calls.invocations * runCost(seconds) +
  calls.queue_requests * PRICES.sqsFifoRequest +
  calls.read_units * PRICES.dynamodbReadUnit +
  calls.write_units * PRICES.dynamodbWriteUnit;

/** Parts of the workload: how often, and what each costs. */
interface Part {
  readonly times: number;
  readonly calls: Calls;
  readonly seconds: number;
}

/** How often a month has what, with so many connections. */
function workload(connections: number) {
  const minutes = connections * 60 * 24 * 30;
  return {
    minutes,
    messages: connections * 60 * 8 * 22,
    // API Gateway ends a connection after 2 hours.
    reconnects: minutes / 120,
    pings: minutes / 8,
  };
}

export function priceOf(
  { calls_per_event: calls }: Pick<CallsPerEvent, "calls_per_event">,
  connections = CONNECTIONS,
): Price {
  const { minutes, messages, reconnects } = workload(connections);
  const unavoidable = messagesCost(messages * (1 + RECIPIENTS)) + minutes * PRICES.gatewayConnectionMinute;
  const total = ({ total }: Omit<Bill, "ratio">) => round(total / unavoidable, 3);
  const bill = (parts: readonly Part[]): Bill => {
    const of = billOf(minutes, parts);
    return {
      total: round(of.total, 0),
      ratio: total(of),
      api_gateway: round(of.api_gateway, 0),
      lambda: round(of.lambda, 0),
      dynamodb: round(of.dynamodb, 0),
      sqs: round(of.sqs, 0),
    };
  };
  const bills = ({ off, on }: Parts): Bills => ({ recovery_off: bill(off), recovery_on: bill(on) });
  const { plain, with_recovery } = calls.ordered;
  const line = { with_recovery, plain: { ...plain, ping: { ...plain.ping, ...DROPPED } } };
  const ordered = partsOf(line, connections, PONG_SECONDS);
  const slow = partsOf(calls.direct, connections, EVENT_SECONDS);
  const runs = ordered.on.reduce((all, { times, calls }) => all + times * calls.invocations, 0);
  return {
    price: {
      unavoidable: round(unavoidable, 0),
      ordered: bills(ordered),
      direct: bills(partsOf(calls.direct, connections, PONG_SECONDS)),
      others: OTHERS,
      not_counted: {
        logs: round(runs * LOG_GB_A_RUN * LOG_GB, 0),
        join_checks: round(reconnects * JOIN_CHECKS * PRICES.dynamodbReadUnit, 2),
      },
      slow_pongs: {
        recovery_off: total(billOf(minutes, slow.off)),
        recovery_on: total(billOf(minutes, slow.on)),
      },
    },
  };
}

interface Parts {
  readonly off: readonly Part[];
  readonly on: readonly Part[];
}

/** What the workload consists of, without and with recovery. */
function partsOf({ plain: calls, with_recovery }: CallsOf, connections: number, pongSeconds: number): Parts {
  const { messages, reconnects, pings } = workload(connections);
  const common: readonly Part[] = [
    {
      times: pings,
      calls: { ...calls.ping, read_units: calls.ping.read_units + ENTRY_UNITS },
      seconds: pongSeconds,
    },
    { times: HEARTBEAT_RUNS, calls: calls.heartbeat_run, seconds: HEARTBEAT_SECONDS },
  ];
  const off = [
    ...common,
    { times: messages, calls: calls.chat, seconds: EVENT_SECONDS },
    { times: reconnects, calls: calls.connect, seconds: EVENT_SECONDS },
    { times: reconnects, calls: calls.disconnect, seconds: EVENT_SECONDS },
  ];
  const on = [
    ...common,
    { times: messages, calls: with_recovery.chat, seconds: EVENT_SECONDS },
    { times: reconnects, calls: with_recovery.resume, seconds: EVENT_SECONDS },
  ];
  return { off, on };
}

function billOf(minutes: number, parts: readonly Part[]): Omit<Bill, "ratio"> {
  const sum = (of: (part: Part) => number) => parts.reduce((all, part) => all + part.times * of(part), 0);
  const api_gateway =
    messagesCost(sum(({ calls }) => calls.messages)) + minutes * PRICES.gatewayConnectionMinute;
  const lambda = sum(({ calls, seconds }) => calls.invocations * runCost(seconds));
  const dynamodb = sum(
    ({ calls }) => calls.read_units * PRICES.dynamodbReadUnit + calls.write_units * PRICES.dynamodbWriteUnit,
  );
  const sqs = sum(({ calls }) => calls.queue_requests * PRICES.sqsFifoRequest);
  return { total: api_gateway + lambda + dynamodb + sqs, api_gateway, lambda, dynamodb, sqs };
}
