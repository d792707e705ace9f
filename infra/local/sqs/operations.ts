/**
 * The operations of SQS that run here, from the input to the output of its JSON protocol.
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html
 */
import { MAX_VISIBILITY_SEC } from "./checks.ts";
import { invalidValue, missingParameter, SqsError } from "./errors.ts";
import type { Outgoing, Received } from "./message.ts";
import {
  type Entry,
  entriesOf,
  type Input,
  optionalInteger,
  optionalText,
  refuseUnknown,
  requiredText,
  textList,
} from "./parameters.ts";
import { attributesOf } from "./queue-attributes.ts";
import type { Opened, Queues } from "./queues.ts";

/** One call of an operation on a queue that its caller may use. */
export interface Call {
  readonly queues: Queues;
  readonly opened: Opened;
  readonly input: Input;
  /** Ends a wait whose caller has gone. */
  readonly signal: AbortSignal;
}

export interface Operation {
  /** What IAM is asked for, after `sqs:`. */
  readonly action: string;
  readonly run: (call: Call) => Promise<Record<string, unknown>> | Record<string, unknown>;
}

const MESSAGE = ["MessageBody", "MessageDeduplicationId", "MessageGroupId"];

export const OPERATIONS: Readonly<Record<string, Operation>> = {
  SendMessage: { action: "SendMessage", run: sendMessage },
  SendMessageBatch: { action: "SendMessage", run: sendMessageBatch },
  ReceiveMessage: { action: "ReceiveMessage", run: receiveMessage },
  DeleteMessage: { action: "DeleteMessage", run: deleteMessage },
  DeleteMessageBatch: { action: "DeleteMessage", run: deleteMessageBatch },
  ChangeMessageVisibility: { action: "ChangeMessageVisibility", run: changeVisibility },
  ChangeMessageVisibilityBatch: { action: "ChangeMessageVisibility", run: changeVisibilityBatch },
  GetQueueAttributes: { action: "GetQueueAttributes", run: getQueueAttributes },
};

function sendMessage({ queues, opened, input }: Call): Record<string, unknown> {
  refuseUnknown("SendMessage", input, ["QueueUrl", ...MESSAGE]);
  const message = messageOf(input);
  const { messageId, md5OfBody, sequenceNumber } = queues.put(opened, message);
  queues.report(opened, "SendMessage", { messageIds: [messageId], bytes: Buffer.byteLength(message.body) });
  return { MessageId: messageId, MD5OfMessageBody: md5OfBody, SequenceNumber: sequenceNumber };
}

function sendMessageBatch({ queues, opened, input }: Call): Record<string, unknown> {
  refuseUnknown("SendMessageBatch", input, ["QueueUrl", "Entries"]);
  const entries = entriesOf(input);
  const bytes = entries.reduce(
    (sum, entry) => sum + Buffer.byteLength(String(entry.input.MessageBody ?? "")),
    0,
  );
  const { maxMessageBytes } = opened.queue.model;
  if (bytes > maxMessageBytes) {
    throw new SqsError(
      "BatchRequestTooLong",
      `Batch requests cannot be longer than ${maxMessageBytes} bytes. You have sent ${bytes} bytes.`,
    );
  }
  const messageIds: string[] = [];
  const result = each(entries, ({ id, input: entry }) => {
    refuseUnknown("SendMessageBatch", entry, ["Id", ...MESSAGE]);
    const { messageId, md5OfBody, sequenceNumber } = queues.put(opened, messageOf(entry));
    messageIds.push(messageId);
    return { Id: id, MessageId: messageId, MD5OfMessageBody: md5OfBody, SequenceNumber: sequenceNumber };
  });
  queues.report(opened, "SendMessageBatch", { messageIds, bytes, failures: result.Failed.length });
  return result;
}

function messageOf(input: Input): Outgoing {
  return {
    body: requiredText(input, "MessageBody"),
    groupId: optionalText(input, "MessageGroupId"),
    deduplicationId: optionalText(input, "MessageDeduplicationId"),
  };
}

async function receiveMessage({ queues, opened, input, signal }: Call): Promise<Record<string, unknown>> {
  const lists = ["AttributeNames", "MessageSystemAttributeNames", "MessageAttributeNames"];
  const numbers = ["MaxNumberOfMessages", "VisibilityTimeout", "WaitTimeSeconds"];
  refuseUnknown("ReceiveMessage", input, ["QueueUrl", ...lists, ...numbers]);
  const between = { min: 1, max: 10, reason: "Must be between 1 and 10, if provided." };
  const wait = { min: 0, max: 20, reason: "Must be >= 0 and <= 20, if provided." };
  const wanted = [...textList(input, "AttributeNames"), ...textList(input, "MessageSystemAttributeNames")];
  const messages = await queues.receive(
    opened,
    {
      max: optionalInteger(input, "MaxNumberOfMessages", between) ?? 1,
      visibilitySec: visibilityOf(input),
      waitSec: optionalInteger(input, "WaitTimeSeconds", wait),
    },
    signal,
  );
  // SQS leaves the list out when it is empty.
  return messages.length === 0 ? {} : { Messages: messages.map((message) => shown(message, wanted)) };
}

function shown(message: Received, wanted: readonly string[]): Record<string, unknown> {
  const { messageId, receiptHandle, body, md5OfBody, attributes } = message;
  const named = Object.entries(attributes).filter(
    ([name]) => wanted.includes("All") || wanted.includes(name),
  );
  return {
    MessageId: messageId,
    ReceiptHandle: receiptHandle,
    MD5OfBody: md5OfBody,
    Body: body,
    ...(named.length > 0 && { Attributes: Object.fromEntries(named) }),
  };
}

function deleteMessage({ queues, opened, input }: Call): Record<string, unknown> {
  refuseUnknown("DeleteMessage", input, ["QueueUrl", "ReceiptHandle"]);
  const messageId = opened.queue.delete(requiredText(input, "ReceiptHandle"));
  queues.report(opened, "DeleteMessage", { messageIds: [messageId] });
  queues.freed(opened);
  return {};
}

function deleteMessageBatch({ queues, opened, input }: Call): Record<string, unknown> {
  refuseUnknown("DeleteMessageBatch", input, ["QueueUrl", "Entries"]);
  const messageIds: string[] = [];
  const result = each(entriesOf(input), ({ id, input: entry }) => {
    refuseUnknown("DeleteMessageBatch", entry, ["Id", "ReceiptHandle"]);
    messageIds.push(opened.queue.delete(requiredText(entry, "ReceiptHandle")));
    return { Id: id };
  });
  queues.report(opened, "DeleteMessageBatch", { messageIds, failures: result.Failed.length });
  queues.freed(opened);
  return result;
}

function changeVisibility({ queues, opened, input }: Call): Record<string, unknown> {
  refuseUnknown("ChangeMessageVisibility", input, ["QueueUrl", "ReceiptHandle", "VisibilityTimeout"]);
  const messageId = change(opened, input);
  queues.report(opened, "ChangeMessageVisibility", { messageIds: [messageId] });
  queues.freed(opened);
  return {};
}

function changeVisibilityBatch({ queues, opened, input }: Call): Record<string, unknown> {
  refuseUnknown("ChangeMessageVisibilityBatch", input, ["QueueUrl", "Entries"]);
  const messageIds: string[] = [];
  const result = each(entriesOf(input), ({ id, input: entry }) => {
    refuseUnknown("ChangeMessageVisibilityBatch", entry, ["Id", "ReceiptHandle", "VisibilityTimeout"]);
    messageIds.push(change(opened, entry));
    return { Id: id };
  });
  queues.report(opened, "ChangeMessageVisibilityBatch", { messageIds, failures: result.Failed.length });
  queues.freed(opened);
  return result;
}

function change({ queue }: Opened, input: Input): string {
  const seconds = visibilityOf(input);
  if (seconds === undefined) throw missingParameter("VisibilityTimeout");
  return queue.changeVisibility(requiredText(input, "ReceiptHandle"), seconds);
}

function visibilityOf(input: Input): number | undefined {
  const reason = `Must be between 0 and ${MAX_VISIBILITY_SEC}, if provided.`;
  return optionalInteger(input, "VisibilityTimeout", { min: 0, max: MAX_VISIBILITY_SEC, reason });
}

function getQueueAttributes({ queues, opened, input }: Call): Record<string, unknown> {
  refuseUnknown("GetQueueAttributes", input, ["QueueUrl", "AttributeNames"]);
  const all = attributesOf(opened.queue);
  const wanted = textList(input, "AttributeNames");
  const unknown = wanted.find((name) => name !== "All" && !Object.hasOwn(all, name) && !isAbsent(name));
  if (unknown !== undefined) throw new SqsError("InvalidAttributeName", `Unknown Attribute ${unknown}.`);
  const named = Object.entries(all).filter(([name]) => wanted.includes("All") || wanted.includes(name));
  queues.report(opened, "GetQueueAttributes", { messageIds: [] });
  return named.length === 0 ? {} : { Attributes: Object.fromEntries(named) };
}

/** Attributes that some queues do not have. */
const isAbsent = (name: string): boolean =>
  [
    "FifoQueue",
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "FifoThroughputLimit",
    "RedrivePolicy",
  ].includes(name);

type BatchResult = {
  readonly Successful: Record<string, unknown>[];
  readonly Failed: Record<string, unknown>[];
};

/** What came of each entry; one that SQS refuses does not keep it from the others. */
function each(entries: readonly Entry[], run: (entry: Entry) => Record<string, unknown>): BatchResult {
  const result: BatchResult = { Successful: [], Failed: [] };
  for (const entry of entries) {
    try {
      result.Successful.push(run(entry));
    } catch (error) {
      if (!(error instanceof SqsError)) throw error;
      const { code, message } = error.inBatch;
      result.Failed.push({ Id: entry.id, SenderFault: true, Code: code, Message: message });
    }
  }
  return result;
}

/** The name of the queue in its URL. */
export function queueNameOf(input: Input): string {
  const url = requiredText(input, "QueueUrl");
  const name = url.split("/").at(-1) ?? "";
  if (name !== "") return name;
  throw invalidValue("QueueUrl", url, "It names no queue.");
}
