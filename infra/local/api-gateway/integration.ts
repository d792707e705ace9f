import { setTimeout as sleep } from "node:timers/promises";
import type { InvokeResult, RouteModel } from "../model.ts";
import type { Connection } from "./connection.ts";
import type { GatewayContext } from "./context.ts";
import type { RouteEvent } from "./events.ts";
import { MAX_INTEGRATION_TIMEOUT_MS } from "./limits.ts";
import { sendMessage } from "./send-message.ts";

/** An integration's response, or how the integration failed. */
export type IntegrationResult =
  | {
      readonly ok: true;
      readonly statusCode: number;
      readonly body: string | undefined;
      readonly headers: Readonly<Record<string, unknown>>;
    }
  | { readonly ok: false; readonly cause: "failed" | "malformed" | "refused" | "timed out" | "throttled" };

const SENT: IntegrationResult = { ok: true, statusCode: 200, body: undefined, headers: {} };

/** Hands an event to the route's integration, and waits no longer than its timeout. */
export async function callIntegration(
  context: GatewayContext,
  connection: Connection,
  route: RouteModel,
  event: RouteEvent,
): Promise<IntegrationResult> {
  const { api } = connection;
  const { integration } = route;
  if (integration.kind === "sqs") {
    const sent = await sendMessage(context, connection, integration, event);
    return sent === "sent" ? SENT : { ok: false, cause: sent };
  }
  const result = await invokeInTime(context, integration.functionId, {
    event,
    sourceArn: context.arn(api, `${api.stage}/${route.routeKey}`),
    timeoutMs: Math.min(integration.timeoutMs, MAX_INTEGRATION_TIMEOUT_MS),
  });
  return result === "timed out" ? { ok: false, cause: result } : interpret(result);
}

/** Invokes a function as API Gateway, and waits no longer than that. */
export async function invokeInTime(
  context: GatewayContext,
  functionId: string,
  call: {
    readonly event: Readonly<Record<string, unknown>>;
    /** On whose behalf: a route or an authorizer. */
    readonly sourceArn: string;
    readonly timeoutMs: number;
  },
): Promise<InvokeResult | "timed out"> {
  if (context.stopped) return { outcome: "error", errorType: "ServiceException", message: "It is stopping" };
  const invocation = context.lambda.invoke(functionId, call.event, {
    principal: "apigateway.amazonaws.com",
    arn: call.sourceArn,
  });
  const abort = new AbortController();
  try {
    const timeout = sleep(call.timeoutMs, "timed out" as const, { signal: abort.signal });
    // The function runs on after API Gateway has given up on it.
    context.track(invocation.then(() => {}));
    return await Promise.race([invocation, timeout]);
  } finally {
    abort.abort();
  }
}

function interpret(result: InvokeResult): IntegrationResult {
  switch (result.outcome) {
    case "ok":
      return proxyResponse(result.payload);
    case "throttled":
      return { ok: false, cause: "throttled" };
    case "error":
    case "timeout":
      return { ok: false, cause: "failed" };
    default:
      return result satisfies never;
  }
}

/** Anything but `{ statusCode, body?, headers? }` is a malformed Lambda proxy response. */
function proxyResponse(payload: unknown): IntegrationResult {
  const malformed = { ok: false, cause: "malformed" } as const;
  if (!isRecord(payload)) return malformed;
  const { statusCode, body, headers } = payload;
  if (typeof statusCode !== "number" || !Number.isInteger(statusCode)) return malformed;
  if (statusCode < 100 || statusCode > 599) return malformed;
  if (body !== undefined && body !== null && typeof body !== "string") return malformed;
  if (headers !== undefined && headers !== null && !isRecord(headers)) return malformed;
  return { ok: true, statusCode, body: body ?? undefined, headers: headers ?? {} };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
