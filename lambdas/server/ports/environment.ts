import type { ErrorCode } from "./error-codes.ts";

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** By how much it may be ahead of others at most, in milliseconds; absent where that is no more than is tolerated. */
  readonly aheadMs?: number;
  /** Resolves after `ms` milliseconds, or at once when `signal` aborts: a timer left behind would hold the process. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Resolves when everything that is ready to run has run: after the microtasks, before any timer. */
  turn(): Promise<void>;
}

export interface Log {
  /** `details` are for the reader of the log. */
  error(code: ErrorCode, message: string, details?: Readonly<Record<string, unknown>>): void;
  warn(code: ErrorCode, message: string, details?: Readonly<Record<string, unknown>>): void;
}
