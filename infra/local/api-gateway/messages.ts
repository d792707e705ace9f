import type { Duplex } from "node:stream";
import type { RawData, WebSocket } from "ws";
import type { RouteModel } from "../model.ts";
import type { Connection } from "./connection.ts";
import type { GatewayContext } from "./context.ts";
import { endConnection } from "./disconnect.ts";
import { messageEvent } from "./events.ts";
import { FrameLengths } from "./frame-limit.ts";
import { newId } from "./ids.ts";
import { callIntegration, type IntegrationResult } from "./integration.ts";
import { Lifetime } from "./lifetime.ts";
import { ABSENT_CLOSE_REASONS, CLOSE, MAX_FRAME_BYTES } from "./limits.ts";
import { functionIdOf, selectRoute } from "./routes.ts";

/**
 * Receives the client's frames until the connection ends. `upgrade` makes the WebSocket out of the socket and must do so
 * before it returns: the frame lengths are read off the same bytes, first.
 */
export function receiveMessages(
  context: GatewayContext,
  connection: Connection,
  socket: Duplex,
  upgrade: (opened: (webSocket: WebSocket) => void) => void,
): void {
  const lengths = new FrameLengths();
  const end = (close: { code: number; reason: string }) => endConnection(context, connection, close);
  socket.on("data", (chunk: Buffer) => {
    if (lengths.longestIn(chunk) > MAX_FRAME_BYTES) end(CLOSE.tooBig);
  });
  upgrade((webSocket) => {
    const lifetime = new Lifetime(context.timeScale, () => end(CLOSE.goingAway));
    connection.onActivity(() => lifetime.active());
    webSocket.on("message", (data, isBinary) => receive(context, connection, data, isBinary));
    webSocket.on("error", (error) => end(closeOf(error)));
    webSocket.on("close", (code, reason) => {
      lifetime.stop();
      end({ code, reason: reason.toString() || (ABSENT_CLOSE_REASONS[code] ?? "") });
    });
  });
}

/** `ws` has already sent this close code, but its "close" event would say 1006: it reads no further after a bad frame. */
function closeOf(error: Error): { code: number; reason: string } {
  const kind = "code" in error ? error.code : undefined;
  if (kind === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") return CLOSE.tooBig;
  return kind === "WS_ERR_INVALID_UTF8" ? CLOSE.badText : CLOSE.badFrame;
}

function receive(context: GatewayContext, connection: Connection, data: RawData, isBinary: boolean): void {
  // Frames that arrive behind the one that closed the connection.
  if (!context.registry.has(connection)) return;
  connection.active();
  if (isBinary) {
    endConnection(context, connection, CLOSE.binary);
  } else if (!context.admit(connection.api) || context.chaos.happens("throttle")) {
    endConnection(context, connection, CLOSE.throttled);
  } else {
    // Each frame goes its own way at once: nothing here waits for the one before.
    context.track(deliver(context, connection, textOf(data)));
  }
}

async function deliver(context: GatewayContext, connection: Connection, body: string): Promise<void> {
  const route = selectRoute(connection.api, body);
  // Made, and stamped with its time, when the frame arrives: whatever delays its invocation.
  const event = route && messageEvent(connection.facts, route.routeKey, body);
  context.emit(connection, {
    operation: "message",
    cause: event?.requestContext.requestId,
    functionId: functionIdOf(route),
    bytes: Buffer.byteLength(body),
    status: route ? 200 : 403,
    body,
  });
  if (route === undefined || event === undefined) return sendError(context, connection, 403, "Forbidden");
  if (route.integration.kind === "lambda") await chaosDelay(context, connection);
  const result = await callIntegration(context, connection, route, event);
  respond(context, connection, route, result);
}

function respond(
  context: GatewayContext,
  connection: Connection,
  route: RouteModel,
  result: IntegrationResult,
): void {
  if (!result.ok) {
    if (result.cause === "refused" && context.behavior.refusedSend === "silence") return;
    // On one-way routes too: https://github.com/aws-samples/simple-websockets-chat-app/issues/42
    const timedOut = result.cause === "timed out";
    const message = timedOut ? "Endpoint request timed out" : "Internal server error";
    sendError(context, connection, timedOut ? 504 : 500, message);
    return;
  }
  // https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-response.html
  if (!route.returnsResponse) return;
  const body = result.body ?? "";
  if (body === "" && context.behavior.emptyRouteResponse === "nothing") return;
  send(context, connection, body);
  context.emit(connection, {
    operation: "post",
    functionId: functionIdOf(route),
    bytes: Buffer.byteLength(body),
    status: result.statusCode,
    body,
  });
}

/** What clients see of any failure: no packet of any protocol, so a Socket.IO client closes on it. */
function sendError(context: GatewayContext, connection: Connection, status: number, message: string): void {
  const { connectionId } = connection.facts;
  const body = JSON.stringify({ message, connectionId, requestId: newId() });
  send(context, connection, body);
  context.emit(connection, {
    operation: "error-frame",
    functionId: undefined,
    bytes: Buffer.byteLength(body),
    status,
    body,
  });
}

function send(context: GatewayContext, connection: Connection, text: string): void {
  if (!context.registry.has(connection)) return;
  connection.active();
  connection.socket?.send(text);
}

async function chaosDelay(context: GatewayContext, connection: Connection): Promise<void> {
  await context.pause(context.chaos.delayMs("reorderFramesMs"));
  await context.pause(context.chaos.delayMs("earlyDisconnectMs"), connection.ended);
}

/** `ws` hands over text as one Buffer unless told otherwise. */
function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString();
  return Buffer.isBuffer(data) ? data.toString() : Buffer.from(data).toString();
}
