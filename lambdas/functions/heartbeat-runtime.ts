/** Composition root of the heartbeat function: no server and no application in it. */
import { setTimeout as wait } from "node:timers/promises";
import { type Environment, required } from "../aws/environment.ts";
import { postService, taskService } from "../gateway/clients.ts";
import { createTasks } from "../gateway/tasks.ts";
import { handleHeartbeat } from "../handlers/heartbeat/heartbeat.ts";
import { timingOf } from "../handlers/heartbeat/timing.ts";
import { consoleLog } from "../server/common/console-log.ts";
import { describeError } from "../server/common/errors.ts";
import type { HeartbeatPorts } from "../server/ports/heartbeat.ts";
import { createHeartbeatStore } from "../store/heartbeats.ts";
import { createDynamoClient } from "../store/table/dynamo-client.ts";
import { createPings } from "./heartbeat-pings.ts";

/** Kept back of the function's timeout: for the posts and queries that are under way, and the tasks. */
const RESERVE_MS = 12_000;

export type HeartbeatHandler = (
  event: unknown,
  context: { getRemainingTimeInMillis(): number },
) => Promise<void>;

/** @throws Error when the environment is incomplete: the function does not start */
export function createHeartbeat(env: Environment): HeartbeatHandler {
  const portsUntil = createPorts(env);
  const timing = timingOf(env);
  return async (_event, context) => {
    const deadline = Date.now() + context.getRemainingTimeInMillis() - RESERVE_MS;
    const ports = portsUntil(deadline);
    try {
      await handleHeartbeat({ ports, timing, deadline });
    } catch (error) {
      ports.log.error("SKY_INVOCATION_FAILED", "the heartbeat failed; the next run does its turn as well", {
        error: describeError(error),
      });
      throw error;
    }
  };
}

function createPorts(env: Environment): (deadline: number) => HeartbeatPorts {
  const clock = { now: Date.now, sleep: (ms: number) => wait(ms) };
  const callbackUrl = required(env, "CALLBACK_URL");
  const store = createHeartbeatStore({
    client: createDynamoClient(),
    table: required(env, "TABLE_NAME"),
    clock,
  });
  const service = postService(callbackUrl, env);
  const tasks = createTasks({
    service: taskService(callbackUrl, env),
    functionName: required(env, "SOCKET_FUNCTION_NAME"),
    clock,
  });
  return (deadline) => ({
    store,
    gateway: createPings({ service, clock, deadline }),
    tasks,
    clock,
    log: consoleLog,
  });
}
