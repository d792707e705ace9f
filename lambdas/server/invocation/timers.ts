import { executionAsyncResource } from "node:async_hooks";

/** The timer that is calling right now. None after the first `await` of its function. */
export function callingTimer(): NodeJS.Timeout | undefined {
  const resource = executionAsyncResource();
  return resource.constructor.name === "Timeout" ? (resource as NodeJS.Timeout) : undefined;
}

/**
 * Stops the timer that is calling right now, if it is one: an interval of an event that is over would fire for as long as the
 * instance lives, in other clients' events.
 * @returns whether it was a timer
 */
export function stopCallingTimer(): boolean {
  const timer = callingTimer();
  clearInterval(timer);
  return timer !== undefined;
}
