import { executionAsyncResource } from "node:async_hooks";

/**
 * Stops the timer that is calling right now, if it is one: an interval of an event that is over would fire for as long as the
 * instance lives, in other clients' events.
 * @returns whether it was a timer
 */
export function stopCallingTimer(): boolean {
  const caller: object = executionAsyncResource();
  if (caller.constructor.name !== "Timeout") return false;
  clearInterval(caller as NodeJS.Timeout);
  return true;
}
