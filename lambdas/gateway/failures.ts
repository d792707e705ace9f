import { isNetworkError } from "../aws/network-error.ts";

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

export function failureOf(error: unknown): Failure {
  if (isNetworkError(error)) return "passing";
  if (!(error instanceof Error)) return "other";
  const named = BY_NAME.get(error.name);
  if (named) return named;
  const status = httpStatusOf(error);
  if (status !== undefined) return BY_STATUS.get(status) ?? (status >= 500 ? "passing" : "other");
  return "other";
}

/**
 * The HTTP status, where there was an answer at all. Errors are told by their shape: those of a file that is loaded later are of
 * classes of their own.
 */
export function httpStatusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("$metadata" in error)) return undefined;
  const metadata: unknown = error.$metadata;
  if (typeof metadata !== "object" || metadata === null || !("httpStatusCode" in metadata)) return undefined;
  return typeof metadata.httpStatusCode === "number" ? metadata.httpStatusCode : undefined;
}

/** Busy, failing, or not to be reached: another try may help, and what was asked may have been done all the same. */
export function mayPass(error: unknown): boolean {
  const status = httpStatusOf(error);
  return status === undefined ? isNetworkError(error) : status === 429 || status >= 500;
}
