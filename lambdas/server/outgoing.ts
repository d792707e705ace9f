/**
 * What an invocation has on its way, for a packet that is posted by others and must not overtake it: only what this invocation
 * posts itself is in the order of its calls by itself.
 */
export class Outgoing {
  #all: Promise<void> = Promise.resolve();
  readonly #fanOuts = new Map<string, Promise<string>>();
  /** All whose workers may still be posting. */
  readonly #posting = new Set<Promise<string>>();

  /** Something that is being posted by this invocation. */
  note(posted: Promise<unknown>): void {
    this.#all = Promise.allSettled([this.#all, posted]).then(() => undefined);
  }

  /** Resolves when all that has been noted so far is over, well or not. */
  settled(): Promise<void> {
    return this.#all;
  }

  /** The fan-out before this one to the same audience; from now on, this one is the one before. */
  swap(audience: string, id: Promise<string>): Promise<string> | undefined {
    const before = this.#fanOuts.get(audience);
    id.catch(() => undefined); // it is looked at only if another one comes
    this.#fanOuts.set(audience, id);
    this.#posting.add(id);
    return before;
  }

  /** Calls `finish` for each fan-out so far of which it has not resolved yet. */
  async finishFanOuts(finish: (id: string) => Promise<void>): Promise<void> {
    for (const one of [...this.#posting]) {
      const [begun] = await Promise.allSettled([one]);
      if (begun.status === "fulfilled") await finish(begun.value);
      this.#posting.delete(one);
    }
  }
}
