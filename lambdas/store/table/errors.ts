import { MAX_NAME_BYTES } from "../../server/common/row-limits.ts";

/** What the table cannot do, said in the words of the one who asked. Codes are stable. */
export type StoreErrorCode =
  | "STORE_ITEM_TOO_LARGE"
  | "STORE_NAME_TOO_LONG"
  | "STORE_UNREADABLE_ITEM"
  | "STORE_BUSY";

export class StoreError extends Error {
  override readonly name: string = "StoreError";
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** DynamoDB stores no item over 400 KB, names and values together. */
export const MAX_ITEM_BYTES = 400 * 1024;

export class ItemTooLargeError extends StoreError {
  override readonly name = "ItemTooLargeError";

  constructor(subject: string, sentBytes: number, options?: ErrorOptions) {
    super(
      "STORE_ITEM_TOO_LARGE",
      `${subject} cannot be stored: it would take an item over DynamoDB's ${MAX_ITEM_BYTES} bytes (this write alone sends about ${sentBytes}). Keep large values elsewhere and store a reference to them.`,
      options,
    );
  }
}

export class NameTooLongError extends StoreError {
  override readonly name = "NameTooLongError";

  constructor(name: string, bytes: number) {
    super(
      "STORE_NAME_TOO_LONG",
      `The name beginning with ${JSON.stringify(name.slice(0, 40))} takes ${bytes} bytes; a room, data key, property or listener name may take ${MAX_NAME_BYTES}. Use a shorter name.`,
    );
  }
}

export class UnreadableItemError extends StoreError {
  override readonly name = "UnreadableItemError";

  constructor(key: string, problem: string) {
    super(
      "STORE_UNREADABLE_ITEM",
      `The item ${key} of the table cannot be read: ${problem}. Was it written by another version, or by something else than this server?`,
    );
  }
}

export class StoreBusyError extends StoreError {
  override readonly name = "StoreBusyError";

  constructor(subject: string, options?: ErrorOptions) {
    super(
      "STORE_BUSY",
      `${subject}: DynamoDB throttled the request, and all its retries. Wait and try again; if this continues, raise the table's warm throughput or maximum request units.`,
      options,
    );
  }
}

const THROTTLES: ReadonlySet<string> = new Set([
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "ThrottlingException",
]);

/**
 * Gives a DynamoDB failure our name where we know what it means; anything else stays what it was.
 *
 * @param subject what was being done, as the beginning of a sentence
 * @param sentBytes about how much was being written
 */
export function translateError(error: unknown, subject: string, sentBytes: number): unknown {
  if (!(error instanceof Error)) return error;
  if (THROTTLES.has(error.name)) return new StoreBusyError(subject, { cause: error });
  // DynamoDB has no code of its own for it: "Item size has exceeded …" on a put, "Item size to update has exceeded …"
  // on an update. "Expression size has exceeded …" is another thing.
  if (error.name === "ValidationException" && /^(.*: )?Item size\b.*exceeded/.test(error.message)) {
    return new ItemTooLargeError(subject, sentBytes, { cause: error });
  }
  return error;
}
