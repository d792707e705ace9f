import type { Clock, Log } from "./environment.ts";
import type { FanOuts } from "./fan-out.ts";
import type { Gateway } from "./gateway.ts";
import type { Line } from "./line.ts";
import type { Store } from "./store.ts";
import type { Tasks } from "./tasks.ts";

/** Everything at once: made by the composition root (functions/aws-ports.ts), handed to each invocation. */
export interface Ports {
  readonly store: Store;
  readonly gateway: Gateway;
  readonly tasks: Tasks;
  /** Workers for large rooms. Where there are none, each event posts to all of its receivers itself. */
  readonly fanOuts?: FanOuts;
  /** Where clients' frames come through a queue. */
  readonly line?: Line;
  readonly clock: Clock;
  readonly log: Log;
  /** What holds the process's event loop right now, by kind (`process.getActiveResourcesInfo()` on Lambda). */
  readonly activeResources: () => readonly string[];
}
