import { BoundedMap } from "../common/bounded-map.ts";

/** Must stay below the margin by which an entry outlives a connection's longest life, in milliseconds. */
const WRITE_AGAIN_MS = 5 * 60 * 1_000;
/** Names that an instance remembers to have written; one that is forgotten is written again. */
const MAX_WRITTEN = 1_000;

/** Which names this instance has written, and when in milliseconds since the epoch. */
export class WrittenChildren {
  readonly #at = new BoundedMap<string, number>(MAX_WRITTEN);

  /** True if the name has to be written now. */
  claim(key: string, now: number): boolean {
    const at = this.#at.get(key);
    if (at !== undefined && now - at < WRITE_AGAIN_MS) return false;
    this.#at.set(key, now);
    return true;
  }

  /** The write failed: the next one who connects tries again. */
  release(key: string): void {
    this.#at.delete(key);
  }
}
