import { describe, expect, test } from "@jest/globals";
import { failureOf } from "../../../lambdas/gateway/failures.ts";

function failure(name: string, properties: Record<string, unknown> = {}): Error {
  return Object.assign(new Error("said so"), { name, ...properties });
}

const status = (httpStatusCode: number) => ({ $metadata: { httpStatusCode } });

describe("what a failed call means", () => {
  test.each([
    ["the modelled 410", failure("GoneException", status(410)), "gone"],
    ["a 410 without a name", failure("UnknownError", status(410)), "gone"],
    ["the modelled 429", failure("LimitExceededException", status(429)), "busy"],
    ["a 429 of the front door", failure("TooManyRequestsException", status(429)), "busy"],
    ["a 429 without a name", failure("UnknownError", status(429)), "busy"],
    ["the modelled 403", failure("ForbiddenException", status(403)), "forbidden"],
    ["a 403 of IAM", failure("AccessDeniedException", status(403)), "forbidden"],
    ["a 403 without a name", failure("UnknownError", status(403)), "forbidden"],
    ["the modelled 413", failure("PayloadTooLargeException", status(413)), "too-large"],
    ["a 500", failure("InternalServerError", status(500)), "passing"],
    ["a 503", failure("ServiceUnavailable", status(503)), "passing"],
    ["a 400", failure("BadRequestException", status(400)), "other"],
    ["a reset socket", failure("Error", { code: "ECONNRESET" }), "passing"],
    ["an unknown host", failure("Error", { code: "ENOTFOUND" }), "passing"],
    ["a request that took too long", failure("TimeoutError"), "passing"],
    [
      "a reset after an attempt count",
      failure("Error", { code: "EPIPE", $metadata: { attempts: 1 } }),
      "passing",
    ],
    ["a bug of ours", new TypeError("x is not a function"), "other"],
    ["odd metadata", failure("Error", { $metadata: null }), "other"],
    ["no error at all", "GoneException", "other"],
  ])("%s", (_what, error, expected) => {
    expect(failureOf(error)).toBe(expected);
  });
});
