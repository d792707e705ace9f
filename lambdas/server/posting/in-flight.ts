/**
 * What an invocation has on its way, for a packet that is posted by others and must not overtake it: only what this invocation
 * posts itself is in the order of its calls by itself.
 */
export class InFlight {
  #all: Promise<void> = Promise.resolve();
  readonly #fanOuts = new Map<string, { readonly id: Promise<string>; readonly begun: number }>();
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

  /**
   * The fan-out before this one to the same audience; from now on, this one is the one before.
   * @param begun a {@link Posts.moment}
   */
  swap(audience: string, id: Promise<string>, begun: number): Promise<string> | undefined {
    const before = this.#fanOuts.get(audience);
    id.catch(() => undefined); // it is looked at only if another one comes
    this.#fanOuts.set(audience, { id, begun });
    this.#posting.add(id);
    return before?.id;
  }

  /**
   * The last fan-out to this audience.
   * @returns `none`; `waiting` when it has not got its turn yet, or was begun after that moment; else its id
   */
  async lastFanOut(audience: string, since: number): Promise<"none" | "waiting" | { readonly id: string }> {
    const last = this.#fanOuts.get(audience);
    if (!last) return "none";
    if (last.begun > since) return "waiting";
    const id = await Promise.race([last.id, undefined]);
    return id === undefined ? "waiting" : { id };
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
