import type { SqsIntegration } from "../model.ts";
import type { SendFailure } from "../sqs/sender.ts";
import { VelocityTemplate } from "../vtl/template.ts";
import type { Connection } from "./connection.ts";
import type { GatewayContext } from "./context.ts";
import type { RouteEvent } from "./events.ts";
import { messageOf } from "./message-form.ts";

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

/** What the denial of a request calls it by. */
const roleName = (arn: string): string => arn.slice(arn.lastIndexOf("/") + 1);
