/** A small server beside us: how much of what its price buys here, and how much of the same it can carry. */
import { PRICES } from "../../../infra/local/meter.ts";
import type { Calls } from "../calls.ts";
import { costOf, ENTRY_UNITS, EVENT_SECONDS, HEARTBEAT_RUNS, PONG_SECONDS } from "../price.ts";
import type { Results } from "../results.ts";

/**
 * Amazon's t3.micro, $0.0104 an hour, without its disk and address. It may use 10 % of each of its two cores all the time.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/burstable-credits-baseline-concepts.html
 */
export const SERVER = { dollars: 7.5, bytes: 1e9, cores: 0.2 } as const;
/** What Node.js and the system keep for themselves. */
const SYSTEM_BYTES = 3e8;

export const MONTH_SECONDS = 30 * 24 * 60 * 60;
const MONTH_MINUTES = MONTH_SECONDS / 60;
/** API Gateway ends a connection after 2 hours. */
const MONTH_RECONNECTS = MONTH_MINUTES / 120;
const MONTH_PINGS = MONTH_MINUTES / 8;

/** Dollars. */
export interface Pieces {
  /** For a month in which nobody comes. */
  readonly idle: number;
  /** For a month of a connection that says nothing. */
  readonly connection: number;
  /** For a month of a connection of the workload, with what it says. */
  readonly chatting: { readonly off: number; readonly on: number };
  readonly echo: number;
  /** A message that goes to nine others. */
  readonly chat: number;
  /** One hour in which 10,000 connections come, chat like the workload's, and leave. */
  readonly hour: number;
}

export function piecesOf({ calls_per_event: { ordered }, price: { ordered: price } }: Results): Pieces {
  const { plain: calls } = ordered;
  const ping = costOf(pingCalls(calls.ping), PONG_SECONDS);
  const visit = costOf(calls.connect, EVENT_SECONDS) + costOf(calls.disconnect, EVENT_SECONDS);
  const chat = costOf(calls.chat, EVENT_SECONDS);
  const minute = PRICES.gatewayConnectionMinute;
  return {
    idle: HEARTBEAT_RUNS * costOf(calls.heartbeat_run, EVENT_SECONDS),
    connection: MONTH_MINUTES * minute + MONTH_PINGS * ping + MONTH_RECONNECTS * visit,
    chatting: { off: price.recovery_off.total / 10_000, on: price.recovery_on.total / 10_000 },
    echo: costOf(calls.echo, EVENT_SECONDS),
    chat,
    hour: 10_000 * (visit + 60 * minute + (60 / 8) * ping + 60 * chat),
  };
}

const pingCalls = (ping: Calls): Calls => ({ ...ping, read_units: ping.read_units + ENTRY_UNITS });

/** What the server can carry on paper: its memory and its steady share of the cores. */
export function capacityOf({ stock_server: use }: Results) {
  return {
    connections: (SERVER.bytes - SYSTEM_BYTES) / (use.connection_kb * 1000),
    chatsPerSecond: (SERVER.cores * 1e6) / use.message_cpu_us,
    /** Of one core, what 10,000 connections of the workload use in a busy hour. */
    workloadShare: ((10_000 / 60) * use.message_cpu_us) / 1e6,
    workloadBytes: 10_000 * use.connection_kb * 1000,
  };
}
