import { isRecord } from "../../server/common/is-record.ts";
import type { LineReceipt } from "../../server/ports/line.ts";

/**
 * What the queue delivers: what a client sent, or that its connection has ended. API Gateway's template puts the kind, the
 * connection, an id, the time and the frame into the body, with a space between each two (infra/constructs/line.ts).
 */
export interface LineMessage extends LineReceipt {
  /** `end`: the server has found the connection gone; its body is what `endMessage` wrote. */
  readonly kind: "frame" | "ack" | "pong" | "disconnect" | "end";
  readonly connectionId: string;
  /** API Gateway's, of the frame. */
  readonly id: string;
  /** When API Gateway received it, in milliseconds since the epoch. */
  readonly at: number;
  readonly body: string;
  /** Its place in the queue. All are of the same length, so that they compare as texts. */
  readonly sequence: string;
  /** How often it has been delivered, this time included. */
  readonly deliveries: number;
  /** When it was delivered first, in milliseconds since the epoch, by SQS's clock. */
  readonly deliveredAt: number;
  /** As it was delivered. */
  readonly record: unknown;
}

const KINDS: Readonly<Record<string, LineMessage["kind"]>> = {
  m: "frame",
  a: "ack",
  p: "pong",
  d: "disconnect",
  e: "end",
};

/** SQS says that its numbers have 128 bits. */
const SEQUENCE_DIGITS = 39;

/** The records of an event of SQS; undefined if it is none. */
export function recordsOf(event: Readonly<Record<string, unknown>>): readonly unknown[] | undefined {
  const { Records: records } = event;
  if (!Array.isArray(records) || records.length === 0) return undefined;
  return records.every((record) => isRecord(record) && record.eventSource === "aws:sqs")
    ? records
    : undefined;
}

/** SQS's id of a record; of one without an id nothing can be told to SQS. */
export const messageIdOf = (record: unknown): string => (isRecord(record) ? text(record.messageId) : "");

/** Undefined for a message that nobody of ours has put there. */
export function toLineMessage(record: unknown): LineMessage | undefined {
  if (!isRecord(record) || !isRecord(record.attributes)) return undefined;
  const match = /^(\w) (\S+) (\S+) (\d+) (.*)$/s.exec(text(record.body));
  if (!match) return undefined;
  const [, letter = "", connectionId = "", id = "", at = "", body = ""] = match;
  const kind = KINDS[letter];
  const { SequenceNumber, ApproximateReceiveCount, ApproximateFirstReceiveTimestamp } = record.attributes;
  if (kind === undefined) return undefined;
  return {
    ...{ kind, connectionId, id, at: Number(at), body, record },
    messageId: text(record.messageId),
    receipt: text(record.receiptHandle),
    sequence: text(SequenceNumber).padStart(SEQUENCE_DIGITS, "0"),
    deliveries: Number(ApproximateReceiveCount),
    deliveredAt: Number(ApproximateFirstReceiveTimestamp),
  };
}

/** The body of the message of a connection that the server has found gone. */
export const endBody = (connectionId: string, id: string, at: number, end: unknown): string =>
  `e ${connectionId} ${id} ${at} ${JSON.stringify(end)}`;

const text = (value: unknown): string => (typeof value === "string" ? value : "");
