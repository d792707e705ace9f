import { describeError } from "../common/errors.ts";
import type { Invocation } from "./invocation.ts";
import { scopes } from "./scope.ts";

/** Code of the application's has to decide this long before its invocation ends, in milliseconds: the client must be told. */
const ANSWER_RESERVE_MS = 2_000;

/** Code that calls back with a decision, or why there is none: it threw or rejected, or was silent until the time was over. */
export type Verdict<T> = { readonly value: T } | { readonly none: "failed" | "silent" };

export interface Decider<T> {
  /** For the log. */
  readonly what: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly code: (decide: (value: T) => void) => unknown;
  /** Runs the code with the context it needs. */
  readonly run: (code: () => void) => void;
}

/** Asks code of the application's, which must answer before the invocation ends. Failure and silence go to the log. */
export async function verdict<T>(
  { ports: { clock, log }, deadline }: Pick<Invocation, "ports" | "deadline">,
  { what, details = {}, code, run }: Decider<T>,
): Promise<Verdict<T>> {
  const answered = new AbortController();
  const answer = new Promise<Verdict<T>>((resolve) => {
    const failed = (error: unknown): void => {
      log.error("SKY_LISTENER_FAILED", `${what} failed`, { ...details, error: describeError(error) });
      resolve({ none: "failed" });
    };
    run(() => {
      try {
        Promise.resolve(code((value) => resolve({ value }))).catch(failed);
      } catch (error) {
        failed(error);
      }
    });
  });
  const patience = Math.max(0, deadline - ANSWER_RESERVE_MS - clock.now());
  const silent = clock.sleep(patience, answered.signal).then((): Verdict<T> => {
    if (!answered.signal.aborted) {
      const message = `${what} did not call back within ${patience} ms: the client is refused`;
      log.error("SKY_MIDDLEWARE_SILENT", message, details);
    }
    return { none: "silent" };
  });
  const first = await Promise.race([answer, silent]);
  answered.abort();
  return first;
}

/**
 * Runs code of the application's that calls back with a decision about a client.
 * @returns the decision; undefined, which must let nobody in, if the code fails or stays silent until the time is over
 */
export async function decided<T>(
  invocation: Invocation,
  what: string,
  code: (decide: (value: T) => void) => unknown,
): Promise<T | undefined> {
  const run = (asked: () => void): void => scopes.run({ invocation, mode: "live" }, asked);
  const found = await verdict(invocation, { what, code, run });
  return "value" in found ? found.value : undefined;
}
