/** Composition root: the environment and the application's server become the socket function's handler. */
import { setImmediate as turn, setTimeout as wait } from "node:timers/promises";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { connectionsClient, lambdaClient } from "./gateway/clients.ts";
import { createGateway } from "./gateway/post.ts";
import { createTasks } from "./gateway/tasks.ts";
import { createRouter, type Handler } from "./handlers/router.ts";
import { consoleLog } from "./server/console-log.ts";
import { describeError } from "./server/errors.ts";
import type { Clock, Log, Ports } from "./server/ports.ts";
import { coreOfServer } from "./server/server.ts";
import { createDynamoStore } from "./store/dynamo-store.ts";

/** Milliseconds: a request that hangs is tried again by the SDK, well within the time of an event. */
const DYNAMODB_TIMEOUTS = { connectionTimeout: 1_000, requestTimeout: 3_000, throwOnRequestTimeout: true };

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The handler of the socket function.
 * @param app the default export of the application's module
 * @throws Error when it is no Server, or the environment is incomplete: the function does not start
 */
export function createHandler(app: unknown, env: Environment): Handler {
  const server = coreOfServer(app);
  if (!server) {
    throw new Error(
      'the application module has no Server as its default export: end it with `export default io`, where io is a `new Server()` from "skysocket"',
    );
  }
  surviveApplicationErrors(consoleLog);
  return createRouter({ server, ports: createPorts(env), routeResponses: env.ROUTE_RESPONSES === "1" });
}

function createPorts(env: Environment): Ports {
  const clock: Clock = {
    now: Date.now,
    sleep: (ms, signal) => wait(ms, undefined, { ...(signal && { signal }) }).catch(() => undefined),
    turn: () => turn(),
  };
  const client = DynamoDBDocumentClient.from(
    new DynamoDBClient({ requestHandler: { ...DYNAMODB_TIMEOUTS } }),
  );
  return {
    store: createDynamoStore({ client, table: required(env, "TABLE_NAME"), clock }),
    gateway: createGateway({ client: connectionsClient(required(env, "CALLBACK_URL"), env), clock }),
    tasks: createTasks({ client: lambdaClient(), functionName: required(env, "AWS_LAMBDA_FUNCTION_NAME") }),
    clock,
    log: consoleLog,
    activeResources: () => process.getActiveResourcesInfo(),
  };
}

/**
 * An error that nobody catches, in a timer or a floating promise of the application, would kill the instance, and API Gateway
 * would send the client in whose event it happened an error frame. Lambda's own listeners do that; ours take their place.
 */
function surviveApplicationErrors(log: Log): void {
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.removeAllListeners(event);
    process.on(event, (error: unknown) => {
      log.error("SKY_UNCAUGHT", "an error in the application that nobody caught", {
        error: describeError(error),
      });
    });
  }
}

function required(env: Environment, name: string): string {
  const value = env[name];
  if (!value) throw new Error(`the environment variable ${name} is missing`);
  return value;
}
