/**
 * Work that is waited for, counted and not listed: whoever raced a list again at each end would take time that grows with the
 * square of what is in it, and a handler may emit ten thousand times.
 */
export class Pending {
  #size = 0;
  /** How much of it goes by each name. */
  readonly #names = new Map<string, number>();
  #next: Promise<void> | undefined;
  #tell = (): void => undefined;

  get size(): number {
    return this.#size;
  }

  /** What it is, each name once. */
  get names(): readonly string[] {
    return [...this.#names.keys()];
  }

  /** Counts this work until it has ended, well or not. */
  add(what: string, work: Promise<unknown>): void {
    this.#size++;
    this.#names.set(what, (this.#names.get(what) ?? 0) + 1);
    const end = (): void => this.#end(what);
    work.then(end, end);
  }

  /** Resolves when the next one of it has ended. */
  oneEnded(): Promise<void> {
    this.#next ??= new Promise((resolve) => {
      this.#tell = resolve;
    });
    return this.#next;
  }

  #end(what: string): void {
    this.#size--;
    const left = (this.#names.get(what) ?? 1) - 1;
    if (left > 0) this.#names.set(what, left);
    else this.#names.delete(what);
    this.#next = undefined;
    this.#tell();
  }
}
