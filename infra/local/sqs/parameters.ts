/** Reading a request of SQS's JSON protocol: what is not as SQS expects it is an SqsError. */
import { invalidValue, missingParameter, SqsError } from "./errors.ts";

export type Input = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function parseInput(body: Buffer): Input {
  try {
    const value: unknown = JSON.parse(body.toString());
    if (isRecord(value)) return value;
  } catch {
    // The same as JSON that is no object.
  }
  throw new SqsError("SerializationException", "The request is no JSON object.");
}

export function optionalText(input: Input, name: string): string | undefined {
  const value = input[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  throw new SqsError("SerializationException", `${name} takes a string, got ${JSON.stringify(value)}.`);
}

export function requiredText(input: Input, name: string): string {
  const value = optionalText(input, name);
  if (value === undefined) throw missingParameter(name);
  return value;
}

/** A whole number between two bounds. */
export function optionalInteger(
  input: Input,
  name: string,
  { min, max, reason }: { readonly min: number; readonly max: number; readonly reason: string },
): number | undefined {
  const value = input[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "number") {
    throw new SqsError("SerializationException", `${name} takes a number, got ${JSON.stringify(value)}.`);
  }
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalidValue(name, value, reason);
}

export function textList(input: Input, name: string): string[] {
  const value = input[name];
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every((each) => typeof each === "string")) return value;
  throw new SqsError(
    "SerializationException",
    `${name} takes a list of strings, got ${JSON.stringify(value)}.`,
  );
}

const MAX_ENTRIES = 10;
const ENTRY_ID = /^[\w-]{1,80}$/;

export interface Entry {
  readonly id: string;
  readonly input: Input;
}

/** The entries of a batch. */
export function entriesOf(input: Input): Entry[] {
  const list: unknown = input.Entries ?? [];
  if (!Array.isArray(list) || !list.every(isRecord)) {
    throw new SqsError("SerializationException", `Entries takes a list, got ${JSON.stringify(list)}.`);
  }
  if (list.length === 0) {
    throw new SqsError("EmptyBatchRequest", "There should be at least one entry in the request.");
  }
  if (list.length > MAX_ENTRIES) {
    throw new SqsError(
      "TooManyEntriesInBatchRequest",
      `Maximum number of entries per request are ${MAX_ENTRIES}. You have sent ${list.length}.`,
    );
  }
  const entries = list.map((entry) => ({ id: requiredText(entry, "Id"), input: entry }));
  for (const { id } of entries) {
    if (ENTRY_ID.test(id)) continue;
    throw new SqsError(
      "InvalidBatchEntryId",
      "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
    );
  }
  const repeated = entries.find(({ id }, index) => entries.findIndex((other) => other.id === id) !== index);
  if (repeated === undefined) return entries;
  throw new SqsError("BatchEntryIdsNotDistinct", `Id ${repeated.id} repeated.`);
}

/** Refuses parameters that would do here something else than on AWS. */
export function refuseUnknown(operation: string, input: Input, known: readonly string[]): void {
  for (const [name, value] of Object.entries(input)) {
    if (known.includes(name) || value === null || value === undefined) continue;
    throw new SqsError(
      "UnsupportedOperation",
      `The local cloud does not run ${operation} with ${name}; it takes ${known.join(", ")}. Leave it out.`,
    );
  }
}
