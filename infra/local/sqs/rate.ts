/**
 * How often SQS lets a FIFO queue be called: 300 times a second for each action, in each partition of a queue in high
 * throughput mode. Here each message group is a partition of its own, unless a number of partitions is given.
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-fifo.html
 */
import { TokenBucket } from "../api-gateway/throttle.ts";
import type { FifoModel } from "../model.ts";
import { SqsError } from "./errors.ts";

const CALLS_PER_SEC = 300;
/** Buckets that are kept; more are forgotten all at once, which lets a few calls too many through. */
const MAX_BUCKETS = 10_000;

export type LimitedAction = "send" | "receive" | "delete";

export class RateLimit {
  readonly #fifo: FifoModel;
  readonly #now: () => number;
  readonly #partitions: number;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(fifo: FifoModel, now: () => number, partitions = Number.POSITIVE_INFINITY) {
    this.#fifo = fifo;
    this.#now = now;
    this.#partitions = partitions;
  }

  /** Counts one call; throws SqsError when there were too many. Receives name no group, so they count for a whole queue only. */
  take(action: LimitedAction, groupId = ""): void {
    const isPerGroup = this.#fifo.throughputLimit === "perMessageGroupId";
    if (isPerGroup && groupId === "") return;
    const partition = isPerGroup ? this.#partitionOf(groupId) : "";
    if (this.#bucket(`${action} ${partition}`).take()) return;
    const where = isPerGroup ? `the partition of the message group ${groupId}` : "the queue";
    throw new SqsError(
      "RequestThrottled",
      `Rate exceeded: ${CALLS_PER_SEC} calls a second are allowed for each action on ${where}.`,
    );
  }

  #partitionOf(groupId: string): string {
    if (this.#partitions === Number.POSITIVE_INFINITY) return groupId;
    let hash = 0;
    for (let i = 0; i < groupId.length; i++) hash = (hash * 31 + groupId.charCodeAt(i)) >>> 0;
    return String(hash % this.#partitions);
  }

  #bucket(name: string): TokenBucket {
    const known = this.#buckets.get(name);
    if (known !== undefined) return known;
    if (this.#buckets.size >= MAX_BUCKETS) this.#buckets.clear();
    const bucket = new TokenBucket({ ratePerSec: CALLS_PER_SEC, burst: CALLS_PER_SEC }, this.#now);
    this.#buckets.set(name, bucket);
    return bucket;
  }
}
