/** What is wrong with what the user handed to the construct; the message is all that a person needs to read. */
export class SkysocketConfigError extends Error {
  override readonly name = "SkysocketConfigError";
  /** Stable; listed in docs/ERRORS.md. */
  readonly code: SkysocketConfigErrorCode;

  constructor(code: SkysocketConfigErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export type SkysocketConfigErrorCode =
  | "ENTRY_NOT_FOUND"
  | "ENTRY_NOT_BUNDLED"
  | "CONCURRENCY_INVALID"
  | "PING_INTERVAL_INVALID"
  | "ROUTE_RESPONSES_ORDERED"
  | "STAGE_NAME_INVALID"
  | "THROTTLE_INVALID";
