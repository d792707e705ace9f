/**
 * What a failed call to the API Gateway Management API means.
 *
 * - `gone`: the connection is not there (410).
 * - `busy`: refused for its rate, or because the client reads too slowly (429, the same exception for both).
 * - `passing`: the service or the way to it failed. The frame may have been sent all the same: trying again can double it,
 *   not trying loses it. Lost is worse, and the AWS SDK's own retries choose the same.
 * - `forbidden`, `too-large`: no retry helps.
 * - `other`: anything else, which no retry helps as far as we know.
 */
export type Failure = "gone" | "busy" | "passing" | "forbidden" | "too-large" | "other";

const BY_NAME: ReadonlyMap<string, Failure> = new Map([
  ["GoneException", "gone"],
  ["LimitExceededException", "busy"],
  ["ThrottlingException", "busy"],
  ["TooManyRequestsException", "busy"],
  ["ForbiddenException", "forbidden"],
  ["AccessDeniedException", "forbidden"],
  ["PayloadTooLargeException", "too-large"],
  ["TimeoutError", "passing"],
]);

/** Not every answer comes from the service itself: its front door answers some without a modelled exception. */
const BY_STATUS: ReadonlyMap<number, Failure> = new Map([
  [403, "forbidden"],
  [410, "gone"],
  [413, "too-large"],
  [429, "busy"],
]);

/** Of Node's sockets. A kept-alive one that died while Lambda was frozen shows as ECONNRESET or EPIPE. */
const NETWORK_CODES: ReadonlySet<string> = new Set([
  "ECONNRESET",
  "ECONNREFUSED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
]);

export function classify(error: unknown): Failure {
  if (!(error instanceof Error)) return "other";
  const named = BY_NAME.get(error.name);
  if (named) return named;
  const status = statusOf(error);
  if (status !== undefined) return BY_STATUS.get(status) ?? (status >= 500 ? "passing" : "other");
  return "code" in error && typeof error.code === "string" && NETWORK_CODES.has(error.code)
    ? "passing"
    : "other";
}

/** The HTTP status, where the SDK got an answer at all. */
function statusOf(error: Error): number | undefined {
  if (!("$metadata" in error)) return undefined;
  const metadata: unknown = error.$metadata;
  if (typeof metadata !== "object" || metadata === null || !("httpStatusCode" in metadata)) return undefined;
  return typeof metadata.httpStatusCode === "number" ? metadata.httpStatusCode : undefined;
}
