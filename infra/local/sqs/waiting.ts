import type { Received } from "./message.ts";
import type { Queue, ReceiveOptions } from "./queue.ts";

interface Waiter {
  readonly options: ReceiveOptions;
  /** Performance time at which it goes home with nothing. */
  readonly until: number;
  readonly resolve: (messages: Received[]) => void;
}

/** Long polling: receives that wait until a queue has something for them, the first to come served first. */
export class Waiting {
  readonly #queue: Queue;
  readonly #now: () => number;
  readonly #waiters = new Set<Waiter>();
  #timer: NodeJS.Timeout | undefined;

  /** @param now the queue's clock */
  constructor(queue: Queue, now: () => number) {
    this.#queue = queue;
    this.#now = now;
  }

  /** The free messages, or the first that become free within this time; none after that, or when the signal ends the wait. */
  async receive(options: ReceiveOptions, waitMs: number, signal?: AbortSignal): Promise<Received[]> {
    const messages = this.#queue.receive(options);
    if (messages.length > 0 || waitMs <= 0 || signal?.aborted) return messages;
    return await new Promise<Received[]>((resolve) => {
      const leave = (): void => finish([]);
      const finish = (found: Received[]): void => {
        signal?.removeEventListener("abort", leave);
        this.#waiters.delete(waiter);
        // Nobody has to be sent home any more: a timer would keep the process.
        if (this.#waiters.size === 0) clearTimeout(this.#timer);
        resolve(found);
      };
      const waiter: Waiter = { options, until: performance.now() + waitMs, resolve: finish };
      this.#waiters.add(waiter);
      signal?.addEventListener("abort", leave, { once: true });
      this.#schedule();
    });
  }

  /** Something may have become free. */
  wake(): void {
    for (const waiter of this.#waiters) {
      const messages = this.#queue.receive(waiter.options);
      if (messages.length === 0) break;
      waiter.resolve(messages);
    }
    this.#schedule();
  }

  /** Everybody goes home with nothing. */
  stop(): void {
    clearTimeout(this.#timer);
    for (const waiter of this.#waiters) waiter.resolve([]);
  }

  /** Looks again when the next message becomes visible, or the next waiter has waited long enough. */
  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#waiters.size === 0) return;
    const now = performance.now();
    const visibleAt = this.#queue.nextVisibleAt();
    const patience = Math.min(...[...this.#waiters].map(({ until }) => until - now));
    const visible = visibleAt === undefined ? patience : visibleAt - this.#now();
    this.#timer = setTimeout(() => this.#look(), Math.max(0, Math.ceil(Math.min(patience, visible))));
  }

  #look(): void {
    const now = performance.now();
    for (const waiter of this.#waiters) if (waiter.until <= now) waiter.resolve([]);
    this.wake();
  }
}
