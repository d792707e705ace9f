import { executionAsyncResource } from "node:async_hooks";

/** Is it a timer that is calling right now? Not after the first `await` of its function. */
export const isTimerCalling = (): boolean => executionAsyncResource().constructor.name === "Timeout";

/**
 * Stops the timer that is calling right now, if it is one: an interval of an event that is over would fire for as long as the
 * instance lives, in other clients' events.
 * @returns whether it was a timer
 */
export function stopCallingTimer(): boolean {
  if (!isTimerCalling()) return false;
  clearInterval(executionAsyncResource() as NodeJS.Timeout);
  return true;
}
