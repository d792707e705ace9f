/**
 * For work that several want done, where one run of it does for all who asked before it began: one run at a time. Of those who ask
 * while it is under way, the first one's work runs next, for all of them.
 */
export class Rounds {
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  /** Resolves when work that began after this call is done. Rejects with what that rejects with. */
  run(work: () => Promise<void>): Promise<void> {
    if (this.#next) return this.#next;
    if (!this.#running) return this.#start(work);
    const next = this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.#start(work);
      });
    this.#next = next;
    return next;
  }

  #start(work: () => Promise<void>): Promise<void> {
    const running = work().finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }
}
