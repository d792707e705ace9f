/**
 * What SQS checks of a message before it takes it.
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
 */
import type { QueueModel } from "../model.ts";
import { invalidValue, missingParameter, SqsError } from "./errors.ts";
import type { Outgoing } from "./message.ts";

/** Lone surrogates are not among them, nor U+FFFE, U+FFFF and most control characters. */
const ALLOWED_CHARACTERS = /^[\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]*$/u;
const ID = /^[A-Za-z0-9!"#$%&'()*+,\-./:;<=>?@[\\\]^_`{|}~]{1,128}$/;

/** Throws SqsError for a message that the queue does not take. */
export function checkMessage(message: Outgoing, queue: QueueModel): void {
  const { body, groupId, deduplicationId } = message;
  if (body === "") throw missingParameter("MessageBody");
  if (Buffer.byteLength(body) > queue.maxMessageBytes) {
    throw new SqsError(
      "InvalidParameterValueException",
      `One or more parameters are invalid. Reason: Message must be shorter than ${queue.maxMessageBytes} bytes.`,
    );
  }
  if (!ALLOWED_CHARACTERS.test(body)) {
    throw new SqsError(
      "InvalidMessageContents",
      "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
    );
  }
  checkId("MessageDeduplicationId", deduplicationId);
  checkId("MessageGroupId", groupId);
  if (queue.fifo === undefined) {
    if (deduplicationId === undefined) return;
    throw invalidValue(
      "MessageDeduplicationId",
      deduplicationId,
      "The request includes a parameter that is not valid for this queue type.",
    );
  }
  if (groupId === undefined) throw missingParameter("MessageGroupId");
  if (deduplicationId === undefined && !queue.fifo.contentBasedDeduplication) {
    throw new SqsError(
      "InvalidParameterValueException",
      "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
    );
  }
}

function checkId(parameter: string, id: string | undefined): void {
  if (id === undefined || ID.test(id)) return;
  throw invalidValue(
    parameter,
    id,
    `${parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length.`,
  );
}

/** @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html */
export const MAX_VISIBILITY_SEC = 43_200;

export function checkVisibility(seconds: number): void {
  if (Number.isInteger(seconds) && seconds >= 0 && seconds <= MAX_VISIBILITY_SEC) return;
  throw invalidValue(
    "VisibilityTimeout",
    seconds,
    `Must be between 0 and ${MAX_VISIBILITY_SEC}, if provided.`,
  );
}
