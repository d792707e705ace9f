/** What a gateway call can end in besides "ok" and "gone". Codes are stable. */
export type GatewayErrorCode =
  | "GATEWAY_EMPTY_FRAME"
  | "GATEWAY_FRAME_TOO_LARGE"
  | "GATEWAY_BUSY"
  | "GATEWAY_FORBIDDEN"
  | "GATEWAY_FAILED"
  | "GATEWAY_QUEUE_REFUSED"
  | "GATEWAY_TASK_TOO_LARGE"
  | "GATEWAY_TASK_REFUSED";

export class GatewayError extends Error {
  override readonly name = "GatewayError";
  readonly code: GatewayErrorCode;

  constructor(code: GatewayErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
