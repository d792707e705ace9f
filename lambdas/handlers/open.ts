import { MAX_CLIENT_FRAME_BYTES } from "../protocol/limits.ts";
import { encodeOpen } from "../protocol/packets.ts";
import type { Task } from "../server/ports.ts";
import type { HandlerContext } from "./context.ts";
import { DEFAULT_TIMING, toldTo } from "./heartbeat-timing.ts";

/** Until when the upgrade is waited for, in milliseconds; a client gives up 20 s after it started connecting. */
const GIVE_UP_MS = 20_000;
const FIRST_WAIT_MS = 10;
const LAST_WAIT_MS = 500;

/**
 * Posts the Engine.IO open packet, which must be the client's first frame. The connection exists only once $connect has
 * returned, so a 410 means "not yet" for a while. The claim keeps a second delivery of the task (Lambda's async invoke is at
 * least once) from sending a second open packet, upon which a client would connect its namespaces again.
 */
export async function handleOpen(
  { ports, timing = DEFAULT_TIMING }: HandlerContext,
  { connectionId, sid }: Extract<Task, { task: "open" }>,
): Promise<void> {
  const { store, gateway, clock } = ports;
  const until = clock.now() + GIVE_UP_MS;
  // $connect starts this task and writes the row at the same time: the row may come later than we do.
  let claimed = await store.claimOpen(connectionId);
  for (let wait = FIRST_WAIT_MS; !claimed && wait <= LAST_WAIT_MS; wait *= 2) {
    await clock.sleep(wait);
    claimed = await store.claimOpen(connectionId);
  }
  if (!claimed) return;
  const frame = encodeOpen({
    sid,
    ...toldTo(timing),
    maxPayload: MAX_CLIENT_FRAME_BYTES,
  });
  for (let wait = FIRST_WAIT_MS; clock.now() < until; wait = Math.min(wait * 2, LAST_WAIT_MS)) {
    if ((await gateway.post(connectionId, frame)) === "ok") return;
    await clock.sleep(wait);
  }
}
