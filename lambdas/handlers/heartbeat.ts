import { describeError } from "../server/errors.ts";
import type { HeartbeatPorts, Pulse, Turns } from "../server/heartbeat-ports.ts";
import { EndQueue } from "./heartbeat-ends.ts";
import type { HeartbeatTiming } from "./heartbeat-timing.ts";
import { mayBelieveGone, missedTurns, verdictOn, workOf } from "./heartbeat-turns.ts";

/** An Engine.IO ping. The client answers `3`, which nobody reads: a peer that is gone shows by the post. */
const PING_FRAME = "2";

/** Minutes whose connections are listed at the same time: with their shards and pages, what is in memory. */
const MINUTES_AT_ONCE = 8;

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
  try {
    await work(context, turns);
  } catch (error) {
    await ports.store.releaseTurns(turns);
    throw error;
  }
  // Also after a run that did not get to the end: to begin again where it began would be to get no further.
  await ports.store.finishTurns(turns, known);
}

/** Undefined where the minute's own turn is done already, or another run is at it: then it came twice. */
async function claimTurns(
  { ports, timing, deadline }: HeartbeatContext,
  minute: number,
): Promise<{ readonly turns: readonly number[]; readonly known: Turns } | undefined> {
  const { store, clock } = ports;
  const now = clock.now();
  const until = deadline + ENDING_MS;
  const known = await store.claimTurn(minute, now, until);
  if (!known) return undefined;
  const turns = [minute];
  for (const turn of missedTurns(known, minute, now, timing.interval)) {
    if (await store.claimTurn(turn, now, until)) turns.push(turn);
  }
  return { turns, known };
}

async function work(context: HeartbeatContext, turns: readonly number[]): Promise<void> {
  const { due, fresh } = workOf(turns, context.timing.interval);
  const run = new Run(context);
  const failure = await atOnce(MINUTES_AT_ONCE, [
    ...due.map((made) => () => run.each(made, (pulse) => run.see(pulse))),
    ...fresh.map((made) => () => run.each(made, (pulse) => run.endIfAlone(pulse))),
  ]);
  await run.finish();
  if (failure) throw failure.error;
}

class Run {
  readonly #context: HeartbeatContext;
  readonly #ends: EndQueue;
  #late = false;
  #failures = 0;
  #failure: unknown;

  constructor(context: HeartbeatContext) {
    this.#context = context;
    this.#ends = new EndQueue(context.ports.tasks);
  }

  /** Does something with every connection that was made in this minute, page by page. */
  async each(minute: number, work: (pulse: Pulse) => Promise<void>): Promise<void> {
    const { ports, deadline } = this.#context;
    for await (const page of ports.store.listConnections(minute)) {
      if (ports.clock.now() > deadline) {
        this.#late = true;
        return;
      }
      await settled(page.map(work));
    }
  }

  /** Pings a connection, or has it ended. */
  async see(pulse: Pulse): Promise<void> {
    const { ports, timing } = this.#context;
    const verdict = verdictOn(pulse, ports.clock.now(), timing);
    if (verdict === "leave") return;
    if (verdict !== "ping") return await this.#ends.add(pulse.connectionId, verdict.end);
    if ((await this.#ping(pulse.connectionId)) !== "gone") return;
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
    if (this.#late) {
      log.error(
        "SKY_HEARTBEAT_LATE",
        "the time of a run was over before all connections had been pinged; some may be closed as idle. Give the heartbeat function more memory",
      );
    }
    await this.#ends.flush();
  }

  /** One connection that cannot be posted to must not cost the others their ping. */
  async #ping(connectionId: string): Promise<"ok" | "gone" | "failed"> {
    try {
      return await this.#context.ports.gateway.post(connectionId, PING_FRAME);
    } catch (error) {
      this.#failures++;
      this.#failure = error;
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

async function settled(all: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(all)) if (result.status === "rejected") throw result.reason;
}
