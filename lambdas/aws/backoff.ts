import type { Clock } from "../server/ports/environment.ts";

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 1_000;

export interface BackoffOptions {
  readonly clock: Pick<Clock, "now" | "sleep">;
  /** No try starts later than this after the first one, in milliseconds. */
  readonly deadlineMs: number;
  /** In [0, 1). */
  readonly random: () => number;
  /** Whether another try may help. */
  readonly retries: (error: unknown) => boolean;
}

/**
 * Tries until it works, the error is one that no retry helps, or time is up; then throws the last error. Waits are random
 * between nothing and a bound that doubles, so that callers refused together do not come back together.
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export async function withBackoff<T>(call: () => Promise<T>, options: BackoffOptions): Promise<T> {
  const lastStart = options.clock.now() + options.deadlineMs;
  let bound = FIRST_WAIT_MS;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const wait = Math.ceil(options.random() * bound);
      if (!options.retries(error) || options.clock.now() + wait > lastStart) throw error;
      await options.clock.sleep(wait);
    }
    bound = Math.min(bound * 2, LONGEST_WAIT_MS);
  }
}
