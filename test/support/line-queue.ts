import { LINE_VISIBILITY_SECONDS } from "../../lambdas/handlers/line/timing.ts";
import type { Clock } from "../../lambdas/server/ports/environment.ts";
import type { Line, LineReceipt, OutgoingLineMessage } from "../../lambdas/server/ports/line.ts";

/** What Lambda takes at once from a FIFO queue. */
const BATCH = 10;
/** Deliveries after which SQS gives a message up. */
const MAX_DELIVERIES = 20;

/** As `$util.urlEncode` encodes a frame. */
export const urlEncoded = (frame: string): string =>
  new URLSearchParams({ frame }).toString().slice("frame=".length);

interface Message extends OutgoingLineMessage {
  readonly group: string;
  readonly sequence: number;
  deliveries: number;
  firstDelivered: number;
  /** Of the last delivery. */
  receipt: string;
  /** Until then nobody gets it, nor what is behind it in its group; in milliseconds since the epoch. */
  hiddenUntil: number;
}

export interface LineQueueOptions {
  readonly clock: Clock;
  /** Works through records. @returns the ids of those to deliver again; undefined if the instance died */
  readonly invoke: (
    records: readonly unknown[],
    handedOver: boolean,
  ) => Promise<readonly string[] | undefined>;
  /** Batches hold messages of several connections, as many as there are. @default false: of one */
  readonly mixed?: boolean;
}

/** A FIFO queue and the mapping that feeds the function from it, as far as order, exclusion and repetition go. */
export class LineQueue implements Line {
  readonly dead: OutgoingLineMessage[] = [];
  /** Batches that have been delivered, by the bodies of their messages. */
  readonly batches: (readonly string[])[] = [];
  readonly #options: LineQueueOptions;
  #messages: Message[] = [];
  #sequence = 0;
  #receipts = 0;
  #isPaused = false;
  readonly #running = new Set<Promise<void>>();

  constructor(options: LineQueueOptions) {
    this.#options = options;
  }

  /** A frame of a client, as the template of API Gateway's integration makes a message of it. */
  frame(connectionId: string, id: string, at: number, body: string): void {
    const isAck = body.startsWith("43");
    const kind = body === "3" ? "p" : isAck ? "a" : "m";
    const group = isAck ? `ack-${connectionId}` : kind === "p" ? "pong" : connectionId;
    this.#put(group, { connectionId, id, body: `${kind} ${connectionId} ${id} ${at} ${urlEncoded(body)}` });
  }

  /** API Gateway's `$disconnect`. */
  disconnect(connectionId: string, id: string, at: number): void {
    this.#put(connectionId, { connectionId, id, body: `d ${connectionId} ${id} ${at} ` });
  }

  /** Resolves when nothing is in the queue, and nobody works on what was. */
  async empty(): Promise<void> {
    while (this.#messages.length > 0 || this.#running.size > 0) await this.#options.clock.sleep(200);
  }

  /** Delivers nothing until it resumes. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#pump();
  }

  /** Is a message in the hands of who got it with one of these receipts, and of nobody else yet? */
  isHeld(body: string, receipts: ReadonlySet<string>): boolean {
    const now = this.#options.clock.now();
    return this.#messages.some(
      (message) =>
        message.body.endsWith(urlEncoded(body)) && receipts.has(message.receipt) && message.hiddenUntil > now,
    );
  }

  get size(): number {
    return this.#messages.length;
  }

  async send(message: OutgoingLineMessage): Promise<void> {
    this.#put(message.isAlone ? message.id : message.connectionId, message);
  }

  async bury(message: OutgoingLineMessage): Promise<void> {
    this.dead.push(message);
  }

  async remove(messages: readonly LineReceipt[]): Promise<void> {
    const receipts = new Set(messages.map(({ receipt }) => receipt));
    this.#messages = this.#messages.filter(({ receipt }) => !receipts.has(receipt));
    this.#pump();
  }

  async hide(messages: readonly LineReceipt[], ms: number): Promise<void> {
    const receipts = new Set(messages.map(({ receipt }) => receipt));
    const until = this.#options.clock.now() + Math.ceil(ms / 1_000) * 1_000;
    for (const message of this.#messages) if (receipts.has(message.receipt)) message.hiddenUntil = until;
    this.#pumpAt(until);
  }

  async handOver(records: readonly unknown[]): Promise<readonly string[]> {
    const failed = await this.#options.invoke(records, true);
    if (!failed) throw new Error("the instance died");
    return failed;
  }

  #put(group: string, message: OutgoingLineMessage): void {
    this.#sequence++;
    this.#messages.push({
      ...{ ...message, group, sequence: this.#sequence, deliveries: 0, firstDelivered: 0 },
      ...{ receipt: "", hiddenUntil: 0 },
    });
    this.#pump();
  }

  /** Later, and not in the context of whoever caused it. */
  #pump(): void {
    setImmediate(() => {
      if (this.#isPaused) return;
      for (let batch = this.#take(); batch.length > 0; batch = this.#take()) this.#deliver(batch);
    });
  }

  #pumpAt(at: number): void {
    const { clock } = this.#options;
    void clock.sleep(at - clock.now() + 1).then(() => this.#pump());
  }

  #take(): readonly Message[] {
    const now = this.#options.clock.now();
    const locked = new Set(
      this.#messages.filter(({ hiddenUntil }) => hiddenUntil > now).map(({ group }) => group),
    );
    const free = this.#messages.filter(({ group }) => !locked.has(group));
    const first = free[0]?.group;
    const batch = (this.#options.mixed ? free : free.filter(({ group }) => group === first)).slice(0, BATCH);
    for (const message of batch) {
      message.deliveries++;
      message.firstDelivered ||= now;
      message.receipt = `receipt ${++this.#receipts}`;
      message.hiddenUntil = now + LINE_VISIBILITY_SECONDS * 1_000;
    }
    if (batch.length > 0) this.#pumpAt(now + LINE_VISIBILITY_SECONDS * 1_000);
    const given = batch.filter(({ deliveries }) => deliveries <= MAX_DELIVERIES);
    for (const lost of batch.filter((message) => !given.includes(message))) {
      this.dead.push(lost);
      this.#messages = this.#messages.filter((message) => message !== lost);
    }
    return given;
  }

  #deliver(batch: readonly Message[]): void {
    this.batches.push(batch.map(({ body }) => body));
    const records = batch.map(recordOf);
    const receipts = new Map(batch.map(({ sequence, receipt }) => [messageId(sequence), receipt]));
    const work = this.#options.invoke(records, false).then((failed) => {
      this.#running.delete(work);
      // The messages of an instance that died come again when nobody is expected to work on them any more.
      for (const id of failed ?? receipts.keys()) receipts.delete(id);
      const done = new Set(receipts.values());
      this.#messages = this.#messages.filter(({ receipt }) => !done.has(receipt));
      this.#pump();
    });
    this.#running.add(work);
  }
}

const messageId = (sequence: number): string => `message ${sequence}`;

const recordOf = ({ body, sequence, deliveries, firstDelivered, receipt, group }: Message) => ({
  messageId: messageId(sequence),
  receiptHandle: receipt,
  body,
  attributes: {
    ApproximateReceiveCount: String(deliveries),
    ApproximateFirstReceiveTimestamp: String(firstDelivered),
    SequenceNumber: String(sequence).padStart(20, "0"),
    MessageGroupId: group,
  },
  eventSource: "aws:sqs",
});
