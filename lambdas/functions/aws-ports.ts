/** What every function needs of AWS, from its environment. Shared by the entries' composition roots. */
import { setImmediate as turn, setTimeout as wait } from "node:timers/promises";
import { type Environment, required } from "../aws/environment.ts";
import { lazyCloser, postService, taskService } from "../gateway/clients.ts";
import { createFanOuts } from "../gateway/fan-outs.ts";
import { createGateway } from "../gateway/post.ts";
import { createTasks } from "../gateway/tasks.ts";
import { timingOf } from "../handlers/heartbeat/timing.ts";
import { consoleLog } from "../server/common/console-log.ts";
import type { Clock } from "../server/ports/environment.ts";
import type { Ports } from "../server/ports/ports.ts";
import { createDynamoStore } from "../store/dynamo-store.ts";
import { createDynamoClient } from "../store/table/dynamo-client.ts";

export const systemClock: Clock = {
  now: Date.now,
  sleep: (ms, signal) => wait(ms, undefined, { ...(signal && { signal }) }).catch(() => undefined),
  turn: () => turn(),
};

/** Where the parts of a deployed stack are. */
export interface StackParts {
  readonly table: string;
  /** Of the stage: where connections are posted to. */
  readonly callbackUrl: string;
  /** Names of functions. */
  readonly socketFunction: string;
  readonly fanOutFunction: string;
}

/**
 * As the socket function's environment says.
 * @throws Error when it is incomplete: the function does not start
 */
export const partsOfSocketFunction = (env: Environment): StackParts => ({
  table: required(env, "TABLE_NAME"),
  callbackUrl: required(env, "CALLBACK_URL"),
  socketFunction: required(env, "AWS_LAMBDA_FUNCTION_NAME"),
  fanOutFunction: required(env, "FAN_OUT_FUNCTION_NAME"),
});

/** @throws Error when the environment is incomplete */
export function createPorts(
  env: Environment,
  { table, callbackUrl, socketFunction: owner, fanOutFunction }: StackParts,
  { keepEndedMs }: { readonly keepEndedMs?: number } = {},
): Ports {
  const clock = systemClock;
  const store = createDynamoStore({
    client: createDynamoClient(),
    table,
    clock,
    minuteMs: timingOf(env).minuteMs,
    ...(keepEndedMs !== undefined && { keepEndedMs }),
  });
  const lambda = taskService(callbackUrl, env);
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
      ...createFanOuts({ service: lambda, functionName: fanOutFunction, owner, clock }),
    },
    clock,
    log: consoleLog,
    activeResources: () => process.getActiveResourcesInfo(),
  };
}
