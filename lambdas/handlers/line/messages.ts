import type { Counted } from "../../protocol/count.ts";
import { isRecord } from "../../server/common/is-record.ts";
import type { LineReceipt } from "../../server/ports/line.ts";

/**
 * What the queue delivers: what a client sent, or that its connection has ended. API Gateway's template puts the kind, the
 * connection, an id, the time and the URL-encoded frame into the body, with a space between each two
 * (infra/constructs/line-templates.ts).
 */
export interface LineMessage extends LineReceipt {
  /**
   * `end`: the server has found the connection gone; its body is what `endBody` wrote. `watch`: a frame of a client that counts is
   * missing; after a while it becomes a `gap`, behind everything that the queue had of the connection until then.
   */
  readonly kind: "frame" | "ack" | "pong" | "disconnect" | "end" | "watch" | "gap";
  readonly connectionId: string;
  /** API Gateway's, of the frame. */
  readonly id: string;
  /** When API Gateway received it, in milliseconds since the epoch. */
  readonly at: number;
  /** Of a frame, without the count. */
  readonly body: string;
  /** Of a client that counts its frames (`skysocket/client`). */
  readonly count?: number;
  /** Its place in the queue. All are of the same length, so that they compare as texts. */
  readonly sequence: string;
  /** Its place among the frames of its connection: by the count where there is one, else in the queue. */
  readonly place: string;
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
  w: "watch",
  g: "gap",
};

/** SQS says that its numbers have 128 bits. */
const SEQUENCE_DIGITS = 39;
/** Of 32 bits. */
const COUNT_DIGITS = 10;

/** A frame of a client that counts. */
export type CountedMessage = LineMessage & Required<Pick<LineMessage, "count">>;

export const isCounted = (message: LineMessage): message is CountedMessage => message.count !== undefined;

/** The place before the first frame of a client that counts. It sorts behind all sequence numbers, and before all counts. */
export const NOTHING_DONE = "n";

/** The place of a frame by its count. */
export const placeOf = (count: number): string => NOTHING_DONE + String(count).padStart(COUNT_DIGITS, "0");

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

/**
 * Undefined for a message that nobody of ours has put there.
 * @param takeCount reads the count of a frame
 */
export function toLineMessage(
  record: unknown,
  takeCount: (frame: string) => Counted = (frame) => ({ frame, count: undefined }),
): LineMessage | undefined {
  if (!isRecord(record) || !isRecord(record.attributes)) return undefined;
  const match = /^(\w) (\S+) (\S+) (\d+) (.*)$/s.exec(text(record.body));
  if (!match) return undefined;
  const [, letter = "", connectionId = "", id = "", at = "", body = ""] = match;
  const kind = KINDS[letter];
  const { SequenceNumber, ApproximateReceiveCount, ApproximateFirstReceiveTimestamp } = record.attributes;
  if (kind === undefined) return undefined;
  const sent = kind === "frame" || kind === "ack" ? decoded(body) : body;
  if (sent === undefined) return undefined;
  const { frame, count } = kind === "frame" ? takeCount(sent) : { frame: sent, count: undefined };
  const sequence = text(SequenceNumber).padStart(SEQUENCE_DIGITS, "0");
  return {
    ...{ kind, connectionId, id, at: Number(at), body: frame, record, sequence },
    ...(count === undefined ? { place: sequence } : { count, place: placeOf(count) }),
    messageId: text(record.messageId),
    receipt: text(record.receiptHandle),
    deliveries: Number(ApproximateReceiveCount),
    deliveredAt: Number(ApproximateFirstReceiveTimestamp),
  };
}

/** The body of the message of a connection that the server has found gone. */
export const endBody = (connectionId: string, id: string, at: number, end: unknown): string =>
  `e ${connectionId} ${id} ${at} ${JSON.stringify(end)}`;

/** The body of the message that watches a gap. */
export const watchBody = (connectionId: string, id: string, at: number): string =>
  `w ${connectionId} ${id} ${at} `;

/** The body of the message that tells that a gap has been watched for long enough. */
export const gapBody = (connectionId: string, id: string, at: number): string =>
  `g ${connectionId} ${id} ${at} `;

/** What a form's encoding holds, in which a space is "+". Undefined for a text that it does not make. */
function decoded(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded.replaceAll("+", " "));
  } catch {
    return undefined;
  }
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");
