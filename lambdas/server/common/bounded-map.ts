/** A map that forgets its oldest entry when it has more than it may. An entry that is set again becomes the newest. */
export class BoundedMap<K, V> extends Map<K, V> {
  readonly #most: number;

  /** @param most the number of entries that it keeps */
  constructor(most: number) {
    super();
    this.#most = most;
  }

  override set(key: K, value: V): this {
    this.delete(key);
    super.set(key, value);
    const [oldest] = this.keys();
    if (this.size > this.#most && oldest !== undefined) this.delete(oldest);
    return this;
  }
}
