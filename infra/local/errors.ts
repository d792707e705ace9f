/** Why the local cloud cannot start or go on; the message is all that a person needs to read. */
export class LocalCloudError extends Error {
  override readonly name = "LocalCloudError";
  readonly code: LocalCloudErrorCode;

  constructor(code: LocalCloudErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export type LocalCloudErrorCode =
  | "PORT_NOT_FREE"
  | "NO_API"
  | "DYNAMODB_UNUSABLE"
  | "FUNCTION_NOT_LOADED"
  | "TABLES_CHANGED"
  | "OPTIONS_INVALID";
