/** Waits between one look at something and the next, in milliseconds. */
export interface Looks {
  readonly first: number;
  /** No wait is longer. */
  readonly longest: number;
  /** Each wait is so many times the one before. @default 2 */
  readonly growth?: number;
}

/** A function that says how long to wait before the next look: longer each time, since what has not come soon comes late. */
export function looks({ first, longest, growth = 2 }: Looks): () => number {
  let next = first;
  return () => {
    const wait = next;
    next = Math.min(next * growth, longest);
    return wait;
  };
}
