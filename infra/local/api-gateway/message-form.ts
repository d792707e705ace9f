/** SendMessage of SQS by its query protocol: the form that an integration's template makes. */
import type { SendFailure } from "../sqs/sender.ts";

/** Fields of the form, and what they are called in a message. @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html */
const FIELDS = ["Action", "MessageBody", "MessageDeduplicationId", "MessageGroupId", "Version"];

interface Message {
  readonly body: string;
  readonly groupId: string | undefined;
  readonly deduplicationId: string | undefined;
}

/** The message of a form, or what SQS says of one that is none. */
export function messageOf(form: string): Message | SendFailure {
  const fields = new URLSearchParams(form);
  const names = [...fields.keys()];
  const strange = names.find((name, at) => !FIELDS.includes(name) || names.indexOf(name) !== at);
  if (strange !== undefined) {
    return invalid(
      "InvalidParameterValue",
      `The local cloud does not take the parameter ${strange}, or not twice.`,
    );
  }
  const action = fields.get("Action");
  if (action !== "SendMessage") {
    return invalid(
      "InvalidAction",
      `The local cloud runs the action SendMessage only, got ${action ?? "none"}.`,
    );
  }
  const body = fields.get("MessageBody");
  if (body === null)
    return invalid("MissingParameter", "The request must contain the parameter MessageBody.");
  return {
    body,
    groupId: fields.get("MessageGroupId") ?? undefined,
    deduplicationId: fields.get("MessageDeduplicationId") ?? undefined,
  };
}

const invalid = (code: string, message: string): SendFailure => ({ status: 400, code, message });
