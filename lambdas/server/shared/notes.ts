import { createHash } from "node:crypto";

/** The last commits that are remembered. */
const MOST_NOTES = 100;
/** Of a hash. Two of a hundred are the same once in 10^12 times. */
const NOTE_BYTES = 6;

/** What a commit remembers of a frame, a CONNECT or an end: the row of the lease is written with each event, and is to be small. */
export const noteOf = (what: string): string =>
  createHash("sha256").update(what).digest().subarray(0, NOTE_BYTES).toString("base64url");

export const withNotes = (notes: readonly string[], more: Iterable<string>): readonly string[] =>
  [...new Set([...notes, ...more])].slice(-MOST_NOTES);
