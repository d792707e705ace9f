/**
 * A place in the order of an invocation's effects that is kept open for effects which are called later but belong here: those
 * of the `disconnect` listeners, which stock runs inside the call of `disconnect()`, and we only once a write has decided who
 * runs them.
 */
export class EffectQueue {
  readonly #parent: EffectQueue | undefined;
  #tail: Promise<unknown>;
  #open = true;
  #close = (): void => undefined;

  /** @param after what comes before this lane; a lane without a parent is the invocation's main one and never closes */
  constructor(after: Promise<unknown> = Promise.resolve(), parent?: EffectQueue) {
    this.#tail = after;
    this.#parent = parent;
  }

  /** Appends a step. It runs after all earlier ones, whether they failed or not. */
  push<T>(step: () => Promise<T>): Promise<T> {
    if (!this.#open && this.#parent) return this.#parent.push(step);
    const turn = this.#tail.then(step);
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  /** A lane at the current end of this one: what is pushed here from now on waits until it is closed and done. */
  branch(): EffectQueue {
    if (!this.#open && this.#parent) return this.#parent.branch();
    const lane = new EffectQueue(this.#tail, this);
    const closed = new Promise<void>((resolve) => {
      lane.#close = resolve;
    });
    this.#tail = closed.then(() => lane.#tail);
    return lane;
  }

  /** What is pushed from now on goes to the end of the parent. */
  close(): void {
    this.#open = false;
    this.#close();
  }
}
