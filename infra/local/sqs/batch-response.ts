import { isRecord } from "./parameters.ts";

/** What a function said of its batch: the messages that failed, or that all did, because the answer is none. */
export type BatchVerdict =
  | { readonly failed: ReadonlySet<string> }
  /** What is wrong with the answer. */
  | { readonly malformed: string };

const NONE_FAILED: BatchVerdict = { failed: new Set() };

/**
 * Reads the answer of a function that reports batch item failures. Nothing, or a list that is empty or missing, says that all
 * is well; anything else that names no message of the batch fails all of it.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#sqs-batch-failure-conditions
 */
export function verdictOf(answer: unknown, messageIds: readonly string[]): BatchVerdict {
  if (answer === null || answer === undefined) return NONE_FAILED;
  if (!isRecord(answer)) return { malformed: `it is ${JSON.stringify(answer)}, not an object` };
  const failures = answer.batchItemFailures;
  if (failures === null || failures === undefined) return NONE_FAILED;
  if (!Array.isArray(failures)) return { malformed: "batchItemFailures is not a list" };
  const failed = new Set<string>();
  for (const failure of failures) {
    const id: unknown = isRecord(failure) ? failure.itemIdentifier : undefined;
    if (typeof id !== "string" || !messageIds.includes(id)) {
      return {
        malformed: `the itemIdentifier of ${JSON.stringify(failure)} is no messageId of the batch`,
      };
    }
    failed.add(id);
  }
  return { failed };
}
