/** SendMessage of SQS by its query protocol: the form that an integration's template makes. */
import type { SqsIntegration } from "../model.ts";
import { VelocityTemplate } from "../vtl/template.ts";
import type { Connection } from "./connection.ts";
import type { GatewayContext } from "./context.ts";
import type { RouteEvent } from "./events.ts";
import type { SendFailure } from "./queue-sender.ts";

/** Sends what the template makes of an event to the queue. */
export async function sendMessage(
  context: GatewayContext,
  connection: Connection,
  integration: SqsIntegration,
  event: RouteEvent,
): Promise<"sent" | "refused" | "timed out"> {
  const delayMs = context.chaos.delayMs("overlapSendsMs");
  // No turn of the loop is waited for otherwise: sends begin in the order in which frames came.
  if (delayMs > 0) await context.pause(Math.min(delayMs, integration.timeoutMs));
  if (delayMs >= integration.timeoutMs) return "timed out";
  const failure = context.chaos.happens("refuseSends")
    ? { status: 403, code: "RequestThrottled", message: "Request is throttled." }
    : send(context, integration, event);
  if (failure === undefined) return "sent";
  context.emit(connection, {
    operation: "integration-error",
    functionId: undefined,
    cause: event.requestContext.requestId,
    bytes: 0,
    status: failure.status,
    body: `${failure.code}: ${failure.message}`,
  });
  return "refused";
}

function send(
  context: GatewayContext,
  { queueArn, role, template }: SqsIntegration,
  { requestContext, body = "" }: RouteEvent,
): SendFailure | undefined {
  const form = templateOf(template).render({ body, context: requestContext });
  const message = messageOf(form);
  if ("code" in message) return message;
  const { statements } = role;
  const principal = {
    ...{ functionId: "", functionName: roleName(role.arn), statements },
    requestId: requestContext.requestId,
  };
  const result = context.queues.send(queueArn, message, principal);
  return "error" in result ? result.error : undefined;
}

const TEMPLATES = new Map<string, VelocityTemplate>();

function templateOf(text: string): VelocityTemplate {
  const template = TEMPLATES.get(text) ?? new VelocityTemplate(text);
  TEMPLATES.set(text, template);
  return template;
}

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

/** What the denial of a request calls it by. */
const roleName = (arn: string): string => arn.slice(arn.lastIndexOf("/") + 1);
