import { createHash } from "node:crypto";
import type { FifoModel } from "../model.ts";
import type { Sent } from "./message.ts";

/** @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html */
const INTERVAL_MS = 5 * 60_000;

/** The messages of the last five minutes of a FIFO queue, also those that were received and deleted meanwhile. */
export class Deduplication {
  readonly #intervalMs: number;
  /** The oldest first. */
  readonly #sent = new Map<string, { readonly at: number; readonly sent: Sent }>();

  /** @param timeScale how many times faster than on AWS the five minutes pass */
  constructor(timeScale: number) {
    this.#intervalMs = INTERVAL_MS / timeScale;
  }

  /** What was answered to the message that this one repeats; undefined if it is new. */
  find(key: string, now: number): Sent | undefined {
    for (const [old, { at }] of this.#sent) {
      if (now - at < this.#intervalMs) break;
      this.#sent.delete(old);
    }
    return this.#sent.get(key)?.sent;
  }

  remember(key: string, sent: Sent, now: number): void {
    this.#sent.set(key, { at: now, sent });
  }
}

export const contentHash = (body: string): string => createHash("sha256").update(body).digest("hex");

/** What is compared: ids of different groups are different where the scope is the group. */
export function deduplicationKey(fifo: FifoModel, groupId: string, deduplicationId: string): string {
  // No id holds a space.
  return fifo.deduplicationScope === "messageGroup" ? `${groupId} ${deduplicationId}` : deduplicationId;
}
