import type { FanOuts } from "../server/ports/fan-out.ts";
import { createInvoke, type TasksOptions } from "./tasks.ts";

export interface FanOutsOptions extends TasksOptions {
  /**
   * The function that runs the application, which ends what workers find gone. It is told in each task: the two functions
   * cannot both have the other's name in their environment, since one of them is made first.
   */
  readonly owner: string;
}

/** Workers as asynchronous invocations of their own function. */
export function createFanOuts(options: FanOutsOptions): Pick<FanOuts, "start"> {
  const invoke = createInvoke(options);
  const { owner } = options;
  return {
    start: (task) => invoke(task.task, Buffer.from(JSON.stringify({ ...task, owner }), "utf8")),
  };
}
