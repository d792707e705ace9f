/** The queues of the template, as their callers see them: IAM is asked about each call, and each is metered as AWS bills it. */
import { AuthError } from "../iam/errors.ts";
import type { Iam } from "../iam/iam.ts";
import type { CloudListener, QueueModel, QueueOperation } from "../model.ts";
import { SqsError } from "./errors.ts";
import type { Message, Outgoing, Received, Sent } from "./message.ts";
import { Queue, type ReceiveOptions } from "./queue.ts";
import type { Principal, QueueSender, SendFailure } from "./sender.ts";
import { Waiting } from "./waiting.ts";

export interface QueuesOptions {
  readonly queues: readonly QueueModel[];
  readonly iam: Pick<Iam, "authorize">;
  readonly onEvent: CloudListener;
  /** A line for the person who watches: what SQS gave up. @default nobody watches */
  readonly onDeadLetter?: (text: string) => void;
  /** How many times faster than on AWS deduplication and long polling pass. @default 1 */
  readonly timeScale?: number;
  /** Partitions of a FIFO queue in high throughput mode. @default one for each message group */
  readonly partitions?: number;
  /** Whether this receive takes messages of as many groups as possible. @default never */
  readonly mixes?: () => boolean;
  /** Milliseconds since the epoch. @default Date.now */
  readonly now?: () => number;
}

/** @see https://aws.amazon.com/sqs/pricing/ ("Each 64 KB chunk of a payload is billed as 1 request") */
const CHUNK_BYTES = 64 * 1024;

/** A queue that a caller was let in to. */
export interface Opened {
  readonly queue: Queue;
  readonly principal: Principal;
}

/** What a call was about, for the meter. */
export interface Called {
  readonly messageIds: readonly string[];
  readonly bytes?: number;
  readonly failures?: number;
}

export class Queues implements QueueSender {
  readonly #options: QueuesOptions;
  readonly #now: () => number;
  readonly #queues = new Map<string, { readonly queue: Queue; readonly waiting: Waiting }>();

  constructor(options: QueuesOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.configure(options.queues);
  }

  /** Takes new settings of queues, and queues that are new; those that are gone are gone with their messages. */
  configure(models: readonly QueueModel[]): void {
    for (const [arn, { waiting }] of this.#queues) {
      if (models.some((model) => model.arn === arn)) continue;
      waiting.stop();
      this.#queues.delete(arn);
    }
    for (const model of models) {
      const known = this.#queues.get(model.arn);
      if (known) known.queue.configure(model);
      else this.#add(model);
    }
  }

  /** Bodies of the messages that the queue holds, the oldest first. */
  messages(arn: string): readonly string[] {
    const bodies = this.#queues.get(arn)?.queue.messages() ?? [];
    return bodies.map(({ body }) => body);
  }

  find(arn: string): Queue | undefined {
    return this.#queues.get(arn)?.queue;
  }

  /** Throws AuthError when the caller may not do this, SqsError when there is no such queue. */
  open(principal: Principal, action: string, arn: string): Opened {
    this.#options.iam.authorize(principal, `sqs:${action}`, arn);
    const queue = this.find(arn);
    if (queue !== undefined) return { queue, principal };
    throw new SqsError("QueueDoesNotExist", "The specified queue does not exist.");
  }

  send(
    queueArn: string,
    message: Outgoing,
    principal: Principal,
  ): { readonly sent: Sent } | { readonly error: SendFailure } {
    try {
      const opened = this.open(principal, "SendMessage", queueArn);
      const sent = this.put(opened, message);
      this.report(opened, "SendMessage", {
        messageIds: [sent.messageId],
        bytes: Buffer.byteLength(message.body),
      });
      return { sent };
    } catch (error) {
      return { error: failureOf(error) };
    }
  }

  /** Sends without a report. Throws SqsError. */
  put({ queue, principal }: Opened, message: Outgoing): Sent {
    const sent = queue.send(message, senderIdOf(principal));
    this.#queues.get(queue.model.arn)?.waiting.wake();
    return sent;
  }

  /**
   * Receives, and reports it.
   * @param waitSec of long polling; as long as the queue says if undefined
   */
  async receive(
    opened: Opened,
    options: Omit<ReceiveOptions, "mixed"> & { readonly waitSec?: number | undefined },
    signal?: AbortSignal,
  ): Promise<Received[]> {
    const { queue } = opened;
    const { timeScale = 1, mixes = () => false } = this.#options;
    const { waitSec = queue.model.receiveWaitSec, ...receive } = options;
    const waiting = this.#queues.get(queue.model.arn)?.waiting;
    if (waiting === undefined) return [];
    queue.admitReceive();
    const waitMs = (waitSec * 1000) / timeScale;
    const messages = await waiting.receive({ ...receive, mixed: mixes() }, waitMs, signal);
    // Who was cut off was not answered, and is not billed.
    if (messages.length === 0 && signal?.aborted) return messages;
    this.report(opened, messages.length === 0 ? "EmptyReceive" : "ReceiveMessage", {
      messageIds: messages.map(({ messageId }) => messageId),
      bytes: messages.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0),
    });
    return messages;
  }

  /** The group of this message may be free now: it was deleted, or its visibility changed. */
  freed({ queue }: Opened): void {
    this.#queues.get(queue.model.arn)?.waiting.wake();
  }

  report({ queue, principal }: Opened, operation: QueueOperation, called: Called): void {
    const { bytes = 0, failures = 0, messageIds } = called;
    this.#options.onEvent({
      kind: "sqs",
      at: this.#now(),
      functionId: principal.functionId,
      requestId: principal.requestId ?? "",
      operation,
      queue: queue.model.name,
      messageIds,
      bytes,
      requests: Math.max(1, Math.ceil(bytes / CHUNK_BYTES)),
      fifo: queue.model.fifo !== undefined,
      failures,
    });
  }

  /** Receives that wait go home with nothing. */
  stop(): void {
    for (const { waiting } of this.#queues.values()) waiting.stop();
  }

  #add(model: QueueModel): void {
    const { timeScale, partitions } = this.#options;
    const queue = new Queue(model, {
      now: this.#now,
      ...(timeScale !== undefined && { timeScale }),
      ...(partitions !== undefined && { partitions }),
      onDeadLetter: (message) => this.#bury(message, queue),
    });
    this.#queues.set(model.arn, { queue, waiting: new Waiting(queue, this.#now) });
  }

  #bury(message: Message, from: Queue): void {
    const { redrive, arn, name, fifo } = from.model;
    const grave = redrive && this.#queues.get(redrive.deadLetterArn);
    if (grave === undefined) return;
    grave.queue.adopt(message, arn);
    grave.waiting.wake();
    this.#options.onEvent({
      kind: "sqs",
      at: this.#now(),
      functionId: undefined,
      requestId: "",
      operation: "DeadLetter",
      queue: name,
      messageIds: [message.messageId],
      bytes: Buffer.byteLength(message.body),
      requests: 0,
      fifo: fifo !== undefined,
      failures: 0,
    });
    const group = message.groupId === undefined ? "" : ` of the group ${message.groupId}`;
    this.#options.onDeadLetter?.(
      `Message ${message.messageId}${group} was received ${message.receiveCount} times from ${name} and never deleted; it is in the queue ${grave.queue.model.name}`,
    );
  }
}

/** @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html (SenderId of a role) */
function senderIdOf({ functionId, functionName = functionId }: Principal): string {
  return `AROALOCALCLOUD0000000:${functionName}`;
}

function failureOf(error: unknown): SendFailure {
  if (error instanceof SqsError) {
    return { status: error.status, code: error.queryCode, message: error.message };
  }
  if (error instanceof AuthError) return { status: 403, code: "AccessDenied", message: error.message };
  throw error;
}
