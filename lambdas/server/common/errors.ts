import type { ErrorCode } from "../ports/error-codes.ts";

export type { ErrorCode };

/** Everything the server throws or rejects with on its own account. `code` is stable. */
export class SkysocketError extends Error {
  override readonly name = "SkysocketError";
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What goes into the log of an error of unknown make: its stack where there is one. */
export const describeError = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? `${error.name}: ${error.message}`) : String(error);

/** A row of the table that another version of this server wrote, or somebody else: whatever reads it rejects with this. */
export const isUnreadable = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "STORE_UNREADABLE_ITEM";
