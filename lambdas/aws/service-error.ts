import type { HttpAnswer } from "./http.ts";

/** An answer that is no success, shaped like the AWS SDK's exceptions. */
export class ServiceError extends Error {
  /** The exception's name, such as `GoneException`; `HttpError` where the answer names none, as those of a front door. */
  override readonly name: string;
  readonly $metadata: { readonly httpStatusCode: number };

  constructor({ status, headers, text }: HttpAnswer) {
    const body = parse(text);
    super(textOf(body.message) ?? textOf(body.Message) ?? `status ${status}`);
    // "com.amazonaws.dynamodb.v20120810#ThrottlingException", "GoneException:http://…"
    const type = textOf(headers["x-amzn-errortype"]) ?? textOf(body.__type);
    this.name = type?.replace(/^.*#/, "").replace(/:.*$/s, "") || "HttpError";
    this.$metadata = { httpStatusCode: status };
  }
}

function parse(text: string): {
  readonly message?: unknown;
  readonly Message?: unknown;
  readonly __type?: unknown;
} {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    // A front door's HTML, or nothing at all.
    return {};
  }
}

const textOf = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;
