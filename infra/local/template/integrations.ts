/** AWS::ApiGatewayV2::Integration of a template: to functions by proxy, and to queues of SQS. */
import { messageOf } from "../api-gateway/message-form.ts";
import type { FunctionModel, IntegrationModel, PolicyStatement } from "../model.ts";
import { VelocityError } from "../vtl/errors.ts";
import { VelocityTemplate } from "../vtl/template.ts";
import { TemplateError } from "./errors.ts";
import { functionAt } from "./function-uri.ts";
import { ACCOUNT, REGION, type Resource, type Stack } from "./stack.ts";
import { checkTrust } from "./trust.ts";
import {
  type Node,
  onlyKnown,
  optionalNode,
  optionalNumber,
  optionalString,
  requiredString,
  stringMap,
} from "./values.ts";

/** "The maximum integration timeout is 29 seconds" @see https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html */
const MAX_INTEGRATION_TIMEOUT_MS = 29_000;

export interface IntegrationContext {
  readonly resources: readonly Resource[];
  readonly stack: Stack;
  readonly functions: readonly FunctionModel[];
  /** Statements by role ARN. */
  readonly roles: ReadonlyMap<string, readonly PolicyStatement[]>;
}

/** Of a route. */
export function integrationOf(route: Node, context: IntegrationContext): IntegrationModel {
  const target = requiredString(route, "Target");
  const integration = context.resources.find(
    ({ type, logicalId }) =>
      type === "AWS::ApiGatewayV2::Integration" && target === `integrations/${context.stack.ref(logicalId)}`,
  )?.properties;
  if (integration === undefined) {
    throw new TemplateError(`${route.where}.Target`, `this template has no integration "${target}"`);
  }
  const type = requiredString(integration, "IntegrationType");
  if (type === "AWS_PROXY") return toFunction(integration, context);
  if (type === "AWS") return toQueue(integration, context);
  throw new TemplateError(
    `${integration.where}.IntegrationType`,
    `the local cloud runs AWS_PROXY (Lambda) and AWS (SendMessage of SQS) only, got "${type}"`,
  );
}

function toFunction(integration: Node, { functions }: IntegrationContext): IntegrationModel {
  onlyKnown(
    integration,
    ["ApiId", "IntegrationType", "IntegrationUri", "TimeoutInMillis"],
    ["Description", "IntegrationMethod", "PassthroughBehavior", "PayloadFormatVersion"],
  );
  const fn = functionAt(integration, "IntegrationUri", functions);
  return { kind: "lambda", functionId: fn.logicalId, timeoutMs: timeoutOf(integration) };
}

/** What a query to SQS needs: form fields, which the request's template makes. */
const FORM = { "integration.request.header.Content-Type": "'application/x-www-form-urlencoded'" };

function toQueue(integration: Node, context: IntegrationContext): IntegrationModel {
  onlyKnown(
    integration,
    [
      "ApiId",
      "ConnectionType",
      "CredentialsArn",
      "IntegrationMethod",
      "IntegrationType",
      "IntegrationUri",
      "PassthroughBehavior",
      "RequestParameters",
      "RequestTemplates",
      "TemplateSelectionExpression",
      "TimeoutInMillis",
    ],
    ["Description"],
  );
  onlyRuns(integration, "ConnectionType", ["INTERNET"], "INTERNET");
  onlyRuns(integration, "IntegrationMethod", ["POST"], undefined);
  // All frames are text without a content type, so one that is passed through never fits SQS.
  onlyRuns(integration, "PassthroughBehavior", ["NEVER"], "WHEN_NO_MATCH");
  onlyRuns(integration, "TemplateSelectionExpression", ["\\$default"], undefined);
  const parameters = stringMap(optionalNode(integration, "RequestParameters"));
  if (JSON.stringify(parameters) !== JSON.stringify(FORM)) {
    throw new TemplateError(
      `${integration.where}.RequestParameters`,
      `SQS takes a form: exactly ${JSON.stringify(FORM)} is run, got ${JSON.stringify(parameters)}`,
    );
  }
  return {
    kind: "sqs",
    queueArn: queueOf(integration, context),
    role: roleOf(integration, context),
    template: templateOf(integration),
    timeoutMs: timeoutOf(integration),
  };
}

/** @param byDefault what AWS takes where nothing is said */
function onlyRuns(node: Node, key: string, run: readonly string[], byDefault: string | undefined): void {
  const value = optionalString(node, key) ?? byDefault;
  if (value !== undefined && run.includes(value)) return;
  throw new TemplateError(
    `${node.where}.${key}`,
    `the local cloud runs ${run.map((one) => `"${one}"`).join(", ")} only, got ${JSON.stringify(value)}`,
  );
}

function queueOf(integration: Node, { resources, stack }: IntegrationContext): string {
  const uri = requiredString(integration, "IntegrationUri");
  const prefix = `arn:aws:apigateway:${REGION}:sqs:path/${ACCOUNT}/`;
  const queue = resources.find(
    ({ type, logicalId }) =>
      type === "AWS::SQS::Queue" && uri === `${prefix}${stack.attribute(logicalId, "QueueName")}`,
  );
  if (queue !== undefined) return stack.attribute(queue.logicalId, "Arn");
  throw new TemplateError(
    `${integration.where}.IntegrationUri`,
    `${prefix}<queue of this template> is expected, got "${uri}"`,
  );
}

function roleOf(integration: Node, { resources, stack, roles }: IntegrationContext) {
  const arn = requiredString(integration, "CredentialsArn");
  const where = `${integration.where}.CredentialsArn`;
  const statements = roles.get(arn);
  if (statements === undefined) {
    throw new TemplateError(where, `this template has no role ${arn}, so what it allows is unknown`);
  }
  checkTrust({ roleArn: arn, service: "apigateway.amazonaws.com", where }, resources, stack);
  return { arn, statements };
}

function templateOf(integration: Node): string {
  const templates = optionalNode(integration, "RequestTemplates");
  if (templates === undefined) {
    throw new TemplateError(`${integration.where}.RequestTemplates`, "a template $default is expected");
  }
  onlyKnown(templates, ["$default"]);
  const text = requiredString(templates, "$default");
  const where = `${templates.where}.$default`;
  const message = messageOf(readTemplate(text, where).render(SAMPLE));
  if ("code" in message) throw new TemplateError(where, `SQS would refuse what it makes: ${message.message}`);
  return text;
}

/** Any frame: that SQS takes what becomes of it is looked at once. */
const SAMPLE = { body: "2", context: { connectionId: "C=", messageId: "M=", requestId: "R=" } };

function readTemplate(text: string, where: string): VelocityTemplate {
  try {
    return new VelocityTemplate(text);
  } catch (error) {
    if (!(error instanceof VelocityError)) throw error;
    throw new TemplateError(where, error.message);
  }
}

function timeoutOf(integration: Node): number {
  const timeoutMs = optionalNumber(integration, "TimeoutInMillis") ?? MAX_INTEGRATION_TIMEOUT_MS;
  if (timeoutMs >= 50 && timeoutMs <= MAX_INTEGRATION_TIMEOUT_MS) return timeoutMs;
  throw new TemplateError(
    `${integration.where}.TimeoutInMillis`,
    `50 to ${MAX_INTEGRATION_TIMEOUT_MS} is allowed, got ${timeoutMs}`,
  );
}
