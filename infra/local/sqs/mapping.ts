/**
 * A queue's messages invoke a function: pollers receive, invoke and delete, with the rights of the function's role.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
 */
import { setMaxListeners } from "node:events";
import type { Chaos } from "../chaos.ts";
import { AuthError } from "../iam/errors.ts";
import type { FunctionModel, InvokeResult, LogLine, MappingModel } from "../model.ts";
import { verdictOf } from "./batch-response.ts";
import { SqsError } from "./errors.ts";
import type { Received } from "./message.ts";
import { Pollers } from "./pollers.ts";
import type { Opened, Queues } from "./queues.ts";
import { type BatchEvent, eventOf } from "./records.ts";

export interface MappingOptions {
  readonly mapping: MappingModel;
  /** As it is now: its role may change while the cloud runs. */
  readonly fn: () => FunctionModel;
  readonly queues: Queues;
  readonly invoke: (functionId: string, event: BatchEvent) => Promise<InvokeResult>;
  readonly onLog: (line: LogLine) => void;
  readonly chaos: Pick<Chaos, "happens" | "delayMs">;
  /** How many times faster than on AWS the wait after a denial passes. @default 1 */
  readonly timeScale?: number;
  /** Resolves after this time, or when the signal says so. @default a timer */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Of long polling. */
const WAIT_SEC = 20;
/** AWS checks the rights when the mapping is made, and shows the problem in it later. */
const DENIED_RETRY_MS = 60_000;
/** Of a throttled invocation; AWS does not say how long it waits. Doubled each time. */
const FIRST_RETRY_MS = 200;
const MAX_RETRY_MS = 10_000;

export class Mapping {
  readonly #options: MappingOptions;
  readonly #pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly #stopping = new AbortController();
  readonly #pollers: Pollers;
  /** Runs while the role does not allow to poll, or the queue is asked too often. */
  #blocked: Promise<void> | undefined;

  constructor(options: MappingOptions) {
    this.#options = options;
    // Each poller listens; Node.js takes more than ten for a leak.
    setMaxListeners(0, this.#stopping.signal);
    this.#pause = options.pause ?? sleep;
    const { minPollers: min, maxConcurrency: max } = options.mapping;
    this.#pollers = new Pollers({
      min,
      max,
      signal: this.#stopping.signal,
      receive: () => this.#receive(),
      handle: (messages) => this.#handle(messages),
      onError: (error) =>
        this.#log("error", `failed: ${error instanceof Error ? error.stack : String(error)}`),
    });
  }

  start(): void {
    this.#pollers.start();
  }

  /** No batch begins from now on; those that run are not waited for. */
  stop(): void {
    this.#stopping.abort();
  }

  /** Resolves when nothing of it runs any more. */
  async stopped(): Promise<void> {
    await this.#pollers.ended();
  }

  /** What one poll finds. Undefined: it was refused, and waited for a better time. */
  async #receive(): Promise<Received[] | undefined> {
    const { queues, mapping, timeScale = 1 } = this.#options;
    const { signal } = this.#stopping;
    if (this.#blocked !== undefined) {
      await this.#blocked;
      return undefined;
    }
    try {
      this.#open("GetQueueAttributes");
      const opened = this.#open("ReceiveMessage");
      return await queues.receive(opened, { max: mapping.batchSize, waitSec: WAIT_SEC }, signal);
    } catch (error) {
      // Of a denial IAM has told already.
      if (!(error instanceof AuthError) && !(error instanceof SqsError)) throw error;
      const waitMs = error instanceof AuthError ? DENIED_RETRY_MS / timeScale : FIRST_RETRY_MS;
      this.#blocked = this.#pause(waitMs, signal).finally(() => {
        this.#blocked = undefined;
      });
      await this.#blocked;
      return undefined;
    }
  }

  /** Whether the function could handle the batch, as far as the mapping goes on as before. */
  async #handle(messages: readonly Received[]): Promise<boolean> {
    const { chaos, mapping } = this.#options;
    await this.#pause(chaos.delayMs("slowLineMs"), this.#stopping.signal);
    let result = await this.#invoke(messages);
    if (result?.outcome === "ok" && chaos.happens("doubleDelivery")) result = await this.#invoke(messages);
    // What stays becomes visible again when its visibility timeout ends.
    if (result?.outcome !== "ok") return false;
    if (!mapping.reportsItemFailures) {
      this.#delete(messages);
      return true;
    }
    const verdict = verdictOf(
      result.payload,
      messages.map(({ messageId }) => messageId),
    );
    if ("malformed" in verdict) {
      this.#log(
        "error",
        `counts the whole batch as failed: its function's answer is malformed, ${verdict.malformed}`,
      );
      return false;
    }
    this.#delete(messages.filter(({ messageId }) => !verdict.failed.has(messageId)));
    return true;
  }

  /** Invokes; throttled, again and again until the messages become visible to others. Undefined: given up. */
  async #invoke(messages: readonly Received[]): Promise<InvokeResult | undefined> {
    const { mapping, queues, invoke } = this.#options;
    const { signal } = this.#stopping;
    const event = eventOf(messages, mapping.queueArn);
    const visibilityMs = (queues.find(mapping.queueArn)?.model.visibilityTimeoutSec ?? 0) * 1000;
    const until = performance.now() + visibilityMs;
    for (let waitMs = FIRST_RETRY_MS; !signal.aborted; waitMs = Math.min(2 * waitMs, MAX_RETRY_MS)) {
      const result = await invoke(mapping.functionId, event);
      if (result.outcome !== "throttled") return result;
      this.#pollers.backOff();
      if (performance.now() + waitMs >= until) return undefined;
      await this.#pause(waitMs, signal);
    }
    return undefined;
  }

  #delete(messages: readonly Received[]): void {
    if (messages.length === 0) return;
    const { queues } = this.#options;
    try {
      const opened = this.#open("DeleteMessage");
      const messageIds: string[] = [];
      const refusals: string[] = [];
      for (const { messageId, receiptHandle } of messages) {
        const refusal = deleteOne(opened, receiptHandle);
        if (refusal === undefined) messageIds.push(messageId);
        else refusals.push(refusal);
      }
      queues.report(opened, "DeleteMessageBatch", { messageIds, failures: refusals.length });
      queues.freed(opened);
      if (refusals.length === 0) return;
      this.#log(
        "warn",
        `could not delete ${refusals.length} of ${messages.length} messages that were handled, so they come again: ${refusals[0]}`,
      );
    } catch (error) {
      if (!(error instanceof AuthError) && !(error instanceof SqsError)) throw error;
    }
  }

  #open(action: string): Opened {
    const { queues, mapping, fn } = this.#options;
    const { logicalId, name, statements } = fn();
    return queues.open({ functionId: logicalId, functionName: name, statements }, action, mapping.queueArn);
  }

  #log(level: LogLine["level"], what: string): void {
    const { mapping, onLog } = this.#options;
    const text = `The event source mapping ${mapping.logicalId} ${what}`;
    onLog({ at: Date.now(), functionId: mapping.functionId, requestId: "", level, text });
  }
}

/** Why it was refused, if it was. */
function deleteOne({ queue }: Opened, receipt: string): string | undefined {
  try {
    queue.delete(receipt);
    return undefined;
  } catch (error) {
    if (error instanceof SqsError) return error.inBatch.message;
    throw error;
  }
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return;
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end, { once: true });
  });
}
