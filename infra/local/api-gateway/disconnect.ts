import { WebSocket } from "ws";
import type { Connection } from "./connection.ts";
import type { GatewayContext } from "./context.ts";
import { disconnectEvent } from "./events.ts";
import { callIntegration } from "./integration.ts";
import { functionIdOf, routeOf } from "./routes.ts";

/** Close code and reason, as in the close frame and in the $disconnect event. */
export interface Close {
  readonly code: number;
  readonly reason: string;
}

/**
 * Ends a connection, whoever wants it: takes it out of the registry, closes the socket if it is still open, then invokes
 * $disconnect. Only the first call does anything.
 */
export function endConnection(context: GatewayContext, connection: Connection, close: Close): void {
  if (!context.registry.remove(connection)) return;
  const { socket } = connection;
  if (socket?.readyState === WebSocket.OPEN) socket.close(close.code, close.reason);
  context.emit(connection, {
    operation: "close",
    functionId: undefined,
    bytes: 0,
    status: close.code,
    body: close.reason,
  });
  context.track(invokeDisconnect(context, connection, close).finally(() => connection.markEnded()));
}

async function invokeDisconnect(
  context: GatewayContext,
  connection: Connection,
  close: Close,
): Promise<void> {
  const route = routeOf(connection.api, "$disconnect");
  if (route === undefined || context.chaos.happens("loseDisconnect")) return;
  await context.pause(context.chaos.delayMs("lateDisconnectMs"));
  const event = disconnectEvent(connection.facts, close.code, close.reason);
  const tell = (status: number) =>
    context.emit(connection, {
      operation: "disconnect",
      functionId: functionIdOf(route),
      cause: event.requestContext.requestId,
      bytes: 0,
      status,
      body: undefined,
    });
  // As a frame that goes into a queue is told before its message.
  if (route.integration.kind === "sqs") tell(200);
  // There is nobody left to tell how it ended.
  const result = await callIntegration(context, connection, route, event);
  if (route.integration.kind === "lambda") tell(result.ok ? result.statusCode : 500);
}
