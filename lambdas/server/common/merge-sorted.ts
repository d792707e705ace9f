interface Row {
  readonly id: string;
}

/** Several sources, each in the order of its ids, as one. Holds a page of each, however many there are. */
export class MergeSorted<T extends Row> {
  readonly #sources: readonly Source<T>[];
  #head: Source<T> | undefined;

  constructor(sources: readonly AsyncIterable<readonly T[]>[]) {
    this.#sources = sources.map((pages) => new Source(pages));
  }

  /** Undefined at the end. */
  get first(): T | undefined {
    return this.#head?.first;
  }

  async open(): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.fill()));
    this.#choose();
  }

  async skip(): Promise<void> {
    const source = this.#head;
    if (source && !source.skip()) await source.fill();
    this.#choose();
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#sources.map((source) => source.close()));
  }

  #choose(): void {
    this.#head = undefined;
    for (const source of this.#sources) {
      const { first } = source;
      if (first && (!this.#head?.first || first.id < this.#head.first.id)) this.#head = source;
    }
  }
}

/** All rows, also those of one id, which come one after the other. */
export async function* mergeSorted<T extends Row>(
  sources: readonly AsyncIterable<readonly T[]>[],
): AsyncGenerator<T> {
  const merged = new MergeSorted(sources);
  try {
    await merged.open();
    for (let next = merged.first; next; next = merged.first) {
      yield next;
      await merged.skip();
    }
  } finally {
    await merged.close();
  }
}

class Source<T> {
  readonly #pages: AsyncIterator<readonly T[]>;
  #page: readonly T[] = [];
  #at = 0;

  constructor(pages: AsyncIterable<readonly T[]>) {
    this.#pages = pages[Symbol.asyncIterator]();
  }

  get first(): T | undefined {
    return this.#page[this.#at];
  }

  /** False when the page is over: then it has to be filled. */
  skip(): boolean {
    return ++this.#at < this.#page.length;
  }

  async fill(): Promise<void> {
    this.#at = 0;
    do {
      const { value, done } = await this.#pages.next();
      this.#page = done ? [] : value;
      if (done) return;
    } while (this.#page.length === 0);
  }

  async close(): Promise<void> {
    await this.#pages.return?.();
  }
}
