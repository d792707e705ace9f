import { describeError, isUnreadable } from "../server/common/errors.ts";
import type { ServerCore } from "../server/declared/server-core.ts";
import type { Ports } from "../server/ports/ports.ts";
import type { Task } from "../server/ports/tasks.ts";
import { clockFor } from "./clock.ts";
import { handleResume } from "./connect/resume.ts";
import type { HandlerContext } from "./context.ts";
import { handleDisconnectSockets } from "./disconnect-sockets.ts";
import { handleDisconnect, handleEnd } from "./end.ts";
import type { HeartbeatTiming } from "./heartbeat/timing.ts";
import { type LambdaEvent, toLambdaEvent } from "./lambda-event.ts";
import { type BatchResponse, batchResponse, handleLine } from "./line/batch.ts";
import { queueEnds } from "./line/ends.ts";
import { messageIdOf, toLineMessage } from "./line/messages.ts";
import { handleMessage } from "./message.ts";
import { handleOpen } from "./open.ts";
import type { ProxyResponse } from "./proxy-response.ts";
import { handleConnect } from "./upgrade.ts";

/** Kept back for ending an invocation in good order, in milliseconds of the function's timeout. */
const RESERVE_MS = 2_000;
/** An Engine.IO noop: what a route response says where there is nothing to say. An empty frame would kill the client. */
const NOOP_FRAME = "6";

/** What Lambda tells of an invocation, as far as it is needed. */
export interface LambdaContext {
  getRemainingTimeInMillis(): number;
}

/** What API Gateway reads, or for messages of the queue Lambda. */
export type Response = ProxyResponse | BatchResponse;

export type Handler = (event: unknown, context: LambdaContext) => Promise<Response>;

export interface RouterOptions {
  readonly server: ServerCore;
  readonly ports: Ports;
  /** What a message's handler returns is sent to the client. */
  readonly routeResponses: boolean;
  /** Of the heartbeat, as clients are told. @default every 8 minutes */
  readonly timing?: HeartbeatTiming | undefined;
}

/** The socket function, whatever its ports are: each thing that can happen to its handler. */
export function createRouter(options: RouterOptions): Handler {
  options.server.connect(options.ports);
  // Called on the context: the method may need its `this`.
  return (event, context) => handleInvocation(options, event, context.getRemainingTimeInMillis());
}

async function handleInvocation(
  { server, ports: given, routeResponses, timing }: RouterOptions,
  payload: unknown,
  remainingMs: number,
): Promise<Response> {
  const event = toLambdaEvent(payload);
  if (!event) {
    throw new Error(
      "invoked with neither an event of a WebSocket API nor a task of its own, nor with what its queue holds",
    );
  }
  // Recovery compares times of different instances.
  const stamp = server.options.recovery && stampOf(event);
  const clock = stamp === undefined ? given.clock : clockFor(stamp, given.clock, given.log);
  const ports: Ports = { ...given, clock };
  const deadline = ports.clock.now() + remainingMs - RESERVE_MS;
  const context: HandlerContext = { server, ports, deadline, routeResponses, ...(timing && { timing }) };
  server.outside.enter();
  try {
    return await route(context, event);
  } catch (error) {
    ports.log.error("SKY_INVOCATION_FAILED", `handling ${event.kind} failed`, {
      error: describeError(error),
    });
    // Nothing that the client sends can be handled: on a new connection it can. Its $disconnect clears what there is of this one.
    if (event.kind === "message" && isUnreadable(error)) await closeUnread(ports, event.connectionId);
    // A task is tried again by Lambda, if it fails.
    if (event.kind === "task") throw error;
    // If the function fails Lambda takes its time with all other batches, too.
    if (event.kind === "line") return batchResponse(event.records.map(messageIdOf));
    // Anything but a refusal at $connect would send the client an error frame, which is no Engine.IO packet and cuts it off.
    return event.kind === "connect" ? { statusCode: 500 } : done(routeResponses && event.kind === "message");
  } finally {
    await server.outside.leave(deadline);
  }
}

async function closeUnread({ gateway, log }: Ports, connectionId: string): Promise<void> {
  try {
    await gateway.close(connectionId);
  } catch (error) {
    log.error("SKY_INVOCATION_FAILED", "closing a connection failed", { error: describeError(error) });
  }
}

/** When another clock said what time it was, shortly before. Undefined where none has. */
function stampOf(event: LambdaEvent): number | undefined {
  if (event.kind === "message") return event.at;
  if (event.kind !== "line") return undefined;
  const delivered = event.records.flatMap((record) => toLineMessage(record)?.deliveredAt ?? []);
  return delivered.length === 0 ? undefined : Math.max(...delivered);
}

async function route(context: HandlerContext, event: LambdaEvent): Promise<Response> {
  switch (event.kind) {
    case "connect":
      return await handleConnect(context, event);
    case "message": {
      const frame = await handleMessage(context, event.connectionId, event);
      return done(context.routeResponses === true, frame);
    }
    case "disconnect":
      await handleDisconnect(context, event);
      return { statusCode: 200 };
    case "line": {
      const { line } = context.ports;
      if (!line) throw new Error("messages of a queue have come to a function that has none");
      return batchResponse(await handleLine({ ...context, line }, event.records, event));
    }
    case "task":
      await runTask(context, event.task);
      return { statusCode: 200 };
    default:
      event satisfies never;
      return { statusCode: 500 };
  }
}

function runTask(context: HandlerContext, task: Task): Promise<void> {
  const { line } = context.ports;
  switch (task.task) {
    case "open":
      return handleOpen(context, task);
    case "end":
      return line ? queueEnds({ ...context, line }, task) : handleEnd(context, task);
    case "resume":
      return handleResume(context, task);
    case "disconnect":
      return handleDisconnectSockets(context, task);
  }
}

const done = (routeResponses: boolean, frame: string = NOOP_FRAME): ProxyResponse =>
  routeResponses ? { statusCode: 200, body: frame } : { statusCode: 200 };
