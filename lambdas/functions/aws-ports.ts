/** What every function needs of AWS, from its environment. Shared by the entries' composition roots. */
import { setImmediate as turn, setTimeout as wait } from "node:timers/promises";
import { type Environment, required } from "../aws/environment.ts";
import { handOverService, lazyCloser, postService, queueService, taskService } from "../gateway/clients.ts";
import { createFanOuts } from "../gateway/fan-outs.ts";
import { createLine } from "../gateway/line.ts";
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
  /** Of the socket function, where clients' frames come through a queue. */
  readonly line?: LineParts | undefined;
}

/** URLs of the queue and of what is given up. */
export interface LineParts {
  readonly queue: string;
  readonly deadLetters: string;
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
  ...(env.LINE_QUEUE_URL && {
    line: { queue: env.LINE_QUEUE_URL, deadLetters: required(env, "LINE_DEAD_LETTERS_URL") },
  }),
});

/** @throws Error when the environment is incomplete */
export function createPorts(
  env: Environment,
  { table, callbackUrl, socketFunction: owner, fanOutFunction, line }: StackParts,
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
    ...(line && {
      line: createLine({
        queues: queueService(line.queue, env),
        functions: handOverService(callbackUrl, env),
        ...{ queueUrl: line.queue, deadLettersUrl: line.deadLetters, functionName: owner, clock },
      }),
    }),
    clock,
    log: consoleLog,
    activeResources: () => process.getActiveResourcesInfo(),
  };
}
