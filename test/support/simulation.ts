import type { Clock } from "../../lambdas/server/ports/environment.ts";

/** A small seeded generator (mulberry32): the same seed makes the same choices. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One run of the function: dead ones stop at their next call and never go on, as a crashed instance does. */
export class Life {
  /** How far its clock is off, in milliseconds. */
  readonly skew: number;
  /** Nothing of it goes on before this time. */
  frozenUntil = 0;
  /** It is killed at this time, whatever it is doing. */
  until = Number.POSITIVE_INFINITY;
  #alive = true;
  #mourners: (() => void)[] = [];

  constructor(skew = 0) {
    this.skew = skew;
  }

  get alive(): boolean {
    return this.#alive;
  }

  onDeath(mourner: () => void): void {
    this.#mourners.push(mourner);
  }

  end(): void {
    this.#alive = false;
    for (const mourner of this.#mourners.splice(0)) mourner();
  }

  /** It has done all it had to: nothing of it goes on, and nobody has to be told. */
  finish(): void {
    this.#mourners = [];
    this.end();
  }
}

interface Timer {
  readonly at: number;
  readonly life: Life;
  readonly fire: () => void;
}

interface Waiting {
  readonly life: Life;
  readonly go: () => void;
}

export interface SimulationOptions {
  /** Each step takes up to this long, in milliseconds; 0: time passes only when nothing else can happen. */
  readonly tickMs?: number;
}

/**
 * Time and concurrency as a game: every call to the outside is a point at which any other invocation may go first, time
 * passes only when nothing else can happen (or a little at each step), and all choices come from one seed.
 */
export class Simulation {
  readonly random: () => number;
  now = 1_800_000_000_000;
  steps = 0;
  readonly #tickMs: number;
  #ready: Waiting[] = [];
  #timers: Timer[] = [];

  constructor(seed: number, { tickMs = 0 }: SimulationOptions = {}) {
    this.random = seeded(seed);
    this.#tickMs = tickMs;
  }

  /** Waits for this call's turn. */
  point(life: Life): Promise<void> {
    return new Promise((go) => {
      if (life.alive) this.#ready.push({ life, go });
    });
  }

  clock(life: Life): Clock {
    return {
      now: () => this.now + life.skew,
      sleep: (ms, signal) => this.#sleep(life, ms, signal),
      // Twice through the microtasks: what is ready has run by then.
      turn: async () => {
        await Promise.resolve();
        await Promise.resolve();
      },
    };
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  /** Plays until nothing can happen any more. Throws if that takes suspiciously long. */
  async run(maxSteps = 100_000): Promise<void> {
    const limit = this.steps + maxSteps;
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#tickMs > 0) this.#tick();
      const next = this.#pick();
      if (next) go(next, this.now);
      else if (!this.#advance()) return;
      if (++this.steps > limit) throw new Error(`still not at rest after ${maxSteps} steps`);
    }
  }

  /** One of those that can go on, whichever. */
  #pick(): Waiting | undefined {
    const awake = this.#ready.filter(({ life }) => life.frozenUntil <= this.now);
    if (awake.length === this.#ready.length) {
      return this.#ready.splice(Math.floor(this.random() * this.#ready.length), 1)[0];
    }
    const next = awake[Math.floor(this.random() * awake.length)];
    this.#ready = this.#ready.filter((one) => one !== next);
    return next;
  }

  /** What a step takes; timers that are due by then compete with everything else. */
  #tick(): void {
    this.now += Math.floor(this.random() * (this.#tickMs + 1));
    const due = this.#timers.filter((timer) => timer.at <= this.now);
    if (due.length === 0) return;
    this.#timers = this.#timers.filter((timer) => timer.at > this.now);
    for (const { life, fire } of due) this.#ready.push({ life, go: fire });
  }

  #sleep(life: Life, ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted || !life.alive) {
        if (life.alive) resolve();
        return;
      }
      // Whole milliseconds, as of `Date.now()`: ids and rows hold times as whole numbers.
      const timer: Timer = { at: Math.ceil(this.now + ms), life, fire: () => over() };
      const over = (): void => {
        // One signal may end many sleeps, one after the other.
        signal?.removeEventListener("abort", over);
        this.#timers = this.#timers.filter((one) => one !== timer);
        resolve();
      };
      this.#timers.push(timer);
      signal?.addEventListener("abort", over);
    });
  }

  /** Lets time pass until the next timer, or until something thaws. */
  #advance(): boolean {
    this.#timers = this.#timers.filter(({ life }) => life.alive);
    this.#ready = this.#ready.filter(({ life }) => life.alive);
    const thaws = this.#ready.map(({ life }) => life.frozenUntil);
    const [first, ...others] = this.#timers;
    if (!first && thaws.length === 0) return false;
    const timer =
      first && others.reduce((soonest, one) => (firesAt(one) < firesAt(soonest) ? one : soonest), first);
    const thaw = Math.min(...thaws);
    if (!timer || thaw < firesAt(timer)) {
      this.now = Math.max(this.now, thaw);
      return true;
    }
    this.#timers.splice(this.#timers.indexOf(timer), 1);
    this.now = Math.max(this.now, firesAt(timer));
    go({ life: timer.life, go: timer.fire }, this.now);
    return true;
  }
}

const firesAt = ({ at, life }: Timer): number => Math.max(at, life.frozenUntil);

/** Lets it go on, unless it is dead or its time is over. */
function go({ life, go: on }: Waiting, now: number): void {
  if (!life.alive) return;
  if (now < life.until) on();
  else life.end();
}
