/**
 * Errors that nobody catches. Lambda's own listeners for them end the instance, and API Gateway would send the client in whose
 * event it happened an error frame. Ours take their place; those of the application stay (an error reporter has some).
 */
import { describeError } from "../server/common/errors.ts";
import type { Log } from "../server/ports/environment.ts";

const EVENTS = ["uncaughtException", "unhandledRejection"] as const;

/**
 * Lambda's, found while only they can be the last ones: its runtime adds one of each right before it loads the function. What a
 * layer has preloaded came before, and what the application's module adds comes later, so the entry imports this file first.
 * @see https://github.com/aws/aws-lambda-nodejs-runtime-interface-client/blob/main/src/index.mjs
 */
const LAMBDAS = EVENTS.map((event) => process.rawListeners(event).at(-1));

/** From here on such errors go to the log, and to the application's own listeners. */
export function surviveUncaughtErrors(log: Log): void {
  for (const [index, event] of EVENTS.entries()) {
    const lambdas = LAMBDAS[index];
    if (lambdas) process.off(event, lambdas as (error: unknown) => void);
    process.on(event, (error: unknown) => {
      log.error("SKY_UNCAUGHT", "the application did not catch an error", {
        error: describeError(error),
      });
    });
  }
}
