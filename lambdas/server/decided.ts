import { describeError } from "./errors.ts";
import type { Invocation } from "./invocation.ts";
import { scopes } from "./scope.ts";

/** Code of the application's has to decide this long before its invocation ends, in milliseconds: the client must be told. */
const ANSWER_RESERVE_MS = 2_000;

/**
 * Runs code of the application's that calls back with a decision about a client.
 * @returns the decision; undefined, which must let nobody in, if the code fails or stays silent until the time is over
 */
export async function decided<T>(
  invocation: Invocation,
  what: string,
  code: (decide: (value: T) => void) => unknown,
): Promise<T | undefined> {
  const { clock, log } = invocation.ports;
  const answered = new AbortController();
  const answer = new Promise<T | undefined>((resolve) => {
    const failed = (error: unknown): void => {
      log.error("SKY_LISTENER_FAILED", `${what} failed`, { error: describeError(error) });
      resolve(undefined);
    };
    scopes.run({ invocation, mode: "live" }, () => {
      try {
        Promise.resolve(code(resolve)).catch(failed);
      } catch (error) {
        failed(error);
      }
    });
  });
  const patience = Math.max(0, invocation.deadline - ANSWER_RESERVE_MS - clock.now());
  const silent = clock.sleep(patience, answered.signal).then((): undefined => {
    if (answered.signal.aborted) return;
    log.error(
      "SKY_MIDDLEWARE_SILENT",
      `${what} did not call back within ${patience} ms: the client is refused`,
    );
  });
  const value = await Promise.race([answer, silent]);
  answered.abort();
  return value;
}
