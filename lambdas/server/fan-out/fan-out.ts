import { Limiter } from "../common/limiter.ts";
import { type Looks, looks } from "../common/looks.ts";
import type { Invocation } from "../invocation/invocation.ts";
import type { FanOuts, FanOutTask, LegKey, SocketRange } from "../ports/fan-out.ts";
import { toJsonRoom } from "../ports/rooms.ts";
import { postToAll, withoutTheSlow } from "../posting/post-to-all.ts";
import { roomsToLeave } from "../recovery/leavers.ts";
import { finishRows } from "../recovery/log.ts";
import { finishPart, isComplete, pathOfBranch, ROOT } from "./legs.ts";
import { type FanOut, fitsTask, toMessage } from "./message.ts";
import { divide, estimateRest } from "./ranges.ts";

/**
 * No worker posts anything of a packet later than this after its emit, in milliseconds: Lambda tries a worker that died again one
 * and two minutes later. What recovery looks back for counts on it (recovery/owed.ts).
 */
const FAN_OUT_LIFE_MS = 5 * 60_000;

/** Legs that one hands on: what its row names is far from the 400 KB of an item. More of them are handed on by those. */
export const MAX_BRANCHES = 250;

/** Tasks that are being started at the same time. */
const STARTED_AT_ONCE = 16;

/** For the end of a fan-out. */
const LOOKS: Looks = { first: 50, longest: 500 };
/** Of the invocation, in milliseconds: what still has to be sent after waiting. */
const RESERVE_MS = 3_000;

/**
 * Posts to the first and starts workers for all others. Nobody waits for the workers: the emit is done when Lambda has accepted
 * them.
 * @returns what goes on beside the next steps of the event
 */
export async function fanOut(
  invocation: Invocation,
  fanOuts: FanOuts,
  plan: FanOut,
): Promise<{ readonly sent: Promise<void> }> {
  const { nsp, rooms, packet } = plan;
  if (packet.volatileSince !== undefined && (await isBusy(invocation, fanOuts, plan, packet.volatileSince)))
    return { sent: Promise.resolve() };
  // Before anything later of this event is posted: who has that may still have to get this one.
  const { log } = packet;
  if (log) {
    await Promise.all([
      ...rooms.map((room) => fanOuts.store.markFannedOut({ nsp, room, id: log.id })),
      // Before the emit is done: who leaves after that was meant, or left out, though workers will not find it.
      ...roomsToLeave(plan).map((room) => fanOuts.store.noteLeavers(nsp, room)),
    ]);
  }
  const id = invocation.offsets.next();
  const earlier = invocation.inFlight.settled();
  return { sent: sendInTurn(invocation, fanOuts, plan, id, earlier) };
}

async function sendInTurn(
  invocation: Invocation,
  fanOuts: FanOuts,
  plan: FanOut,
  id: string,
  earlier: Promise<void>,
): Promise<void> {
  let tell = (_: string): void => undefined;
  const posting = new Promise<string>((resolve) => (tell = resolve));
  const before = invocation.inFlight.swap(audienceOf(plan), posting, invocation.posts.nextMoment());
  try {
    // What this event emitted before: a client that has got this packet is taken to have got that.
    await earlier;
    if (before !== undefined) await finished(invocation, fanOuts, await before);
    await send(invocation, fanOuts, plan, id);
  } finally {
    tell(id);
  }
}

/**
 * Were workers still posting to these rooms when this was called for? Then a volatile packet is lost, as to a single socket that is
 * busy; it costs a read to know, where this event has sent them something before.
 */
async function isBusy(
  { inFlight }: Invocation,
  { store }: FanOuts,
  plan: FanOut,
  since: number,
): Promise<boolean> {
  const last = await inFlight.lastFanOut(audienceOf(plan), since);
  if (last === "none" || last === "waiting") return last === "waiting";
  const leg = await store.readLeg({ id: last.id, path: ROOT });
  return leg !== undefined && !isComplete(leg);
}

const audienceOf = ({ nsp, rooms, except }: FanOut): string =>
  JSON.stringify([nsp, rooms.map(toJsonRoom).sort(), [...except].sort()]);

/**
 * Waits until workers have posted all that this event has emitted so far. They read the rooms, so who joins, leaves or is
 * disconnected by a later call of the same event must be found in them as it was when the earlier one was made.
 */
export async function allFannedOut(invocation: Invocation): Promise<void> {
  const { fanOuts } = invocation.ports;
  if (fanOuts) await invocation.inFlight.finishFanOuts((id) => finished(invocation, fanOuts, id));
}

/** Waits until the workers of a fan-out are done: the next one to the same rooms must not overtake it. */
async function finished({ ports, deadline }: Invocation, { store }: FanOuts, id: string): Promise<void> {
  const { clock, log } = ports;
  const nextWait = looks(LOOKS);
  for (;;) {
    const leg = await store.readLeg({ id, path: ROOT });
    if (!leg || isComplete(leg)) return; // without a row it never began
    const wait = nextWait();
    if (clock.now() + wait > deadline - RESERVE_MS) break;
    await clock.sleep(wait);
  }
  log.warn(
    "SKY_FAN_OUT_SLOW",
    "what follows an event to a large room no longer waits for its workers: some sockets may get two events in the other order, or one to a room that they have just joined or left",
  );
}

async function send(invocation: Invocation, fanOuts: FanOuts, plan: FanOut, id: string): Promise<void> {
  const { store } = fanOuts;
  const { nsp, rooms, packet, first, next } = plan;
  const share = invocation.fanOutThreshold;
  const workers = Math.ceil(estimateRest({}, next, first.length) / share);
  const ranges = divide({ from: next }, Math.min(Math.max(workers, 1), MAX_BRANCHES));
  const message = toMessage(plan);
  const fits = fitsTask(message);
  if (!fits) await store.putMessage(id, JSON.stringify(message));
  await store.putRoot(id, ranges);
  const task = {
    ...{ task: "fan-out" as const, share, hops: invocation.hops },
    until: invocation.ports.clock.now() + FAN_OUT_LIFE_MS,
    ...(fits && { message }),
  };
  const started = startBranches(fanOuts, task, { id, path: ROOT }, ranges);
  const posted = postToAll(invocation, first, packet);
  const [begun] = await Promise.allSettled([started, posted.sent]);
  if (begun.status === "rejected") {
    await posted.missed;
    throw begun.reason;
  }
  const finish = async (): Promise<void> => {
    const missed = await posted.missed;
    // First the connections that are gone are sure to be closed, as in finishLogs.
    if (missed.length > 0) await invocation.endGone();
    const all = await finishPart(store, { id, path: ROOT }, missed);
    const { log } = packet;
    if (log && all && all !== "many") await finishRows(invocation.ports, { nsp, rooms, id: log.id }, all);
  };
  await withoutTheSlow(invocation, posted, finish());
}

/** Starts a worker for each range that was handed on, from the place `first` on. */
export async function startBranches(
  fanOuts: Pick<FanOuts, "start">,
  task: Omit<FanOutTask, keyof LegKey | keyof SocketRange>,
  { id, path }: LegKey,
  ranges: readonly SocketRange[],
  first = 0,
): Promise<void> {
  const limiter = new Limiter(STARTED_AT_ONCE);
  const results = await Promise.allSettled(
    ranges
      .slice(first)
      .map((range, at) =>
        limiter.run(() => fanOuts.start({ ...task, id, path: pathOfBranch(path, first + at), ...range })),
      ),
  );
  for (const result of results) if (result.status === "rejected") throw result.reason;
}
