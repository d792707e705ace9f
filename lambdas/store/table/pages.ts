/**
 * Reads several paged sources at once and yields pages as they come. A source is asked for its next page only after the one
 * before was taken, so that a slow consumer holds one page per source and no more.
 */
export async function* mergePages<T>(sources: readonly AsyncGenerator<T>[]): AsyncGenerator<T> {
  const pending = new Map<AsyncGenerator<T>, Promise<Arrival<T>>>(
    sources.map((source) => [source, arrivalOf(source)]),
  );
  try {
    while (pending.size > 0) {
      const { source, result } = await Promise.race(pending.values());
      if (result.done === true) {
        pending.delete(source);
        continue;
      }
      yield result.value;
      pending.set(source, arrivalOf(source));
    }
  } finally {
    // The consumer stopped or a source failed: reads that are under way must not float, nor fail unheard.
    await Promise.allSettled(pending.values());
    await Promise.allSettled(sources.map((source) => source.return(undefined)));
  }
}

interface Arrival<T> {
  readonly source: AsyncGenerator<T>;
  readonly result: IteratorResult<T>;
}

async function arrivalOf<T>(source: AsyncGenerator<T>): Promise<Arrival<T>> {
  return { source, result: await source.next() };
}
