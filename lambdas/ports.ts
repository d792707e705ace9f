/** What every function needs of AWS, from its environment. Shared by the entries' composition roots. */
import { setImmediate as turn, setTimeout as wait } from "node:timers/promises";
import { type Environment, required } from "./aws/environment.ts";
import { lazyCloser, postService, taskService } from "./gateway/clients.ts";
import { createFanOuts } from "./gateway/fan-outs.ts";
import { createGateway } from "./gateway/post.ts";
import { createTasks } from "./gateway/tasks.ts";
import { timingOf } from "./handlers/heartbeat-timing.ts";
import { consoleLog } from "./server/console-log.ts";
import type { Clock, Ports } from "./server/ports.ts";
import { createDynamoClient } from "./store/dynamo-client.ts";
import { createDynamoStore } from "./store/dynamo-store.ts";

export const systemClock: Clock = {
  now: Date.now,
  sleep: (ms, signal) => wait(ms, undefined, { ...(signal && { signal }) }).catch(() => undefined),
  turn: () => turn(),
};

/** @throws Error when the environment is incomplete: the function does not start */
export function createPorts(
  env: Environment,
  { keepEndedMs }: { readonly keepEndedMs?: number } = {},
): Ports {
  const clock = systemClock;
  const callbackUrl = required(env, "CALLBACK_URL");
  const store = createDynamoStore({
    client: createDynamoClient(),
    table: required(env, "TABLE_NAME"),
    clock,
    minuteMs: timingOf(env).minuteMs,
    ...(keepEndedMs !== undefined && { keepEndedMs }),
  });
  const lambda = taskService(callbackUrl, env);
  const owner = required(env, "AWS_LAMBDA_FUNCTION_NAME");
  const workers = required(env, "FAN_OUT_FUNCTION_NAME");
  return {
    store,
    gateway: createGateway({
      service: postService(callbackUrl, env),
      closer: lazyCloser(callbackUrl, env),
      clock,
    }),
    tasks: createTasks({ service: lambda, functionName: owner, clock }),
    fanOuts: {
      store,
      ...createFanOuts({ service: lambda, functionName: workers, owner, clock }),
    },
    clock,
    log: consoleLog,
    activeResources: () => process.getActiveResourcesInfo(),
  };
}
