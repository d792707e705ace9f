/**
 * Asynchronous invocation: the event is accepted at once, run later, and tried again when the function fails.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
 */
import type { FunctionModel, LogLine } from "../model.ts";
import type { QueueSender } from "../sqs/sender.ts";
import { type Failure, failureRecord } from "./failure-record.ts";
import type { Finished } from "./pool.ts";

export interface AsyncOptions {
  /** How many times faster than on AWS the waits between the tries pass. */
  readonly timeScale: number;
  readonly onLog: (line: LogLine) => void;
  /** Those of the failure destinations. @default there are none */
  readonly queues?: QueueSender;
}

/** The first retry comes after a minute, the second two minutes later. */
const RETRY_DELAYS_SEC = [60, 120];

/** "The retry interval increases exponentially from 1 second after the first attempt to a maximum of 5 minutes." */
const MAX_THROTTLE_DELAY_SEC = 300;

export class AsyncInvocations {
  readonly #options: AsyncOptions;
  readonly #running = new Set<Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(options: AsyncOptions) {
    this.#options = options;
  }

  /**
   * Takes responsibility for an event until it succeeded, was given up, or the cloud stops.
   * @param payload JSON text of it
   * @param run one try
   */
  accept(fn: FunctionModel, payload: string, run: () => Promise<Finished>): void {
    const work = this.#deliver(fn, payload, run)
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

  async #deliver(fn: FunctionModel, payload: string, run: () => Promise<Finished>): Promise<void> {
    const acceptedAt = performance.now();
    let invokes = 0;
    for (let throttles = 0; ; ) {
      const last = await run();
      if (last.outcome.kind === "succeeded" || this.#stopping.signal.aborted) return;
      const isThrottled = last.outcome.kind === "throttled";
      // Who reserves nothing wants nothing to run: such events are not tried again.
      const isOver = isThrottled ? fn.reservedConcurrency === 0 : ++invokes > fn.asyncRetries;
      const delaySec = isThrottled
        ? Math.min(2 ** throttles++, MAX_THROTTLE_DELAY_SEC)
        : (RETRY_DELAYS_SEC[invokes - 1] ?? 0);
      const ageSec = ((performance.now() - acceptedAt) / 1000) * this.#options.timeScale;
      if (isOver || ageSec + delaySec > fn.asyncMaxAgeSec) {
        const condition = isOver ? "RetriesExhausted" : "EventAgeExceeded";
        return this.#giveUp({ fn, payload, condition, invokes, last });
      }
      if (!(await this.#pause((delaySec * 1000) / this.#options.timeScale))) return;
    }
  }

  #giveUp(failure: Failure): void {
    const { fn, invokes, last } = failure;
    const tries = `${invokes} ${invokes === 1 ? "try" : "tries"}`;
    const limits = `MaximumRetryAttempts ${fn.asyncRetries}, MaximumEventAgeInSeconds ${fn.asyncMaxAgeSec}`;
    const why = last.outcome.kind === "throttled" ? ", throttled by its reserved concurrency" : "";
    const sentTo = this.#send(failure) ? `; it is in the queue ${nameOf(fn.onFailure)}` : "";
    this.#log(fn, last.requestId, `Asynchronous event dropped after ${tries}${why} (${limits})${sentTo}`);
  }

  /** Whether the failure has arrived at the function's destination. */
  #send(failure: Failure): boolean {
    const { fn } = failure;
    const { queues } = this.#options;
    if (fn.onFailure === undefined || queues === undefined) return false;
    const principal = {
      functionId: fn.logicalId,
      functionName: fn.name,
      statements: fn.statements,
      requestId: failure.last.requestId,
    };
    const body = JSON.stringify(failureRecord(failure));
    // A denial has been told. On AWS a send that fails is a metric, DestinationDeliveryFailures.
    return "sent" in queues.send(fn.onFailure, { body }, principal);
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

/** The last part of an ARN. */
const nameOf = (arn = ""): string => arn.slice(arn.lastIndexOf(":") + 1);
