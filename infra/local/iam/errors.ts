/** Refusals of an emulated service that come from who asked, not from what was asked. */

/** What went wrong, named as the services name it in `__type` and `x-amzn-ErrorType`. */
export type AuthErrorType =
  | "MissingAuthenticationTokenException"
  | "IncompleteSignatureException"
  | "UnrecognizedClientException"
  | "InvalidSignatureException"
  | "AccessDeniedException";

/** Thrown by `authenticate` and `authorize`; the front of a service turns it into that service's own answer. */
export class AuthError extends Error {
  override readonly name = "AuthError";
  readonly type: AuthErrorType;

  constructor(type: AuthErrorType, message: string) {
    super(message);
    this.type = type;
  }
}

/** An HTTP answer, ready to be written. */
export interface ErrorResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * The answer for an AuthError in the shape of the service that was called: DynamoDB and SQS speak AWS JSON 1.0 and answer 400,
 * Lambda and API Gateway speak REST JSON and answer 403.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
 * @see https://docs.aws.amazon.com/lambda/latest/api/CommonErrors.html
 */
export function authErrorResponse(
  error: AuthError,
  service: "dynamodb" | "sqs" | "lambda" | "execute-api",
): ErrorResponse {
  if (service === "dynamodb" || service === "sqs") {
    return {
      status: 400,
      headers: {
        "content-type": "application/x-amz-json-1.0",
        // The name without "Exception" is the code of the query protocol.
        ...(service === "sqs" && { "x-amzn-query-error": `${error.type.replace(/Exception$/, "")};Sender` }),
      },
      // AccessDeniedException is the one that spells it "Message"; the SDK reads both.
      body: JSON.stringify({
        __type: `com.amazon.coral.service#${error.type}`,
        [error.type === "AccessDeniedException" ? "Message" : "message"]: error.message,
      }),
    };
  }
  return {
    status: 403,
    headers: { "content-type": "application/json", "x-amzn-errortype": error.type },
    body: JSON.stringify({ Message: error.message, message: error.message }),
  };
}
