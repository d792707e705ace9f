/** Composition root: the environment and the application's server become the socket function's handler. */
import type { Environment } from "../aws/environment.ts";
import { loadService } from "../aws/lazy-service.ts";
import { timingOf } from "../handlers/heartbeat/timing.ts";
import { createRouter, type Handler } from "../handlers/router.ts";
import { coreOfServer } from "../server/api/server.ts";
import { consoleLog } from "../server/common/console-log.ts";
import { isRecord } from "../server/common/is-record.ts";
import { createPorts, partsOfSocketFunction } from "./aws-ports.ts";
import { surviveUncaughtErrors } from "./uncaught.ts";

/**
 * The handler of the socket function.
 * @param app the default export of the application's module, or a CommonJS module that says so in the way of compilers
 * @throws Error when it is no Server, or the environment is incomplete: the function does not start
 */
export function createHandler(app: unknown, env: Environment): Handler {
  const server = coreOfServer(app) ?? coreOfServer(isRecord(app) ? app.default : undefined);
  if (!server) {
    throw new Error(
      'the application module has no Server as its default export: end it with `export default io`, where io is a `new Server()` from "skysocket"',
    );
  }
  surviveUncaughtErrors(consoleLog);
  const router = createRouter({
    server,
    ports: createPorts(env, partsOfSocketFunction(env), server.options.recovery),
    routeResponses: env.ROUTE_RESPONSES === "1",
    timing: timingOf(env),
  });
  return async (event, context) => {
    const answer = router(event, context);
    // Nearly every event posts, and begins with a request to DynamoDB, whose answer takes as long as loading.
    const loaded = loadService();
    try {
      return await answer;
    } finally {
      await loaded;
    }
  };
}
