import type { Received } from "./message.ts";

export interface PollersOptions {
  readonly min: number;
  readonly max: number;
  readonly signal: AbortSignal;
  /** Undefined: it could not be asked. */
  readonly receive: () => Promise<readonly Received[] | undefined>;
  /** Whether all went well. */
  readonly handle: (messages: readonly Received[]) => Promise<boolean>;
  readonly onError: (error: unknown) => void;
}

/**
 * As long as all pollers are busy there is one more each fifth of a second: 300 a minute. That is what AWS says of standard
 * queues; of FIFO queues only that there are as many as groups need.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
 */
const GROWTH_MS = 200;

/** How many loops of receive and handle run side by side: more while all are busy, fewer after failures. */
export class Pollers {
  readonly #options: PollersOptions;
  readonly #running = new Set<Promise<void>>();
  /** Those that go on. One that leaves is not among them any more before its promise is settled. */
  #count = 0;
  #wanted: number;
  #busy = 0;
  #growth: NodeJS.Timeout | undefined;

  constructor(options: PollersOptions) {
    this.#options = options;
    this.#wanted = options.min;
    options.signal.addEventListener("abort", () => clearTimeout(this.#growth), { once: true });
  }

  /** How many there are now. */
  get count(): number {
    return this.#count;
  }

  start(): void {
    while (this.#count < this.#wanted && !this.#options.signal.aborted) {
      this.#count++;
      const poller = this.#poll()
        .catch(this.#options.onError)
        .finally(() => this.#running.delete(poller));
      this.#running.add(poller);
    }
  }

  /** From now on half as many, but one. */
  backOff(): void {
    this.#wanted = Math.max(1, Math.floor(this.#wanted / 2));
  }

  async ended(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #poll(): Promise<void> {
    const { signal, min, receive } = this.#options;
    // At least one is wanted, and so one always goes on.
    while (!signal.aborted && this.#count <= this.#wanted) {
      const messages = await receive();
      if (messages === undefined || signal.aborted) continue;
      if (messages.length === 0) {
        if (this.#wanted > min) this.#wanted--;
        continue;
      }
      if (!(await this.#handle(messages))) this.backOff();
      else if (this.#wanted < min) this.#wanted++;
      this.start();
    }
    this.#count--;
  }

  async #handle(messages: readonly Received[]): Promise<boolean> {
    this.#busy++;
    this.#growLater();
    try {
      return await this.#options.handle(messages);
    } catch (error) {
      this.#options.onError(error);
      return false;
    } finally {
      this.#busy--;
    }
  }

  #growLater(): void {
    if (this.#growth !== undefined) return;
    this.#growth = setTimeout(() => {
      this.#growth = undefined;
      if (this.#options.signal.aborted || this.#busy < this.#count) return;
      this.#wanted = Math.min(this.#wanted + 1, this.#options.max);
      this.start();
      this.#growLater();
    }, GROWTH_MS);
  }
}
