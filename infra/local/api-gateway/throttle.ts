/** A token bucket, as API Gateway throttles: `ratePerSec` tokens a second, at most `burst` of them saved up. */
export class TokenBucket {
  readonly #ratePerSec: number;
  readonly #burst: number;
  readonly #now: () => number;
  #tokens: number;
  #filledAt: number;

  /** @param now milliseconds, never going back */
  constructor(
    limit: { readonly ratePerSec: number; readonly burst: number },
    now: () => number = () => performance.now(),
  ) {
    this.#ratePerSec = limit.ratePerSec;
    this.#burst = limit.burst;
    this.#now = now;
    this.#tokens = limit.burst;
    this.#filledAt = now();
  }

  /** Whether one more request is let through; takes its token if so. */
  take(): boolean {
    const now = this.#now();
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#filledAt) / 1000) * this.#ratePerSec);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
