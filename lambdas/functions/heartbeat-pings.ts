import { createGateway, type GatewayOptions } from "../gateway/post.ts";
import type { Gateway } from "../server/ports/gateway.ts";

/**
 * For how long a ping is tried again when API Gateway is busy or failing. A run has time, and its next turn is too late for a
 * connection that misses one.
 */
const PING_DEADLINE_MS = 20_000;

/** After the deadline of a run: as long as those need that have only just been begun. */
const LAST_TRY_MS = 2_000;

export interface PingOptions extends Pick<GatewayOptions, "service" | "clock" | "random"> {
  /** Milliseconds since the epoch after which no ping is begun, and soon after it no try of those that were begun before. */
  readonly deadline: number;
}

/** The posts of one run of the heartbeat. */
export function createPings({ service, clock, deadline, random }: PingOptions): Pick<Gateway, "post"> {
  return createGateway({
    service: {
      async post(request) {
        // Where API Gateway hangs, hundreds wait for their try: the function would be over before they have had it.
        if (clock.now() > deadline + LAST_TRY_MS) throw new Error("the time of the heartbeat's run is over");
        return await service.post(request);
      },
    },
    closer: () => Promise.reject(new Error("the heartbeat closes nothing itself")),
    clock,
    deadlineMs: PING_DEADLINE_MS,
    ...(random && { random }),
  });
}
