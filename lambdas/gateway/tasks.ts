import { InvokeCommand, type LambdaClient } from "@aws-sdk/client-lambda";
import type { Task, Tasks } from "../server/ports.ts";
import { GatewayError } from "./errors.ts";

/**
 * Largest payload of an asynchronous invocation, in bytes.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
const MAX_EVENT_BYTES = 1024 * 1024;

export interface TasksOptions {
  readonly client: Pick<LambdaClient, "send">;
  /** The function that does the tasks: this one itself. */
  readonly functionName: string;
}

/** Tasks as asynchronous invocations: Lambda queues them durably and tries again when one fails. */
export function createTasks({ client, functionName }: TasksOptions): Tasks {
  const invoke = async (task: Task, payload: Uint8Array): Promise<void> => {
    const subject = `The task "${task.task}" could not be handed to ${functionName}`;
    try {
      const { StatusCode } = await client.send(
        new InvokeCommand({ FunctionName: functionName, InvocationType: "Event", Payload: payload }),
      );
      if (StatusCode === 202) return;
      throw new GatewayError(
        "GATEWAY_TASK_REFUSED",
        `${subject}: Lambda answered ${StatusCode} instead of 202.`,
      );
    } catch (error) {
      if (error instanceof GatewayError) throw error;
      const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      throw new GatewayError("GATEWAY_TASK_REFUSED", `${subject}: ${said}`, { cause: error });
    }
  };

  return {
    async start(task) {
      const results = await Promise.allSettled(split(task).map(([part, payload]) => invoke(part, payload)));
      for (const result of results) if (result.status === "rejected") throw result.reason;
    },
  };
}

/** A mass disconnect can name more connections than fit into one event; each part is a task of its own. */
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
  throw new GatewayError(
    "GATEWAY_TASK_TOO_LARGE",
    `The task "${task.task}" takes ${payload.byteLength} bytes; Lambda queues up to ${MAX_EVENT_BYTES}. ` +
      "Let sockets join fewer rooms, or rooms with shorter names.",
  );
}
