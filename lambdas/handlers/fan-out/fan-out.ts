import { randomBytes } from "node:crypto";
import { membersInOrder } from "../../server/broadcast/members-in-order.ts";
import { MAX_BRANCHES, startBranches } from "../../server/fan-out/fan-out.ts";
import { depthOf, finishPart, limited, OWN, together } from "../../server/fan-out/legs.ts";
import { roomsOfMessage, toFanOutMessage } from "../../server/fan-out/message.ts";
import { divide, estimateRest, following, toRange } from "../../server/fan-out/ranges.ts";
import type {
  FanOutMessage,
  FanOutPorts,
  FanOutTask,
  Leg,
  Missed,
  SocketRange,
} from "../../server/ports/fan-out.ts";
import type { Member } from "../../server/ports/rooms.ts";
import { endGone } from "../../server/posting/end-gone.ts";
import type { EventPacket } from "../../server/posting/post-to-all.ts";
import { postToAll, toReceiver } from "../../server/posting/post-to-all.ts";
import { Posts } from "../../server/posting/posts.ts";
import { withLeavers } from "../../server/recovery/leavers.ts";
import { finishRows } from "../../server/recovery/log.ts";
import { isAfterJoin, isBeforePacket } from "../../server/recovery/membership-history.ts";
import { type LeavingOut, withoutReturned } from "../../server/recovery/returned.ts";

/**
 * How long a leg is a worker's, in milliseconds: an asynchronous invocation that comes twice is dropped by it, and the one that
 * Lambda tries again after a minute is not. Workers stop before it is over.
 */
const LEASE_MS = 55_000;

/** Sockets served before it is noted: those that a worker tried again posts to twice. */
const BATCH = 100;
/** Batches on their way at the same time: as many as a worker has by default, so that a slow post holds up none of the others. */
const BATCHES_AT_ONCE = 6;

/** Ranges are split by a guess at how many are in them; where the guess is always wrong, a worker stays with what it has. */
const MAX_DEPTH = 8;

export interface FanOutContext {
  readonly ports: FanOutPorts;
  /** Milliseconds since the epoch after which no batch is begun. */
  readonly deadline: number;
}

/**
 * One worker of a fan-out: posts the packet to the sockets of its range. May run any number of times, also at once: one at a
 * time goes on, where the last one has noted that it was.
 */
export async function handleFanOut(context: FanOutContext, task: FanOutTask): Promise<void> {
  const { ports } = context;
  const { store, clock } = ports;
  if (clock.now() > task.until) return late(ports);
  const token = randomBytes(9).toString("base64url");
  const leg = await store.claimLeg(task, { token, until: clock.now() + LEASE_MS });
  if (!leg) return;
  const message = task.message ?? (await storedMessage(ports, task));
  const worker = new Worker(context, task, message, leg, token);
  // One that died after it had served all may have died before it said so.
  const missed = leg.finished[OWN] ?? (await worker.serve());
  if (missed === undefined) return;
  const all = await finishPart(store, task, missed, token);
  const { nsp, offset } = message;
  if (offset === undefined || all === undefined || all === "many") return;
  await finishRows(ports, { nsp, rooms: roomsOfMessage(message), id: offset }, all);
}

async function storedMessage({ store }: FanOutPorts, { id }: FanOutTask): Promise<FanOutMessage> {
  const json = await store.readMessage(id);
  const message = json === undefined ? undefined : toFanOutMessage(JSON.parse(json));
  if (!message) throw new Error(`the message of fan-out ${id} is not in the table`);
  return message;
}

function late({ log }: FanOutPorts): void {
  log.error(
    "SKY_FAN_OUT_LATE",
    "workers for an event to a large room came too late: some of its sockets did not get it",
  );
}

class Worker {
  readonly #context: FanOutContext;
  readonly #task: FanOutTask;
  readonly #message: FanOutMessage;
  readonly #packet: EventPacket;
  readonly #token: string;
  readonly #leavingOut: LeavingOut;
  readonly #range: SocketRange;
  readonly #branches: SocketRange[];
  #missed: Missed;
  /** Batches on their way, in order; each ends after the one before it. */
  readonly #sending: Promise<boolean>[] = [];

  constructor(context: FanOutContext, task: FanOutTask, message: FanOutMessage, leg: Leg, token: string) {
    this.#context = context;
    this.#task = task;
    this.#message = message;
    const { frames, offset, volatile } = message;
    this.#packet = {
      frames,
      // When its rows expire has been said by who put them.
      ...(offset !== undefined && { log: { id: offset, expiresAt: 0 } }),
      // The posts of each batch begin with this one.
      ...(volatile && { volatileSince: 0 }),
    };
    this.#token = token;
    const { nsp, except } = message;
    this.#leavingOut = { nsp, except: new Set(except), since: context.ports.clock.now(), offset };
    this.#range = toRange(leg.cursor ?? task.from, leg.to ?? task.to);
    this.#branches = [...leg.branches];
    this.#missed = leg.missed;
  }

  /** The sockets that did not take the packet; undefined if another worker has the leg by now, or it is too late. */
  async serve(): Promise<Missed | undefined> {
    // Those handed on by a worker that died: it may not have come to start theirs. One that is served already ends at once.
    await this.#startBranches(0);
    try {
      if (!(await this.#postAll())) return undefined;
      for (const sent of this.#sending) if (!(await sent)) return undefined;
      return this.#missed;
    } finally {
      await Promise.allSettled(this.#sending);
    }
  }

  /** False when another worker has the leg by now, or it is too late. */
  async #postAll(): Promise<boolean> {
    const { ports } = this.#context;
    const { share, until } = this.#task;
    const { nsp, except, offset } = this.#message;
    const rooms = roomsOfMessage(this.#message);
    // A worker that is late or tried again finds some who have joined since, also the rooms to leave out.
    const counts = ({ token }: Member) => offset === undefined || isAfterJoin(token, offset);
    const countsOut = (row: Member) => offset === undefined || isBeforePacket(row, offset);
    const wanted = { nsp, rooms, except, range: this.#range, pageSize: share + 1, counts, countsOut };
    let batch: Member[] = [];
    let from = this.#range.from;
    let seen = 0;
    for await (const member of membersInOrder(ports.store, wanted)) {
      if (batch.length === BATCH || (seen > 0 && seen % share === 0)) {
        const sent = await this.#send(batch, toRange(from, member.id), seen);
        if (sent !== "sent") return sent === "handed on";
        batch = [];
        from = member.id;
        if (ports.clock.now() > until) return late(ports) ?? false;
        if (await this.#handedOn(member.id, seen)) return true;
      }
      batch.push(member);
      seen++;
    }
    return (await this.#send(batch, toRange(from, this.#range.to), seen)) !== "lost";
  }

  /** Begins to post to all of a range, when there is room for it. `lost` when another worker has the leg by now. */
  async #send(
    batch: readonly Member[],
    range: SocketRange,
    seen: number,
  ): Promise<"sent" | "handed on" | "lost"> {
    const [first] = batch;
    if (this.#sending.length >= BATCHES_AT_ONCE && !(await this.#sending.shift())) return "lost";
    // Waiting for that may have taken as long as a post may: what is begun too late is not over before the lease is. The first batch is
    // each worker's own, so that there is an end to handing on.
    const isOver = this.#context.ports.clock.now() > this.#context.deadline && seen > batch.length;
    if (isOver && first && (await this.#handedOn(first.id, seen))) return "handed on";
    const before = this.#sending.at(-1) ?? Promise.resolve(true);
    const sent = this.#post(batch, range, before);
    sent.catch(() => undefined); // whoever takes it out of the list looks at it
    this.#sending.push(sent);
    return "sent";
  }

  /** Posts, and notes it when the batches before have been noted. */
  async #post(batch: readonly Member[], range: SocketRange, before: Promise<boolean>): Promise<boolean> {
    const { ports } = this.#context;
    const posts = new Posts(ports);
    const meant = await this.#meant(batch, range);
    if (meant.length === 0 && batch.length === 0) return await before;
    const members = await withoutReturned(ports.store, this.#leavingOut, meant);
    const missed = await postToAll({ posts, ports }, members.map(toReceiver), this.#packet).missed;
    if (!(await before)) return false;
    // Before it counts as served: a client that stayed connected would never come back for the packet.
    await endGone(ports, posts, this.#task.hops);
    this.#missed = limited(together(this.#missed, missed));
    // All that lies before the next batch; in the last one, no later than those who were found.
    const last = batch.at(-1);
    const cursor = range.to ?? (last && following(last.id));
    const { store } = ports;
    return await store.saveLeg(this.#task, this.#token, {
      ...(cursor !== undefined && { cursor }),
      missed: this.#missed,
    });
  }

  /** Without recovery there is nothing that tells who was in a room. */
  async #meant(batch: readonly Member[], range: SocketRange): Promise<readonly Member[]> {
    const { nsp, except, offset } = this.#message;
    if (offset === undefined) return batch;
    const packet = { nsp, rooms: roomsOfMessage(this.#message), except, id: offset };
    return await withLeavers(this.#context.ports.store, packet, range, batch);
  }

  /**
   * Hands the sockets from `next` on to other workers, if there are too many of them or the time is over. First it is noted,
   * then they are started: a worker that dies between the two is tried again, and starts them.
   */
  async #handedOn(next: string, seen: number): Promise<boolean> {
    const { ports, deadline } = this.#context;
    const { share, path } = this.#task;
    const isOver = ports.clock.now() > deadline;
    const workers = Math.ceil(estimateRest(this.#range, next, seen) / share);
    const tooMany = seen % share === 0 && workers > 1 && depthOf(path) < MAX_DEPTH;
    if (!isOver && !tooMany) return false;
    const rest = divide(toRange(next, this.#range.to), Math.min(Math.max(workers, 1), MAX_BRANCHES));
    if (!isOver && rest.length === 1) return false;
    // In front of the batches that are still on their way: they move the cursor, and this moves the end.
    const first = this.#branches.length;
    this.#branches.push(...rest);
    const saved = { to: next, branches: this.#branches };
    if (await ports.store.saveLeg(this.#task, this.#token, saved)) await this.#startBranches(first);
    return true;
  }

  /** Starts workers for the branches from this place on. */
  async #startBranches(first: number): Promise<void> {
    const { share, until, hops, message } = this.#task;
    const task = { task: "fan-out" as const, share, until, hops, ...(message && { message }) };
    await startBranches(this.#context.ports.fanOuts, task, this.#task, this.#branches, first);
  }
}
