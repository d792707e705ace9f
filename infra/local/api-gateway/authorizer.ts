/**
 * The Lambda REQUEST authorizer of $connect: says who may connect before the route's function hears of it. Its answers are not
 * cached: `AuthorizerResultTtlInSeconds` is for HTTP APIs alone.
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html
 * @see https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-authorizers-authorizerid.html
 */
import type { IncomingMessage } from "node:http";
import { decide } from "../iam/decide.ts";
import type { ApiModel, AuthorizerModel, InvokeResult, PolicyStatement } from "../model.ts";
import type { GatewayContext } from "./context.ts";
import { authorizerEvent, type ConnectionFacts } from "./events.ts";
import { invokeInTime } from "./integration.ts";
import { MAX_AUTHORIZER_RESULT_BYTES, MAX_INTEGRATION_TIMEOUT_MS } from "./limits.ts";
import type { Refusal } from "./refusal.ts";

/** What the functions of the API's routes find as `requestContext.authorizer`, or why there is no connection. */
export type Verdict =
  | { readonly allowed: Readonly<Record<string, string | number>> }
  | { readonly refusal: Refusal; readonly why: string };

const UNAUTHORIZED: Refusal = { status: 401, errorType: "UnauthorizedException", message: "Unauthorized" };
const DENIED: Refusal = {
  status: 403,
  errorType: "AccessDeniedException",
  message: "User is not authorized to access this resource with an explicit deny",
};
const UNMENTIONED: Refusal = { status: 403, errorType: "ForbiddenException", message: "Forbidden" };
const FAILED: Refusal = {
  status: 500,
  errorType: "AuthorizerFailureException",
  message: "Internal server error",
};

export async function authorizeConnect(
  context: GatewayContext,
  api: ApiModel,
  authorizer: AuthorizerModel,
  facts: ConnectionFacts,
  request: IncomingMessage,
): Promise<Verdict> {
  const missing = authorizer.identitySources.find((source) => sentAs(source, request) === "");
  if (missing !== undefined)
    return { refusal: UNAUTHORIZED, why: `the request has no ${missing.from} "${missing.name}"` };
  const methodArn = context.arn(api, `${api.stage}/$connect`);
  const startedAt = performance.now();
  const result = await invokeInTime(context, authorizer.functionId, {
    event: authorizerEvent(facts, request, methodArn),
    sourceArn: context.arn(api, `authorizers/${authorizer.authorizerId}`),
    timeoutMs: MAX_INTEGRATION_TIMEOUT_MS,
  });
  if (result === "timed out" || result.outcome !== "ok") return failed(result);
  const answer = readAnswer(result.payload);
  if (typeof answer === "string") return { refusal: FAILED, why: answer };
  const { allowed, reason } = decide(answer.statements, "execute-api:Invoke", methodArn);
  if (!allowed) return { refusal: reason.includes("explicit deny") ? DENIED : UNMENTIONED, why: reason };
  const integrationLatency = Math.round(performance.now() - startedAt);
  return { allowed: { ...answer.context, principalId: answer.principalId, integrationLatency } };
}

/** A function that fails with just this word means 401; any other failure is the API's. */
function failed(result: InvokeResult | "timed out"): Verdict {
  if (result === "timed out") return { refusal: FAILED, why: "the authorizer took too long" };
  if (result.outcome === "error" && result.message === "Unauthorized") {
    return { refusal: UNAUTHORIZED, why: 'the authorizer failed with "Unauthorized"' };
  }
  const why = result.outcome === "error" ? `${result.errorType}: ${result.message}` : result.outcome;
  return { refusal: FAILED, why: `the authorizer failed: ${why}` };
}

/** "" for what is not there, and for what is empty. */
function sentAs(
  { from, name }: AuthorizerModel["identitySources"][number],
  request: IncomingMessage,
): string {
  if (from === "header") return [request.headers[name.toLowerCase()]].flat().join(",");
  return new URL(request.url ?? "/", "http://local").searchParams.getAll(name).at(-1) ?? "";
}

interface Answer {
  readonly principalId: string;
  readonly statements: readonly PolicyStatement[];
  readonly context: Readonly<Record<string, string>>;
}

/** An answer that API Gateway takes, or what is wrong with it. */
function readAnswer(payload: unknown): Answer | string {
  if (Buffer.byteLength(JSON.stringify(payload) ?? "") > MAX_AUTHORIZER_RESULT_BYTES) {
    return `the authorizer's answer is larger than ${MAX_AUTHORIZER_RESULT_BYTES} bytes`;
  }
  if (!isRecord(payload)) return "the authorizer's answer is no object";
  const { principalId, policyDocument, context = {} } = payload;
  if (typeof principalId !== "string") return "the authorizer's answer has no principalId, which is a string";
  if (!isRecord(policyDocument)) return "the authorizer's answer has no policyDocument";
  const statements = [policyDocument.Statement].flat().map(readStatement);
  const unread = statements.find((statement) => typeof statement === "string");
  if (unread !== undefined) return unread;
  if (!isRecord(context)) return "the authorizer's context is no object";
  const strings: Record<string, string> = {};
  for (const [key, value] of Object.entries(context)) {
    if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") {
      return `the authorizer's context.${key} is no string, number or boolean`;
    }
    strings[key] = String(value);
  }
  return {
    principalId,
    statements: statements.filter((statement) => typeof statement !== "string"),
    context: strings,
  };
}

function readStatement(value: unknown): PolicyStatement | string {
  if (!isRecord(value)) return "a statement of the authorizer's policy is no object";
  const { Effect, Action, Resource, ...others } = value;
  const unknown = Object.keys(others).find((key) => key !== "Sid");
  if (unknown !== undefined) return `the local cloud decides no ${unknown} in an authorizer's policy`;
  const [actions, resources] = [[Action].flat(), [Resource].flat()];
  if (Effect !== "Allow" && Effect !== "Deny") return "a statement's Effect is neither Allow nor Deny";
  if (!actions.every(isString) || !resources.every(isString)) {
    return "a statement's Action and Resource are not strings, or lists of strings";
  }
  return { effect: Effect, actions, resources };
}

const isString = (value: unknown): value is string => typeof value === "string";

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
