/**
 * The promise that `emit`, `join`, `leave`… return. Applications rarely look at it, on stock there is nothing to look at:
 * so a failure that nobody looks at is reported instead of becoming an unhandled rejection, which kills the instance.
 */
export class Effect<T> extends Promise<T> {
  #observed = false;

  // What `then` and `await` derive from an effect are plain promises: looking at them is the looker's business.
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  /** Follows `work`; its failure goes to `unobserved` if nobody has awaited the effect by then. */
  static of<T>(work: Promise<T>, unobserved: (error: unknown) => void): Effect<T> {
    const effect = new Effect<T>((resolve, reject) => {
      work.then(resolve, reject);
    });
    // Promise.prototype.then, not ours: our own looking must not count.
    void Promise.prototype.then.call(effect, undefined, (error: unknown) => {
      if (!effect.#observed) unobserved(error);
    });
    return effect;
  }

  // `await` calls this too, since an Effect is not a plain promise.
  // biome-ignore lint/suspicious/noThenProperty: a promise has to have it
  override then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#observed = true;
    return super.then(onFulfilled, onRejected);
  }
}

/** An effect that has been done already. */
export const resolved = <T>(value: T): Effect<T> => Effect.of(Promise.resolve(value), () => undefined);
