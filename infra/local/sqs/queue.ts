/**
 * One queue in memory, exact to the millisecond of the clock that it is given; nothing here waits.
 *
 * A FIFO queue gives messages of a group in the order in which it took them, and none while any of the group is in flight. Of a
 * standard queue each message is a group of its own here.
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html
 */
import { randomUUID } from "node:crypto";
import type { QueueModel } from "../model.ts";
import { checkMessage, checkVisibility, MAX_VISIBILITY_SEC } from "./checks.ts";
import { contentHash, Deduplication, deduplicationKey } from "./deduplication.ts";
import { expiredHandle, invalidValue } from "./errors.ts";
import { type Message, md5, type Outgoing, type Received, receivedFrom, type Sent } from "./message.ts";
import { RateLimit } from "./rate.ts";
import { messageIdOf, receiptFor } from "./receipts.ts";
import { Sequence } from "./sequence.ts";

export interface QueueOptions {
  /** Milliseconds since the epoch. @default Date.now */
  readonly now?: () => number;
  /** How many times faster than on AWS the five minutes of deduplication pass. @default 1 */
  readonly timeScale?: number;
  /** Takes a message that was received too often, out of this queue. @default it is dropped */
  readonly onDeadLetter?: (message: Message) => void;
  /** Partitions of a FIFO queue in high throughput mode, each of which takes 300 calls a second. @default one for each group */
  readonly partitions?: number;
}

export interface ReceiveOptions {
  readonly max: number;
  /** @default the queue's */
  readonly visibilitySec?: number | undefined;
  /** One message of each group before the second of any, instead of all of one group first. @default false */
  readonly mixed?: boolean;
}

/** How many messages there are now. */
export interface Counts {
  readonly visible: number;
  readonly inFlight: number;
}

export class Queue {
  readonly #now: () => number;
  readonly #onDeadLetter: ((message: Message) => void) | undefined;
  readonly #deduplication: Deduplication;
  readonly #rate: RateLimit | undefined;
  readonly #sequence = new Sequence();
  /** By group, the oldest first; no group is empty. */
  readonly #groups = new Map<string, Message[]>();
  readonly #byId = new Map<string, Message>();
  #model: QueueModel;

  constructor(model: QueueModel, options: QueueOptions = {}) {
    const { now = Date.now, timeScale = 1, onDeadLetter, partitions } = options;
    this.#model = model;
    this.#now = now;
    this.#onDeadLetter = onDeadLetter;
    this.#deduplication = new Deduplication(timeScale);
    if (model.fifo !== undefined) this.#rate = new RateLimit(model.fifo, now, partitions);
  }

  get model(): QueueModel {
    return this.#model;
  }

  /** From now on it behaves as this says; messages stay. */
  configure(model: QueueModel): void {
    this.#model = model;
  }

  /** All messages, in flight or not, the oldest first. */
  messages(): readonly Message[] {
    this.#expire();
    return [...this.#byId.values()];
  }

  counts(): Counts {
    this.#expire();
    const now = this.#now();
    let inFlight = 0;
    for (const { hiddenUntil } of this.#byId.values()) if (hiddenUntil > now) inFlight++;
    return { visible: this.#byId.size - inFlight, inFlight };
  }

  /**
   * Takes one message; one that repeats another of the last five minutes is answered as that one was, and dropped.
   * Throws SqsError.
   */
  send(message: Outgoing, senderId: string): Sent {
    checkMessage(message, this.#model);
    const now = this.#now();
    const { body, groupId } = message;
    const { fifo } = this.#model;
    if (fifo === undefined || groupId === undefined) return this.#add(message, senderId, now);
    this.#rate?.take("send", groupId);
    const deduplicationId = message.deduplicationId ?? contentHash(body);
    const key = deduplicationKey(fifo, groupId, deduplicationId);
    const earlier = this.#deduplication.find(key, now);
    if (earlier !== undefined) return { ...earlier, md5OfBody: md5(body) };
    const sent = this.#add({ ...message, deduplicationId }, senderId, now);
    this.#deduplication.remember(key, sent, now);
    return sent;
  }

  /** Takes over a message that another queue gave up; its retention begins anew in a FIFO queue. */
  adopt(message: Message, source: string): void {
    const { fifo } = this.#model;
    this.#put({
      ...message,
      sequenceNumber: fifo && this.#sequence.next(this.#now()),
      sentAt: fifo ? this.#now() : message.sentAt,
      deadLetterSource: source,
      hiddenUntil: 0,
      receipt: undefined,
    });
  }

  /** Counts a call to receive, however often it looks for messages while it waits. Throws SqsError when there were too many. */
  admitReceive(): void {
    this.#rate?.take("receive");
  }

  /** The messages that are free, at most `max`; they are in flight from now on. Throws SqsError. */
  receive({
    max,
    visibilitySec = this.#model.visibilityTimeoutSec,
    mixed = false,
  }: ReceiveOptions): Received[] {
    checkVisibility(visibilitySec);
    this.#expire();
    const now = this.#now();
    return this.#select(max, mixed, now).map((message) => {
      message.receiveCount++;
      message.firstReceivedAt ??= now;
      message.lastReceivedAt = now;
      message.hiddenUntil = now + visibilitySec * 1000;
      message.receipt = receiptFor(this.#model.name, message.messageId, randomUUID());
      return receivedFrom(message, message.receipt);
    });
  }

  /**
   * Deletes the message of a receipt handle; one that is deleted already stays so. A FIFO queue refuses a handle whose
   * visibility timeout is over. Throws SqsError.
   */
  delete(receipt: string): string {
    const messageId = messageIdOf(receipt, this.#model.name);
    this.#expire();
    const message = this.#byId.get(messageId);
    if (message === undefined) return messageId;
    this.#rate?.take("delete", message.groupId);
    if (this.#model.fifo && !this.#isInFlight(message, receipt)) {
      throw expiredHandle(receipt);
    }
    this.#remove(message);
    return messageId;
  }

  /** The message of the handle is in flight for this long from now. Throws SqsError. */
  changeVisibility(receipt: string, seconds: number): string {
    checkVisibility(seconds);
    const messageId = messageIdOf(receipt, this.#model.name);
    this.#expire();
    const message = this.#byId.get(messageId);
    if (message === undefined || !this.#isInFlight(message, receipt)) {
      const why = "Message does not exist or is not available for visibility timeout change.";
      throw invalidValue("ReceiptHandle", receipt, why);
    }
    const hiddenUntil = this.#now() + seconds * 1000;
    if (hiddenUntil > message.lastReceivedAt + MAX_VISIBILITY_SEC * 1000) {
      const why = `Total VisibilityTimeout for the message is beyond the limit [${MAX_VISIBILITY_SEC} seconds]`;
      throw invalidValue("VisibilityTimeout", seconds, why);
    }
    message.hiddenUntil = hiddenUntil;
    return messageId;
  }

  /** When the next message that is in flight becomes visible, if nothing is done about it; undefined: none is. */
  nextVisibleAt(): number | undefined {
    const now = this.#now();
    let next: number | undefined;
    for (const { hiddenUntil } of this.#byId.values()) {
      if (hiddenUntil > now && (next === undefined || hiddenUntil < next)) next = hiddenUntil;
    }
    return next;
  }

  #add(message: Outgoing, senderId: string, now: number): Sent {
    const messageId = randomUUID();
    const md5OfBody = md5(message.body);
    const sequenceNumber = this.#model.fifo && this.#sequence.next(now);
    this.#put({
      messageId,
      body: message.body,
      md5OfBody,
      groupId: message.groupId,
      deduplicationId: message.deduplicationId,
      sequenceNumber,
      senderId,
      sentAt: now,
      deadLetterSource: undefined,
      receiveCount: 0,
      firstReceivedAt: undefined,
      lastReceivedAt: 0,
      hiddenUntil: 0,
      receipt: undefined,
    });
    return { messageId, md5OfBody, ...(sequenceNumber !== undefined && { sequenceNumber }) };
  }

  #put(message: Message): void {
    this.#byId.set(message.messageId, message);
    const key = this.#groupOf(message);
    const group = this.#groups.get(key);
    if (group === undefined) this.#groups.set(key, [message]);
    else group.push(message);
  }

  #remove(message: Message): void {
    this.#byId.delete(message.messageId);
    const key = this.#groupOf(message);
    const left = (this.#groups.get(key) ?? []).filter((each) => each !== message);
    if (left.length === 0) this.#groups.delete(key);
    else this.#groups.set(key, left);
  }

  #groupOf({ groupId, messageId }: Message): string {
    return this.#model.fifo && groupId !== undefined ? groupId : messageId;
  }

  #isInFlight(message: Message, receipt: string): boolean {
    return message.receipt === receipt && message.hiddenUntil > this.#now();
  }

  /** Drops what is older than the retention, in flight or not. */
  #expire(): void {
    const oldest = this.#now() - this.#model.retentionSec * 1000;
    for (const message of this.#byId.values()) {
      // In the order in which they were sent; a standard queue's dead letters keep their time, and may wait behind others.
      if (message.sentAt > oldest) break;
      this.#remove(message);
    }
  }

  #select(max: number, mixed: boolean, now: number): Message[] {
    const selected: Message[] = [];
    for (const group of this.#groups.values()) {
      if (selected.length >= max && !mixed) break;
      if (isFree(group, now)) selected.push(...this.#withoutDead(group).slice(0, max));
    }
    const chosen = mixed ? inTurns(selected, (message) => this.#groupOf(message)) : selected;
    return chosen.slice(0, max);
  }

  /** Hands on the messages that were received as often as may be: this receive would be one too many. */
  #withoutDead(group: readonly Message[]): Message[] {
    const { maxReceiveCount = Number.POSITIVE_INFINITY } = this.#model.redrive ?? {};
    return group.filter((message) => {
      if (message.receiveCount < maxReceiveCount) return true;
      this.#remove(message);
      this.#onDeadLetter?.(message);
      return false;
    });
  }
}

/** Nothing of the group is in flight. */
function isFree(group: readonly Message[], now: number): boolean {
  return group.every(({ hiddenUntil }) => hiddenUntil <= now);
}

/** The first of each group, then the second of each, and so on. */
function inTurns(messages: readonly Message[], groupOf: (message: Message) => string): Message[] {
  const seen = new Map<string, number>();
  const turns = messages.map((message) => {
    const turn = seen.get(groupOf(message)) ?? 0;
    seen.set(groupOf(message), turn + 1);
    return { message, turn };
  });
  return turns.sort((one, other) => one.turn - other.turn).map(({ message }) => message);
}
