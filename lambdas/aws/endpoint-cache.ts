/** What a service tells of an endpoint, in the SDK's words. */
interface Told {
  readonly Address: string;
  readonly CachePeriodInMinutes: number;
}

/** The same, as it is kept: until then, in milliseconds since the epoch. */
interface Kept {
  readonly Address: string;
  readonly Expires: number;
}

/**
 * The SDK's memory of endpoints that services have told it (DynamoDB's: only where the environment asks for it). Its own loads a
 * library of 7 KB for a map that forgets, at each start, and allocates that map.
 */
export class EndpointCache {
  readonly #kept = new Map<string, readonly Kept[]>();
  readonly #most: number;

  /** @param most the number of keys that it keeps */
  constructor(most: number) {
    this.#most = most;
  }

  /** One of the live ones, by chance. */
  getEndpoint(key: string): string | undefined {
    const live = this.get(key) ?? [];
    return live[Math.floor(Math.random() * live.length)]?.Address;
  }

  get(key: string): readonly Kept[] | undefined {
    const live = (this.#kept.get(key) ?? []).filter(({ Expires }) => Date.now() < Expires);
    if (live.length > 0) return live;
    this.#kept.delete(key);
    return undefined;
  }

  set(key: string, endpoints: readonly Told[]): void {
    const now = Date.now();
    this.#kept.delete(key);
    this.#kept.set(
      key,
      endpoints.map(({ Address, CachePeriodInMinutes }) => ({
        Address,
        Expires: now + CachePeriodInMinutes * 60_000,
      })),
    );
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > this.#most && oldest !== undefined) this.#kept.delete(oldest);
  }

  delete(key: string): void {
    this.#kept.delete(key);
  }

  has(key: string): boolean {
    return (this.#kept.get(key) ?? []).length > 0;
  }

  clear(): void {
    this.#kept.clear();
  }
}
