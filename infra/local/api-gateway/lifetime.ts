import { IDLE_TIMEOUT_MS, MAX_CONNECTION_MS } from "./limits.ts";

/** The two timers that end every connection: ten minutes without a message, and two hours in all. */
export class Lifetime {
  readonly #idle: NodeJS.Timeout;
  readonly #oldest: NodeJS.Timeout;

  /** @param timeScale how many times faster than the clock the timers run */
  constructor(timeScale: number, onOver: () => void) {
    this.#idle = setTimeout(onOver, IDLE_TIMEOUT_MS / timeScale);
    this.#oldest = setTimeout(onOver, MAX_CONNECTION_MS / timeScale);
  }

  /** A message passed, in either direction. */
  active(): void {
    this.#idle.refresh();
  }

  stop(): void {
    clearTimeout(this.#idle);
    clearTimeout(this.#oldest);
  }
}
