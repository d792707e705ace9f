import type { Clock, Log } from "../server/ports/environment.ts";
import { CLOCK_TOLERANCE_MS } from "../server/recovery/membership-history.ts";

/** What is less than this apart is tolerated anyway, in milliseconds. */
const TOLERATED_MS = CLOCK_TOLERANCE_MS / 2;

/**
 * The clock for an event that API Gateway received at `at`. One that says an earlier time is behind, and is set right: what recovery
 * writes down as over must not seem to have been over before it was. One that says a later time may be ahead, or the event has been
 * long on its way: how much that is goes into offsets.
 */
export function clockFor(at: number, clock: Clock, log: Pick<Log, "warn">): Clock {
  const apartMs = clock.now() - at;
  if (apartMs > TOLERATED_MS) return { ...bound(clock, 0), aheadMs: apartMs };
  if (apartMs >= 0) return clock;
  const behindMs = -apartMs;
  if (behindMs > TOLERATED_MS) {
    log.warn(
      "SKY_CLOCK_BEHIND",
      "this instance's clock is behind API Gateway's by more than recovery tolerates: it is set right for this event",
      { behindMs },
    );
  }
  return bound(clock, behindMs);
}

const bound = (clock: Clock, behindMs: number): Clock => ({
  now: () => clock.now() + behindMs,
  sleep: (ms, signal) => clock.sleep(ms, signal),
  turn: () => clock.turn(),
});
