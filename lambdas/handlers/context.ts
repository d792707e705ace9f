import type { ServerCore } from "../server/declared/server-core.ts";
import type { Invocation } from "../server/invocation/invocation.ts";
import type { Ports } from "../server/ports/ports.ts";
import type { ConnectionRecord } from "../server/ports/sockets.ts";
import { RouteResponse } from "../server/posting/route-response.ts";
import type { Stay } from "../server/shared/stay.ts";
import type { HeartbeatTiming } from "./heartbeat/timing.ts";

/** What every handler gets from the composition root. */
export interface HandlerContext {
  readonly server: ServerCore;
  readonly ports: Ports;
  /** Milliseconds since the epoch by which the handler has to be done. */
  readonly deadline: number;
  /** Route responses are on: what the handler returns is sent to the client. */
  readonly routeResponses?: boolean;
  /** Of the heartbeat, as clients are told. @default every 8 minutes */
  readonly timing?: HeartbeatTiming;
}

/** What a packet's handler gets: the invocation it runs in, and the connection it came from. */
export interface PacketContext extends HandlerContext {
  readonly invocation: Invocation;
  readonly connection: ConnectionRecord;
  /** What came before in the same invocation: its handlers have settled, or are still running; absent for the first. */
  readonly earlier?: "settled" | "running" | undefined;
  /** What its code runs in may use the shared variables of the namespace; whoever has made it ends it. */
  readonly stay?: Stay | undefined;
}

/**
 * Runs `work` as one invocation, and waits for everything that the application starts in it.
 * @param meanwhile what there is to do while it is waited for, if that takes a while; never rejects
 * @returns with route responses on, the frame to answer the client with
 */
export async function asInvocation(
  context: HandlerContext,
  hops: number,
  work: (invocation: Invocation) => Promise<void>,
  meanwhile?: (invocation: Invocation, finished: Promise<unknown>) => Promise<void>,
): Promise<string | undefined> {
  const { ports, deadline, routeResponses } = context;
  const invocation = context.server.begin({
    ports,
    deadline,
    hops,
    ...(routeResponses && { reply: new RouteResponse(ports.clock) }),
  });
  // In any case: what the application started before a failure, `disconnect` listeners above all, is still waited for.
  try {
    const [worked] = await Promise.allSettled([invocation.within(work(invocation))]);
    const finished = invocation.finish();
    await meanwhile?.(invocation, finished);
    const frame = await finished;
    if (worked.status === "rejected") throw worked.reason;
    return frame;
  } finally {
    context.server.end(invocation);
  }
}
