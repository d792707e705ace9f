import { Limiter } from "../../server/common/limiter.ts";

/** Lets so much go on at the same time, whoever began it: what is slow holds one place, and nobody waits for it by name. */
export class Window {
  readonly #limiter: Limiter;
  readonly #open = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(size: number) {
    this.#limiter = new Limiter(size);
  }

  /** Resolves when there was a place for the work and it has begun. */
  async begin(work: () => Promise<void>): Promise<void> {
    await new Promise<void>((begun) => {
      const done = this.#limiter
        .run(async () => {
          begun();
          await work();
        })
        .catch((error: unknown) => {
          this.#failure ??= { error };
        })
        .finally(() => {
          this.#open.delete(done);
        });
      this.#open.add(done);
    });
  }

  /** Resolves with the first failure when all that was begun has ended. */
  async ended(): Promise<{ readonly error: unknown } | undefined> {
    await Promise.all(this.#open);
    return this.#failure;
  }
}
