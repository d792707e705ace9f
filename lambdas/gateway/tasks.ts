import { withBackoff } from "../aws/backoff.ts";
import type { Service } from "../aws/service.ts";
import type { Clock } from "../server/ports/environment.ts";
import type { Task, Tasks } from "../server/ports/tasks.ts";
import { GatewayError } from "./errors.ts";
import { mayPass } from "./failures.ts";

/**
 * Largest payload of an asynchronous invocation that is accepted everywhere, in bytes: AWS raised 256 KB to 1 MB, which does not hold
 * in all places yet.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
const MAX_EVENT_BYTES = 256 * 1024;

export interface TasksOptions {
  /** Lambda. Sends each request once. */
  readonly service: Pick<Service, "post">;
  /** The function that does the tasks. */
  readonly functionName: string;
  readonly clock: Pick<Clock, "now" | "sleep">;
  /**
   * For how long to try again when Lambda is busy or failing, in milliseconds.
   * @default 5000
   */
  readonly deadlineMs?: number;
  /**
   * In [0, 1), for the jitter of retries.
   * @default Math.random
   */
  readonly random?: () => number;
}

/** Where a function is invoked, below Lambda's endpoint. */
export const invocationsOf = (functionName: string): string =>
  `/2015-03-31/functions/${encodeURIComponent(functionName)}/invocations`;

/** Starts asynchronous invocations of one function; `name` says of what, in errors. */
export function createInvoke(options: TasksOptions): (name: string, body: Uint8Array) => Promise<void> {
  const { service, functionName, clock, deadlineMs = 5_000, random = Math.random } = options;
  const path = invocationsOf(functionName);
  const headers = { "content-type": "application/json", "x-amz-invocation-type": "Event" };

  return async (name, body) => {
    const subject = `The task "${name}" could not be handed to ${functionName}`;
    try {
      const { status } = await withBackoff(() => service.post({ path, headers, body }), {
        clock,
        deadlineMs,
        random,
        // Also when it may have been accepted: tasks are done at least once anyway.
        retries: mayPass,
      });
      if (status === 202) return;
      throw new GatewayError("GATEWAY_TASK_REFUSED", `${subject}: Lambda answered ${status} instead of 202.`);
    } catch (error) {
      if (error instanceof GatewayError) throw error;
      const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      throw new GatewayError("GATEWAY_TASK_REFUSED", `${subject}: ${said}`, { cause: error });
    }
  };
}

/** Tasks as asynchronous invocations: Lambda queues them durably and tries again when one fails. */
export function createTasks(options: TasksOptions): Tasks {
  const invoke = createInvoke(options);
  return {
    async start(task) {
      const results = await Promise.allSettled(
        split(task).map(([part, payload]) => invoke(part.task, payload)),
      );
      for (const result of results) if (result.status === "rejected") throw result.reason;
    },
  };
}

/** What names more connections or rooms than fit into one event; each part is a task of its own. */
function split(task: Task): (readonly [Task, Uint8Array])[] {
  const payload = Buffer.from(JSON.stringify(task), "utf8");
  if (payload.byteLength <= MAX_EVENT_BYTES) return [[task, payload]];
  if (task.task === "end" && task.targets.length > 1) {
    const half = Math.ceil(task.targets.length / 2);
    return [
      ...split({ ...task, targets: task.targets.slice(0, half) }),
      ...split({ ...task, targets: task.targets.slice(half) }),
    ];
  }
  if (task.task === "disconnect" && task.rooms.length > 1) {
    const half = Math.ceil(task.rooms.length / 2);
    return [
      ...split({ ...task, rooms: task.rooms.slice(0, half) }),
      ...split({ ...task, rooms: task.rooms.slice(half) }),
    ];
  }
  throw new GatewayError(
    "GATEWAY_TASK_TOO_LARGE",
    `The task "${task.task}" takes ${payload.byteLength} bytes; Lambda queues up to ${MAX_EVENT_BYTES}. ` +
      "Let sockets join fewer rooms, or rooms with shorter names.",
  );
}
