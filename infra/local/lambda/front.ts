/**
 * Lambda's Invoke API for the real SDK client.
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
import { randomUUID } from "node:crypto";
import type { HttpRequest, HttpResponse } from "../http.ts";
import { AuthError, authErrorResponse } from "../iam/errors.ts";
import type { Iam } from "../iam/iam.ts";
import type { FunctionModel } from "../model.ts";
import type { Finished } from "./pool.ts";

export interface FrontOptions {
  readonly iam: Iam;
  /** By name or ARN. */
  readonly find: (nameOrArn: string) => FunctionModel | undefined;
  readonly runSync: (fn: FunctionModel, payload: string) => Promise<Finished>;
  readonly runAsync: (fn: FunctionModel, payload: string) => void;
}

/** @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const MAX_SYNC_PAYLOAD_BYTES = 6 * 1024 * 1024;
const MAX_ASYNC_PAYLOAD_BYTES = 1024 * 1024;

const INVOKE_PATH = /^\/2015-03-31\/functions\/([^/?]+)\/invocations$/;

/** Handles one HTTP request of Lambda's API. */
export async function handleInvoke(request: HttpRequest, options: FrontOptions): Promise<HttpResponse> {
  const [path = ""] = request.url.split("?");
  const name = INVOKE_PATH.exec(path)?.[1];
  if (request.method !== "POST" || name === undefined) {
    return failure(
      404,
      "UnknownOperationException",
      `The local cloud emulates Lambda's Invoke only, got ${request.method} ${path}`,
    );
  }
  const nameOrArn = decodeURIComponent(name).replace(/:\$LATEST$/, "");
  const fn = options.find(nameOrArn);
  try {
    const caller = options.iam.authenticate(request);
    // IAM decides before Lambda looks the function up, so an unknown one is refused by the ARN that it would have.
    options.iam.authorize(caller, "lambda:InvokeFunction", fn?.arn ?? nameOrArn);
  } catch (error) {
    if (error instanceof AuthError) return authErrorResponse(error, "lambda");
    throw error;
  }
  if (fn === undefined) {
    return failure(404, "ResourceNotFoundException", `Function not found: ${nameOrArn}`);
  }
  return await invoke(request, fn, options);
}

async function invoke(request: HttpRequest, fn: FunctionModel, options: FrontOptions): Promise<HttpResponse> {
  const type = request.headers["x-amz-invocation-type"] ?? "RequestResponse";
  const limit = type === "Event" ? MAX_ASYNC_PAYLOAD_BYTES : MAX_SYNC_PAYLOAD_BYTES;
  if (request.body.byteLength > limit) {
    return failure(
      413,
      "RequestTooLargeException",
      `Request must be smaller than ${limit} bytes for the InvokeFunction operation, got ${request.body.byteLength}`,
    );
  }
  const payload = request.body.byteLength === 0 ? "{}" : request.body.toString();
  if (!isJson(payload)) {
    return failure(
      400,
      "InvalidRequestContentException",
      "Could not parse request body into json: the payload is not JSON",
    );
  }
  switch (type) {
    case "DryRun":
      return { status: 204, headers: headersOf(randomUUID()), body: "" };
    case "Event":
      options.runAsync(fn, payload);
      return { status: 202, headers: headersOf(randomUUID()), body: "" };
    case "RequestResponse": {
      const { requestId, outcome } = await options.runSync(fn, payload);
      return answer(requestId, fn, outcome);
    }
    default:
      return failure(
        400,
        "InvalidParameterValueException",
        `X-Amz-Invocation-Type is "${type}", allowed are Event, RequestResponse and DryRun`,
      );
  }
}

function answer(requestId: string, fn: FunctionModel, outcome: Finished["outcome"]): HttpResponse {
  if (outcome.kind === "throttled") {
    return failure(429, "TooManyRequestsException", "Rate Exceeded.", {
      Reason: "ReservedFunctionConcurrentInvocationLimitExceeded",
    });
  }
  const headers = { ...headersOf(requestId), "x-amz-executed-version": "$LATEST" };
  if (outcome.kind === "succeeded") return { status: 200, headers, body: outcome.payload };
  const body =
    outcome.kind === "failed"
      ? { errorType: outcome.errorType, errorMessage: outcome.message, trace: outcome.trace.split("\n") }
      : {
          errorType: "Sandbox.Timedout",
          errorMessage: `RequestId: ${requestId} Error: Task timed out after ${fn.timeoutSec.toFixed(2)} seconds`,
        };
  return {
    status: 200,
    headers: { ...headers, "x-amz-function-error": "Unhandled" },
    body: JSON.stringify(body),
  };
}

function headersOf(requestId: string): Record<string, string> {
  return { "content-type": "application/json", "x-amzn-requestid": requestId };
}

function failure(
  status: number,
  type: string,
  message: string,
  more: Readonly<Record<string, string>> = {},
): HttpResponse {
  return {
    status,
    headers: { ...headersOf(randomUUID()), "x-amzn-errortype": type },
    body: JSON.stringify({ Type: "User", message, Message: message, ...more }),
  };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
