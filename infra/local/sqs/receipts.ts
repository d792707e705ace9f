/** Receipt handles: opaque to the consumer; here they say of which queue and message they are. */
import { SqsError } from "./errors.ts";

/** Of one receive. */
export function receiptFor(queueName: string, messageId: string, receive: string): string {
  return `AQEB${Buffer.from(`${queueName} ${messageId} ${receive}`).toString("base64")}`;
}

/** The id of the message that it is for. Throws SqsError for what is no handle of this queue. */
export function messageIdOf(receipt: string, queueName: string): string {
  const text = receipt.startsWith("AQEB") ? Buffer.from(receipt.slice(4), "base64").toString() : "";
  const [queue, messageId, receive] = text.split(" ");
  if (queue === queueName && messageId !== undefined && receive !== undefined) return messageId;
  throw new SqsError(
    "ReceiptHandleIsInvalid",
    `The input receipt handle "${receipt}" is not a valid receipt handle.`,
  );
}
