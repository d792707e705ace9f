/** Above what a double tells apart: who reads one as a number mixes up neighbors. */
const BASE = 18_800_000_000_000_000_000n;
/** They are not consecutive on AWS, either. */
const STEP = 256n;

/** The sequence numbers of one FIFO queue. */
export class Sequence {
  #last = 0n;

  /**
   * A number of 20 digits, larger than any before.
   * @param now milliseconds since the epoch
   */
  next(now: number): string {
    const byTime = BASE + BigInt(Math.trunc(now)) * STEP;
    this.#last = byTime > this.#last ? byTime : this.#last + STEP;
    return String(this.#last);
  }
}
