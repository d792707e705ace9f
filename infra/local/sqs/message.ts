/** What a queue takes, keeps and gives. */
import { createHash } from "node:crypto";

/** A message to send. */
export interface Outgoing {
  readonly body: string;
  /** Of a FIFO queue, where it is required. */
  readonly groupId?: string | undefined;
  /** Of a FIFO queue, where it is required unless the queue deduplicates by content. */
  readonly deduplicationId?: string | undefined;
}

/** What SQS says of a message that it has taken. */
export interface Sent {
  readonly messageId: string;
  readonly md5OfBody: string;
  /** Of a FIFO queue: 20 digits. */
  readonly sequenceNumber?: string;
}

/** A message in a queue. */
export interface Message {
  readonly messageId: string;
  readonly body: string;
  readonly md5OfBody: string;
  readonly groupId: string | undefined;
  readonly deduplicationId: string | undefined;
  readonly sequenceNumber: string | undefined;
  readonly senderId: string;
  /** Milliseconds since the epoch, as all times here. */
  readonly sentAt: number;
  /** ARN of the queue that it comes from, in a dead-letter queue. */
  readonly deadLetterSource: string | undefined;
  receiveCount: number;
  firstReceivedAt: number | undefined;
  lastReceivedAt: number;
  /** Until then nobody receives it; 0 if it is not in flight. */
  hiddenUntil: number;
  /** The receipt handle of the last receive. */
  receipt: string | undefined;
}

/** A message as a receive gives it. */
export interface Received {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly md5OfBody: string;
  /** All system attributes that it has. */
  readonly attributes: Readonly<Record<string, string>>;
}

export const md5 = (text: string): string => createHash("md5").update(text).digest("hex");

/** @param receiptHandle of this receive */
export function receivedFrom(message: Message, receiptHandle: string): Received {
  const { messageId, body, md5OfBody } = message;
  const attributes: Record<string, string | undefined> = {
    ApproximateReceiveCount: String(message.receiveCount),
    SentTimestamp: String(message.sentAt),
    SequenceNumber: message.sequenceNumber,
    MessageGroupId: message.groupId,
    SenderId: message.senderId,
    MessageDeduplicationId: message.deduplicationId,
    ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt ?? message.lastReceivedAt),
    DeadLetterQueueSourceArn: message.deadLetterSource,
  };
  const known = Object.entries(attributes).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, value]],
  );
  return { messageId, receiptHandle, body, md5OfBody, attributes: Object.fromEntries(known) };
}
