/** Composition root for programs that are not the socket function: another function of the stack, a schedule, a queue's consumer. */
import { type Environment, required } from "../aws/environment.ts";
import type { Server } from "../server/api/index.ts";
import { coreOfServer } from "../server/api/server.ts";
import { createPorts } from "./aws-ports.ts";

/**
 * Connects `io` to the deployed stack: from then on `emit`, also to rooms and inboxes, `socketsJoin`, `socketsLeave` and
 * `fetchSockets` work. Await each: nobody else does. Not in the module of the socket function, where `io` is connected anyway.
 * @param io has the options of the application's server (`parser`, `connectionStateRecovery`, `inboxTtl`), or is that server
 * @param env has what `grantEmit`, `grantEmitToInboxes` and `grantManageSockets` of `SkysocketApi` give a function, and the credentials that every function has
 * @throws Error when `io` is no Server, or a variable is missing
 */
export function connect(
  // biome-ignore lint/suspicious/noExplicitAny: whatever events the application has
  io: Server<any, any, any, any>,
  env: Environment = process.env,
): void {
  const server = coreOfServer(io);
  if (!server) throw new Error('connect(io): io has to be a `new Server()` from "skysocket"');
  const parts = {
    table: required(env, "SKYSOCKET_TABLE_NAME"),
    callbackUrl: required(env, "SKYSOCKET_CALLBACK_URL"),
    socketFunction: required(env, "SKYSOCKET_SOCKET_FUNCTION_NAME"),
    fanOutFunction: required(env, "SKYSOCKET_FAN_OUT_FUNCTION_NAME"),
  };
  server.connect(createPorts(env, parts, server.options.recovery));
}
