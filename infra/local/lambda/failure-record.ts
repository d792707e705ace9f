import type { FunctionModel } from "../model.ts";
import type { Finished } from "./pool.ts";

/** An event that Lambda has given up. */
export interface Failure {
  readonly fn: FunctionModel;
  /** JSON text of the event. */
  readonly payload: string;
  readonly condition: "RetriesExhausted" | "EventAgeExceeded";
  /** How many times the function ran. */
  readonly invokes: number;
  readonly last: Finished;
}

/**
 * What a destination gets.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
 */
export function failureRecord({ fn, payload, condition, invokes, last }: Failure): Record<string, unknown> {
  const { requestId, outcome } = last;
  return {
    version: "1.0",
    timestamp: new Date().toISOString(),
    requestContext: {
      requestId,
      functionArn: `${fn.arn}:$LATEST`,
      condition,
      approximateInvokeCount: invokes,
    },
    requestPayload: JSON.parse(payload),
    ...(outcome.kind === "failed" && {
      responseContext: RESPONSE_CONTEXT,
      responsePayload: { errorType: outcome.errorType, errorMessage: outcome.message },
    }),
    ...(outcome.kind === "timeout" && {
      responseContext: RESPONSE_CONTEXT,
      responsePayload: { errorMessage: `Task timed out after ${fn.timeoutSec.toFixed(2)} seconds` },
    }),
  };
}

const RESPONSE_CONTEXT = { statusCode: 200, executedVersion: "$LATEST", functionError: "Unhandled" };
