import { createHook } from "node:async_hooks";

interface Timer {
  hasRef(): boolean;
  /** Node's own mark of a timer that has fired or was cleared; `destroy` comes some turns later. */
  readonly _destroyed: boolean;
}

/** Timers begun since this module was loaded. */
const timers = new Map<number, Timer>();
createHook({
  init: (id, type, _, resource) => {
    if (type === "Timeout") timers.set(id, resource as Timer);
  },
  destroy: (id) => timers.delete(id),
}).enable();

/**
 * What keeps the process busy, as on Lambda: without the timers that Jest has begun before the test, one of which may come to its
 * end just when the application begins one.
 */
export const activeResources = (): readonly string[] => [
  ...process.getActiveResourcesInfo().filter((kind) => kind !== "Timeout"),
  ...[...timers.values()].filter((timer) => !timer._destroyed && timer.hasRef()).map(() => "Timeout"),
];
