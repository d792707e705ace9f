/**
 * Asynchronous invocation: the event is accepted at once, run later, and tried again when the function fails.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
 */
import type { FunctionModel, LogLine } from "../model.ts";
import type { Finished } from "./pool.ts";

export interface AsyncOptions {
  /** How many times faster than on AWS the waits between the tries pass. */
  readonly timeScale: number;
  readonly onLog: (line: LogLine) => void;
}

/** The first retry comes after a minute, the second two minutes later. */
const RETRY_DELAYS_SEC = [60, 120];

export class AsyncInvocations {
  readonly #options: AsyncOptions;
  readonly #running = new Set<Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(options: AsyncOptions) {
    this.#options = options;
  }

  /** Takes responsibility for `run` (one try of the event) until it succeeded, gave up, or the cloud stops. */
  accept(fn: FunctionModel, run: () => Promise<Finished>): void {
    const work = this.#deliver(fn, run)
      .catch((error: unknown) => {
        const text = `Asynchronous event lost: ${error instanceof Error ? error.stack : String(error)}`;
        this.#log(fn, "", text);
      })
      .finally(() => this.#running.delete(work));
    this.#running.add(work);
  }

  /** Gives up what waits for another try; resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#running);
  }

  async #deliver(fn: FunctionModel, run: () => Promise<Finished>): Promise<void> {
    const acceptedAt = performance.now();
    for (let tries = 1; ; tries++) {
      const { requestId, outcome } = await run();
      if (outcome.kind === "succeeded" || this.#stopping.signal.aborted) return;
      const delaySec = RETRY_DELAYS_SEC[tries - 1] ?? 0;
      const ageSec = ((performance.now() - acceptedAt) / 1000) * this.#options.timeScale;
      if (tries > fn.asyncRetries || ageSec + delaySec > fn.asyncMaxAgeSec) {
        const text = `Asynchronous event dropped after ${tries} ${tries === 1 ? "try" : "tries"} (MaximumRetryAttempts ${fn.asyncRetries}, MaximumEventAgeInSeconds ${fn.asyncMaxAgeSec})`;
        this.#log(fn, requestId, text);
        return;
      }
      if (!(await this.#pause((delaySec * 1000) / this.#options.timeScale))) return;
    }
  }

  #log(fn: FunctionModel, requestId: string, text: string): void {
    this.#options.onLog({ at: Date.now(), functionId: fn.logicalId, requestId, level: "error", text });
  }

  /** False when the cloud stopped meanwhile. */
  async #pause(ms: number): Promise<boolean> {
    const { signal } = this.#stopping;
    if (signal.aborted) return false;
    return await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => {
        signal.removeEventListener("abort", stop);
        resolve(true);
      }, ms);
      const stop = (): void => {
        clearTimeout(timer);
        resolve(false);
      };
      signal.addEventListener("abort", stop, { once: true });
    });
  }
}
