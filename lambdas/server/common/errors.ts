/** Stable codes of everything the server can complain about; docs/ERRORS.md explains each. */
export type ErrorCode =
  | "SKY_AFTER_INVOCATION"
  | "SKY_ANSWER_NOT_KEPT"
  | "SKY_ASYNC_CONTEXT_LOST"
  | "SKY_ASK_TIMEOUT_TOO_LONG"
  | "SKY_BINARY_AMBIGUOUS"
  | "SKY_CHANGE_LOST"
  | "SKY_CLIENT_LIMIT"
  | "SKY_CLOCK_BEHIND"
  | "SKY_DATA_NOT_JSON"
  | "SKY_DEADLINE"
  | "SKY_EFFECT_FAILED"
  | "SKY_END_UNREAD"
  | "SKY_FAN_OUT_LATE"
  | "SKY_FAN_OUT_SLOW"
  | "SKY_HANDLER_FAILED"
  | "SKY_HANDLER_LOST"
  | "SKY_HEADER_DROPPED"
  | "SKY_HOPS"
  | "SKY_INVOCATION_FAILED"
  | "SKY_LATE_REGISTRATION"
  | "SKY_LINGERING"
  | "SKY_LISTENER_FAILED"
  | "SKY_LISTENER_UNSETTLED"
  | "SKY_MIDDLEWARE_SILENT"
  | "SKY_NO_INVOCATION"
  | "SKY_NOT_AVAILABLE"
  | "SKY_OPEN_GIVEN_UP"
  | "SKY_OPTION_IGNORED"
  | "SKY_OPTION_INVALID"
  | "SKY_PACKET_REFUSED"
  | "SKY_POST_FAILED"
  | "SKY_REPLAY_DIVERGED"
  | "SKY_ROOM_NAMES_TOO_LONG"
  | "SKY_STATE_NOT_SAVED"
  | "SKY_STATE_TOO_LARGE"
  | "SKY_TIMER_OVERLAPS"
  | "SKY_TOO_MANY_INBOXES"
  | "SKY_TOO_MANY_ROOMS"
  | "SKY_UNCAUGHT";

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
