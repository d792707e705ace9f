import type { Ports } from "../ports/ports.ts";
import type { Pending } from "./pending.ts";
import {
  CONNECTION_GRACE_MS,
  countResources,
  grown,
  onlyConnections,
  plus,
  type ResourceCount,
  withTimers,
} from "./resources.ts";

/** How often the process is looked at while something of the application's is still going on, in milliseconds. */
const LOOK_AGAIN_MS = 10;

/** For how long an invocation waits, in all, for what goes on beside it, in milliseconds: most takes less than 50. */
export const PATIENCE_MS = 2_000;

/** What goes on in the process beside an invocation, and is none of its work. */
export interface Beside {
  /** Something has begun and is not over. */
  readonly busy: boolean;
  /** Active resources of the kind "Timeout" that are its own. */
  readonly timers: number;
  /** From here on nothing begins. Resolves when what has begun is over, or at a time in milliseconds since the epoch: then to false. */
  rest(until: number): Promise<boolean>;
  goOn(): void;
}

/** The invocation that is watched. */
interface Watched {
  readonly ports: Pick<Ports, "clock" | "activeResources">;
  readonly ended: boolean;
  /** How many answers wait for the end of the invocation: nobody waits for those. */
  readonly waitingAnswers: number;
  /** Saves what the application changed so far. */
  flush(): void;
}

/** Waits until nothing of an invocation goes on in the process any more: neither its effects nor what nobody awaits. */
export class IdleWatch {
  readonly #watched: Watched;
  readonly #pending: Pending;
  readonly #beside: Beside | undefined;
  #base: ResourceCount;
  #waiting = false;
  /** Timers of our own that say nothing about the application's work. */
  #pauses = 0;

  constructor(watched: Watched, pending: Pending, beside: Beside | undefined) {
    this.#watched = watched;
    this.#pending = pending;
    this.#beside = beside;
    this.#base = this.#resources();
  }

  /** Is something of the process going on that may be un-awaited work? */
  get busy(): boolean {
    return grown(this.#base, this.#resources()).length > 0;
  }

  /** Somebody is waiting for that. */
  get waiting(): boolean {
    return this.#waiting;
  }

  /** From here on, only what is started later counts as un-awaited work (replayed timers are none). */
  countFromHere(): void {
    this.#base = this.#resources();
  }

  /** What is begun in it is no un-awaited work. What had begun before that still is. */
  async apart(work: () => Promise<void>): Promise<void> {
    const before = this.#resources();
    await work();
    this.#base = plus(this.#base, this.#resources(), before);
  }

  /** Waits as the clock does; it is no work of the application's. */
  async pause(ms: number, signal?: AbortSignal): Promise<void> {
    this.#pauses++;
    try {
      await this.#watched.ports.clock.sleep(ms, signal);
    } finally {
      this.#pauses--;
    }
  }

  /** @returns what still goes on after `capMs` milliseconds, by kind */
  async idle(capMs: number): Promise<readonly string[]> {
    this.#waiting = true;
    try {
      return await this.#becomeIdle(this.#base, capMs);
    } finally {
      this.#waiting = false;
      this.#beside?.goOn();
    }
  }

  async #becomeIdle(base: ResourceCount, capMs: number): Promise<readonly string[]> {
    const { clock } = this.#watched.ports;
    const since = clock.now();
    for (;;) {
      this.#beside?.goOn();
      await this.#drain();
      if (this.#watched.ended) return []; // the deadline came first
      this.#watched.flush();
      // The process can be asked only when nothing else is going on in it.
      if (this.#beside?.busy) await this.#beside.rest(since + PATIENCE_MS);
      const { waitingAnswers } = this.#watched;
      if (this.#pending.size > waitingAnswers) continue;
      const busy = grown(withTimers(base, waitingAnswers), this.#resources());
      const waited = clock.now() - since;
      if (busy.length === 0 || waited >= capMs) return busy;
      if (onlyConnections(busy) && waited >= CONNECTION_GRACE_MS) return [];
      this.#beside?.goOn();
      await clock.sleep(LOOK_AGAIN_MS);
    }
  }

  /** Waits for all effects and tracked work; an answer that waits for the end of the invocation is none of it. */
  async #drain(): Promise<void> {
    // What the application gave to `process.nextTick` is seen nowhere, and has its turn only when no promise can go on.
    await new Promise(process.nextTick);
    while (this.#pending.size > this.#watched.waitingAnswers) {
      await this.#pending.oneEnded();
      // A continuation of what just settled may start the next thing: it gets its turn first.
      await this.#watched.ports.clock.turn();
    }
  }

  /** What keeps the process busy, without what is none of the application's doing in this invocation. */
  #resources(): ResourceCount {
    const timers = (this.#beside?.timers ?? 0) + this.#pauses;
    return withTimers(countResources(this.#watched.ports.activeResources()), -timers);
  }
}
