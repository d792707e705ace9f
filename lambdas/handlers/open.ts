import { MAX_CLIENT_FRAME_BYTES } from "../protocol/limits.ts";
import { encodeOpen } from "../protocol/packets.ts";
import { endConnection } from "../server/ending/ending.ts";
import type { OpenTask } from "../server/ports/tasks.ts";
import { asInvocation, type HandlerContext } from "./context.ts";
import { DEFAULT_TIMING, toldTo } from "./heartbeat/timing.ts";

/** How long $connect may take to put the connection's row, in milliseconds. A client gives up after 20 s in all. */
const ROW_PATIENCE_MS = 10_000;
/**
 * How long the upgrade may take once the row is there, in milliseconds: $connect has nothing left to do then but to answer. Where it
 * takes longer the client went away while it waited, which API Gateway may never report.
 */
export const UPGRADE_PATIENCE_MS = 3_000;
/**
 * Waits of one invocation between its tries, in milliseconds. Nearly every upgrade is through after the first two. What waits
 * longer goes on in another invocation, behind whatever has come meanwhile: many upgrades that are dropped at once would
 * otherwise hold all instances, and keep those from connecting that try again because of it.
 */
const FIRST_WAITS_MS = [10, 20, 40, 80, 160] as const;
const LATER_WAITS_MS = [50, 100] as const;

/**
 * Posts the Engine.IO open packet, which must be the client's first frame. The connection exists only once $connect has
 * returned, so a 410 means "not yet" for a while. The claim keeps a second delivery of the task (Lambda's async invoke is at
 * least once) from sending a second open packet, upon which a client would connect its namespaces again; and it is refused
 * when the connection has ended.
 */
export async function handleOpen(context: HandlerContext, task: OpenTask): Promise<void> {
  const { ports, timing = DEFAULT_TIMING } = context;
  const { clock, gateway, store } = ports;
  const { connectionId, sid, turn = 0 } = task;
  const waits = task.since === undefined ? FIRST_WAITS_MS : LATER_WAITS_MS;
  const began = task.since ?? clock.now();

  // $connect starts this task and writes the row at the same time: the row may come later than we do. A row that was there, and
  // is not any more, has ended.
  const awaited = turn === 0 ? "absent" : undefined;
  const claim = await trying(context, waits, awaited, () => store.claimOpen(connectionId, turn));
  if (claim !== "claimed" && claim !== awaited) return;
  if (claim === "absent") {
    if (clock.now() - began < ROW_PATIENCE_MS) return await ports.tasks.start({ ...task, since: began });
    return giveUp(context, task, "$connect has not put its row", began);
  }

  const since = turn === 0 ? clock.now() : began;
  const frame = encodeOpen({ sid, ...toldTo(timing), maxPayload: MAX_CLIENT_FRAME_BYTES });
  const posted = await trying(context, waits, "gone", () => gateway.post(connectionId, frame));
  if (posted === "ok") return;
  if (clock.now() - since < UPGRADE_PATIENCE_MS) {
    return await ports.tasks.start({ ...task, turn: turn + 1, since });
  }
  giveUp(context, task, "the client is not there", since);
  // If it is there after all, the close brings it back at once.
  await asInvocation(context, 0, (invocation) =>
    endConnection(context.server, invocation, {
      connectionId,
      members: [],
      reason: "transport close",
      close: true,
    }),
  );
}

/** Once, and once more after each of the waits while the answer is `notYet`. */
async function trying<T>(
  { ports: { clock } }: HandlerContext,
  waits: readonly number[],
  notYet: T | undefined,
  call: () => Promise<T>,
): Promise<T> {
  let answer = await call();
  for (const wait of waits) {
    if (answer !== notYet) break;
    await clock.sleep(wait);
    answer = await call();
  }
  return answer;
}

function giveUp({ ports }: HandlerContext, { connectionId }: OpenTask, why: string, since: number): void {
  const waitedMs = ports.clock.now() - since;
  ports.log.warn(
    "SKY_OPEN_GIVEN_UP",
    `a connection gets no open packet, because ${why} after ${waitedMs} ms. Its client connects again if it is still there.`,
    { connection: connectionId },
  );
}
