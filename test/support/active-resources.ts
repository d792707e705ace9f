import { createHook } from "node:async_hooks";

interface Timer {
  hasRef(): boolean;
  /** Node's own mark of a timer that has fired or was cleared; `destroy` comes some turns later. */
  readonly _destroyed: boolean;
}

/** Timers begun since this module was loaded. */
const timers = new Map<number, Timer>();
const hook = createHook({
  init: (id, type, _, resource) => {
    if (type === "Timeout") timers.set(id, resource as Timer);
  },
  destroy: (id) => timers.delete(id),
});
/** Not in a bench: a hook costs each promise as much time as some of what is measured. */
const inJest = process.env.JEST_WORKER_ID !== undefined;
if (inJest) hook.enable();

/**
 * What keeps the process busy, as on Lambda: without the timers that Jest has begun before the test, one of which may come to its
 * end just when the application begins one.
 */
export function activeResources(): readonly string[] {
  const all = process.getActiveResourcesInfo();
  if (!inJest) return all;
  return [
    ...all.filter((kind) => kind !== "Timeout"),
    ...[...timers.values()].filter((timer) => !timer._destroyed && timer.hasRef()).map(() => "Timeout"),
  ];
}
