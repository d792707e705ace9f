import type { Clock } from "../../lambdas/server/ports.ts";

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
  #alive = true;
  #mourners: (() => void)[] = [];

  get alive(): boolean {
    return this.#alive;
  }

  onDeath(mourner: () => void): void {
    this.#mourners.push(mourner);
  }

  end(): void {
    this.#alive = false;
    for (const mourner of this.#mourners) mourner();
  }
}

interface Timer {
  readonly at: number;
  readonly life: Life;
  readonly fire: () => void;
}

/**
 * Time and concurrency as a game: every call to the outside is a point at which any other invocation may go first, time
 * passes only when nothing else can happen, and all choices come from one seed.
 */
export class Simulation {
  readonly random: () => number;
  now = 1_800_000_000_000;
  steps = 0;
  #ready: { readonly life: Life; readonly go: () => void }[] = [];
  #timers: Timer[] = [];

  constructor(seed: number) {
    this.random = seeded(seed);
  }

  /** Waits for this call's turn. */
  point(life: Life): Promise<void> {
    return new Promise((go) => {
      if (life.alive) this.#ready.push({ life, go });
    });
  }

  clock(life: Life): Clock {
    return {
      now: () => this.now,
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
  async run(maxSteps = 20_000): Promise<void> {
    const limit = this.steps + maxSteps;
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#ready.length === 0 && !this.#advance()) return;
      const [next] = this.#ready.splice(Math.floor(this.random() * this.#ready.length), 1);
      if (next?.life.alive) next.go();
      if (++this.steps > limit) throw new Error(`still not at rest after ${maxSteps} steps`);
    }
  }

  #sleep(life: Life, ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted || !life.alive) {
        if (life.alive) resolve();
        return;
      }
      const timer: Timer = { at: this.now + ms, life, fire: resolve };
      this.#timers.push(timer);
      signal?.addEventListener("abort", () => {
        this.#timers = this.#timers.filter((one) => one !== timer);
        resolve();
      });
    });
  }

  /** Lets time pass until the next timer. */
  #advance(): boolean {
    this.#timers = this.#timers.filter(({ life }) => life.alive);
    const [first, ...others] = this.#timers;
    if (!first) return false;
    const timer = others.reduce((soonest, one) => (one.at < soonest.at ? one : soonest), first);
    this.#timers.splice(this.#timers.indexOf(timer), 1);
    this.now = Math.max(this.now, timer.at);
    timer.fire();
    return true;
  }
}
