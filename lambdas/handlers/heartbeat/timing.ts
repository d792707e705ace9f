/** When the heartbeat pings, and what clients are told of it. */
export interface HeartbeatTiming {
  /** The rate of the schedule, in milliseconds: a minute, but for a local cloud that has time pass faster. */
  readonly minuteMs: number;
  /** Minutes from one ping of a connection to the next. */
  readonly interval: number;
}

export const DEFAULT_TIMING: HeartbeatTiming = { minuteMs: 60_000, interval: 8 };

/**
 * How late a ping may be, in minutes: the schedule fires at any second of its minute, and a run ends within the minute that its
 * function has. After 8 minutes this adds up to the 10 of API Gateway's idle limit.
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html
 */
export const LATE = 2;

/** What clients are told as `pingTimeout`, as a part of a minute: 5 s. */
const TOLD_TIMEOUT = 1 / 12;

/**
 * The timing of a deployment. `PING_INTERVAL_MINUTES` comes from the template, `SKYSOCKET_TIME_SCALE` from a local cloud that
 * has AWS's long waits pass faster than the clock.
 */
export function timingOf(env: Readonly<Record<string, string | undefined>>): HeartbeatTiming {
  const { PING_INTERVAL_MINUTES: interval, SKYSOCKET_TIME_SCALE: scale } = env;
  return {
    minuteMs: DEFAULT_TIMING.minuteMs / positive("SKYSOCKET_TIME_SCALE", scale ?? "1"),
    interval: positive("PING_INTERVAL_MINUTES", interval ?? String(DEFAULT_TIMING.interval)),
  };
}

/**
 * What the open packet says, in milliseconds. A client gives up when no ping has come for the sum of the two. Nearly all of it is
 * `pingInterval`, although pings are sent more often: a Python client that has nothing to send for the longer of the two and
 * 5 s sends nothing any more (python-engineio, `_write_loop`).
 */
export function toldTo({ minuteMs, interval }: HeartbeatTiming): {
  readonly pingInterval: number;
  readonly pingTimeout: number;
} {
  const pingTimeout = Math.ceil(TOLD_TIMEOUT * minuteMs);
  return { pingInterval: Math.ceil((interval + LATE) * minuteMs) - pingTimeout, pingTimeout };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new Error(`the environment variable ${name} has to be a number above 0, got "${text}"`);
}
