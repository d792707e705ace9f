import { describeError } from "../../server/common/errors.ts";
import type { PostAnswer } from "../../server/ports/gateway.ts";
import type { HeartbeatPorts, Pulse, Turns } from "../../server/ports/heartbeat.ts";
import { EndQueue } from "./ends.ts";
import type { HeartbeatTiming } from "./timing.ts";
import { isInTime, mayBelieveGone, missedTurns, verdictOn, workOf } from "./turns.ts";
import { Window } from "./window.ts";

/** An Engine.IO ping. The client answers `3`, which nobody reads: a peer that is gone shows by the post. */
const PING_FRAME = "2";

/** Minutes whose connections are listed at the same time: with their shards and pages, what is in memory. */
const MINUTES_AT_ONCE = 8;

/**
 * Connections that are seen to at the same time, of all minutes and pages. Far more than the gateway posts to at once: those that
 * are busy only wait here for their next try, and must be very many before the others wait for them.
 */
const CONNECTIONS_AT_ONCE = 1_000;

/** From the deadline until a run is surely over or dead; the next one takes its turns then. In milliseconds. */
const ENDING_MS = 5_000;

export interface HeartbeatContext {
  readonly ports: HeartbeatPorts;
  readonly timing: HeartbeatTiming;
  /** Milliseconds since the epoch after which nothing new is begun. */
  readonly deadline: number;
}

/**
 * One run of the heartbeat: pings the connections whose turn it is, has the dead ended, and those that never joined a
 * namespace. Ends are tasks of the socket function, which has the application's `disconnect` listeners.
 *
 * A run takes its minute's turn, and those of before that nobody did. A turn that is done twice costs a ping each and harms
 * nobody; but runs that overlap, because they are long, must not do each other's work on top of their own.
 */
export async function handleHeartbeat(context: HeartbeatContext): Promise<void> {
  const { ports, timing } = context;
  const minute = Math.floor(ports.clock.now() / timing.minuteMs);
  const claimed = await claimTurns(context, minute);
  if (!claimed) return;
  const { turns, known } = claimed;
  let failed: readonly number[];
  try {
    failed = await work(context, turns);
  } catch (error) {
    await ports.store.releaseTurns(turns);
    throw error;
  }
  const undone = failed.filter((turn) => isInTime(turn, minute + 1));
  const done = turns.filter((turn) => !undone.includes(turn));
  // Two writes: turns of a run that dies between them are free when its time is over.
  if (undone.length > 0) await ports.store.releaseTurns(undone);
  if (done.length > 0) await ports.store.finishTurns(done, known);
}

/** The oldest first. Undefined where the minute's own turn is done already, or another run is at it: then it came twice. */
async function claimTurns(
  { ports, timing, deadline }: HeartbeatContext,
  minute: number,
): Promise<{ readonly turns: readonly number[]; readonly known: Turns } | undefined> {
  const { store, clock } = ports;
  const now = clock.now();
  const until = deadline + ENDING_MS;
  const known = await store.claimTurn(minute, now, until);
  if (!known) return undefined;
  const turns: number[] = [];
  for (const turn of missedTurns(known, minute, now, timing.interval)) {
    if (await store.claimTurn(turn, now, until)) turns.push(turn);
  }
  return { turns: [...turns, minute], known };
}

/** The turns whose pings failed, all or some. */
async function work(context: HeartbeatContext, turns: readonly number[]): Promise<readonly number[]> {
  const run = new Run(context);
  const works = turns.map((turn) => ({ turn, ...workOf(turn, context.timing.interval) }));
  const unlisted = await atOnce(MINUTES_AT_ONCE, [
    ...works.flatMap(({ turn, due }) =>
      due.map((made) => () => run.each(made, (pulse) => run.see(pulse, turn))),
    ),
    ...works.flatMap(({ fresh }) =>
      fresh.map((made) => () => run.each(made, (pulse) => run.endIfAlone(pulse))),
    ),
  ]);
  const failure = (await run.ended()) ?? unlisted;
  await run.finish();
  if (failure) throw failure.error;
  return turns.filter((turn) => run.failedIn(turn));
}

class Run {
  readonly #context: HeartbeatContext;
  readonly #ends: EndQueue;
  readonly #window = new Window(CONNECTIONS_AT_ONCE);
  readonly #failedTurns = new Set<number>();
  #late = false;
  #answered = 0;
  #failures = 0;
  #failure: unknown;
  #slow = 0;

  constructor(context: HeartbeatContext) {
    this.#context = context;
    this.#ends = new EndQueue(context.ports.tasks);
  }

  /** Begins something with every connection that was made in this minute; the next page is listed when all of one are begun. */
  async each(minute: number, work: (pulse: Pulse) => Promise<void>): Promise<void> {
    for await (const page of this.#context.ports.store.listConnections(minute)) {
      for (const pulse of page) {
        if (this.#isOver()) return;
        await this.#window.begin(async () => {
          // Once more: its place may have been long in coming.
          if (!this.#isOver()) await work(pulse);
        });
      }
    }
  }

  /** Resolves when all that was begun has ended, with the first failure of it. */
  async ended(): Promise<{ readonly error: unknown } | undefined> {
    return await this.#window.ended();
  }

  /**
   * Whether pings of a turn failed. Where time was over because there is too much to do, that does not count: begun again, the
   * run would get no further, and the turns after it would starve. But where most pings failed it was they that took the time,
   * also from turns that had none yet.
   */
  failedIn(turn: number): boolean {
    if (this.#late) return this.#failures > this.#answered;
    return this.#failedTurns.has(turn);
  }

  /** Pings a connection whose turn it is, or has it ended. */
  async see(pulse: Pulse, turn: number): Promise<void> {
    const { ports, timing } = this.#context;
    const verdict = verdictOn(pulse, ports.clock.now(), timing);
    if (verdict === "leave") return;
    if (verdict !== "ping") return await this.#ends.add(pulse.connectionId, verdict.end);
    const answer = await this.#ping(pulse.connectionId);
    if (answer === "failed") this.#failedTurns.add(turn);
    // It is there, and does not read: no ping will come through.
    if (answer === "refused") return await this.#ends.add(pulse.connectionId, "ping timeout");
    if (answer !== "gone") return;
    if (!mayBelieveGone(pulse, ports.clock.now(), timing)) return;
    // What $disconnect would have said, had it come. A "ping timeout" is for who waits for answers.
    await this.#ends.add(pulse.connectionId, "transport close");
  }

  /** As stock closes a connection on which no namespace was joined in time. */
  async endIfAlone({ connectionId, bye }: Pulse): Promise<void> {
    if (bye || (await this.#context.ports.store.hasSocket(connectionId))) return;
    await this.#ends.add(connectionId, "forced server close");
  }

  async finish(): Promise<void> {
    const { log } = this.#context.ports;
    if (this.#failures > 0) {
      log.error("SKY_PING_FAILED", `${this.#failures} connections could not be pinged`, {
        error: describeError(this.#failure),
      });
    }
    if (this.#slow > 0) {
      log.warn(
        "SKY_SLOW_READER",
        `${this.#slow} clients are closed: API Gateway takes no ping for them, since they do not read what they were sent`,
      );
    }
    if (this.#late) {
      log.error(
        "SKY_HEARTBEAT_LATE",
        "the time of a run was over before all connections had been pinged; some may be closed as idle. Give the heartbeat function more memory",
      );
    }
    await this.#ends.flush();
  }

  #isOver(): boolean {
    const { ports, deadline } = this.#context;
    const isOver = ports.clock.now() > deadline;
    if (isOver) this.#late = true;
    return isOver;
  }

  /** One connection that cannot be posted to must not cost the others their ping. */
  async #ping(connectionId: string): Promise<PostAnswer | "failed"> {
    try {
      const answer = await this.#context.ports.gateway.post(connectionId, PING_FRAME);
      this.#answered++;
      if (answer === "refused") this.#slow++;
      return answer;
    } catch (error) {
      // The first: those after the deadline only say that time was over.
      if (this.#failures === 0) this.#failure = error;
      this.#failures++;
      return "failed";
    }
  }
}

/** Runs all, some at a time, also after one has failed; the first failure. */
async function atOnce(
  count: number,
  work: readonly (() => Promise<void>)[],
): Promise<{ readonly error: unknown } | undefined> {
  const left = [...work];
  let failure: { readonly error: unknown } | undefined;
  const workers = Array.from({ length: count }, async () => {
    for (let next = left.shift(); next; next = left.shift()) {
      try {
        await next();
      } catch (error) {
        failure ??= { error };
      }
    }
  });
  await Promise.all(workers);
  return failure;
}
