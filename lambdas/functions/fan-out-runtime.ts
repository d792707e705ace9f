/** Composition root of the fan-out function: no server and no application in it. */
import { setTimeout as wait } from "node:timers/promises";
import { type Environment, required } from "../aws/environment.ts";
import { loadService } from "../aws/lazy-service.ts";
import { postService, taskService } from "../gateway/clients.ts";
import { createFanOuts } from "../gateway/fan-outs.ts";
import { createGateway } from "../gateway/post.ts";
import { createTasks } from "../gateway/tasks.ts";
import { toFanOutEvent } from "../handlers/fan-out/event.ts";
import { handleFanOut } from "../handlers/fan-out/fan-out.ts";
import { consoleLog } from "../server/common/console-log.ts";
import { describeError } from "../server/common/errors.ts";
import type { FanOutPorts } from "../server/ports/fan-out.ts";
import { createFanOutStore } from "../store/fan-outs.ts";
import { createDynamoClient } from "../store/table/dynamo-client.ts";

/** Kept back of the function's timeout, for the batches that are under way: as long as a post may take, and some. */
const RESERVE_MS = 25_000;

/**
 * For how long a post is tried again when API Gateway is busy. Workers together can post faster than an account may (10,000
 * requests a second unless raised), and then wait for one another.
 */
const POST_DEADLINE_MS = 20_000;

export type FanOutHandler = (
  event: unknown,
  context: { getRemainingTimeInMillis(): number },
) => Promise<void>;

/** @throws Error when the environment is incomplete: the function does not start */
export function createFanOut(env: Environment): FanOutHandler {
  const portsOf = createPorts(env);
  return async (event, context) => {
    const known = toFanOutEvent(event);
    if (!known) throw new Error("invoked with something other than a task of the socket function");
    const ports = portsOf(known.owner);
    const deadline = ports.clock.now() + context.getRemainingTimeInMillis() - RESERVE_MS;
    const work = handleFanOut({ ports, deadline }, known.task);
    // Begins with a request to DynamoDB, whose answer takes as long.
    const loaded = loadService();
    try {
      await work;
    } catch (error) {
      ports.log.error("SKY_INVOCATION_FAILED", "a part of a fan-out failed; Lambda tries it again", {
        error: describeError(error),
      });
      throw error;
    } finally {
      await loaded;
    }
  };
}

function createPorts(env: Environment): (owner: string) => FanOutPorts {
  const clock = { now: Date.now, sleep: (ms: number) => wait(ms) };
  const callbackUrl = required(env, "CALLBACK_URL");
  const store = createFanOutStore({
    client: createDynamoClient(),
    table: required(env, "TABLE_NAME"),
    clock,
  });
  const gateway = createGateway({
    service: postService(callbackUrl, env),
    closer: () => Promise.reject(new Error("workers close nothing themselves")),
    clock,
    deadlineMs: POST_DEADLINE_MS,
  });
  const service = taskService(callbackUrl, env);
  const functionName = required(env, "AWS_LAMBDA_FUNCTION_NAME");
  return (owner) => ({
    store,
    gateway,
    tasks: createTasks({ service, functionName: owner, clock }),
    fanOuts: createFanOuts({ service, functionName, owner, clock }),
    clock,
    log: consoleLog,
  });
}
