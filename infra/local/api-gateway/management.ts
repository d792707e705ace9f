import type { IncomingMessage, ServerResponse } from "node:http";
import type { ApiModel } from "../model.ts";
import type { Connection } from "./connection.ts";
import type { Authorization, GatewayContext } from "./context.ts";
import { endConnection } from "./disconnect.ts";
import { newId } from "./ids.ts";
import { CLOSE, MAX_CLIENT_BUFFER_BYTES, MAX_MESSAGE_BYTES } from "./limits.ts";

/**
 * The `@connections` endpoint of a stage: post to a connection, look at it, close it.
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
 */

/** What goes back to the caller. The error type travels in `x-amzn-ErrorType`, where SDKs look for it. */
export interface Answer {
  readonly status: number;
  readonly errorType?: string;
  readonly body?: unknown;
}

const OPERATIONS = { POST: "post", GET: "get", DELETE: "delete" } as const;
type Method = keyof typeof OPERATIONS;

// 410 has no body at all: https://github.com/georgeboot/laravel-echo-api-gateway/issues/9
const GONE: Answer = { status: 410, errorType: "GoneException" };
const LIMIT_EXCEEDED = failure(429, "LimitExceededException", "Too Many Requests");
const FORBIDDEN = failure(403, "ForbiddenException", "Forbidden");

/** One call of the management API. */
export interface Call {
  readonly api: ApiModel;
  readonly method: Method;
  readonly connectionId: string;
  /** Cut short after the first byte that is too many. */
  readonly body: Buffer;
}

/** Answers a request to `/<stage>/@connections/<id>`; whether it was one. */
export async function handleManagement(
  context: GatewayContext,
  apis: readonly ApiModel[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const [stage, resource, connectionId, ...rest] = segments(request.url ?? "");
  if (resource !== "@connections") return false;
  const api = apis.find((candidate) => candidate.stage === stage);
  const body = await readBody(request);
  const { method } = request;
  if (api === undefined || connectionId === undefined || rest.length > 0 || !isMethod(method)) {
    write(response, FORBIDDEN);
    return true;
  }
  const call = { api, method, connectionId, body };
  const authorization = context.authorize(
    { method, url: request.url ?? "", headers: request.headers, body },
    "execute-api:ManageConnections",
    context.arn(api, `${api.stage}/${method}/@connections/${connectionId}`),
  );
  const answer = await context.faults(request, async () => {
    const performed = authorization.allowed
      ? await perform(context, call)
      : failure(403, authorization.errorType, authorization.message);
    report(context, call, performed, authorization);
    return performed;
  });
  if (answer) write(response, answer);
  else response.destroy();
  return true;
}

/** What the endpoint does for a caller who may do it. */
export async function perform(context: GatewayContext, call: Call): Promise<Answer> {
  const found = context.registry.find(call.api, call.connectionId);
  if (found === "malformed") {
    return failure(400, "BadRequestException", `Invalid connectionId: ${call.connectionId}`);
  }
  // Stage throttles are for routes; a post counts against the account alone.
  if (!context.admit()) return LIMIT_EXCEEDED;
  const living = found !== "gone" && found.reachable ? found : undefined;
  if (call.method === "POST" && (living || found === "gone")) return await post(context, living, call.body);
  if (living === undefined) return GONE;
  return call.method === "GET" ? describe(living) : remove(context, living);
}

async function post(
  context: GatewayContext,
  connection: Connection | undefined,
  body: Buffer,
): Promise<Answer> {
  const { chaos } = context;
  if (body.length > MAX_MESSAGE_BYTES) {
    return failure(413, "PayloadTooLargeException", "Message too long");
  }
  if (chaos.happens("throttle")) return LIMIT_EXCEEDED;
  if (connection === undefined) return chaos.happens("deadOk") ? { status: 200 } : GONE;
  if (chaos.happens("staleGone")) return GONE;
  await context.pause(chaos.delayMs("reorderPostsMs"));
  if (!context.registry.has(connection)) return GONE;
  const { socket } = connection;
  if (socket === undefined || socket.readyState !== socket.OPEN) return GONE;
  if (socket.bufferedAmount > MAX_CLIENT_BUFFER_BYTES) return LIMIT_EXCEEDED;
  connection.active();
  // Always a text frame, an empty one for an empty body: AWS sends what it is given. It is taken once it is in the buffer: whoever waited
  // until it has been written would wait for a client that does not read. One that fails then is as lost as one on its way.
  socket.send(body.toString(), { binary: false }, () => undefined);
  return { status: 200 };
}

function describe(connection: Connection): Answer {
  const { connectedAt, identity } = connection.facts;
  return {
    status: 200,
    body: {
      connectedAt: new Date(connectedAt).toISOString(),
      identity: { sourceIp: identity.sourceIp, userAgent: identity.userAgent ?? "" },
      lastActiveAt: new Date(connection.lastActiveAt).toISOString(),
    },
  };
}

function remove(context: GatewayContext, connection: Connection): Answer {
  endConnection(context, connection, { ...CLOSE.deleted, code: context.behavior.deleteCloseCode });
  return { status: 204 };
}

function report(context: GatewayContext, call: Call, answer: Answer, by: Authorization): void {
  context.emit(call.connectionId, {
    operation: OPERATIONS[call.method],
    functionId: by.allowed ? by.caller.functionId : undefined,
    requestId: by.allowed ? by.requestId : undefined,
    bytes: call.body.length,
    status: answer.status,
    body: call.method === "POST" ? call.body.toString() : undefined,
  });
}

function write(response: ServerResponse, answer: Answer): void {
  const text = answer.body === undefined ? "" : JSON.stringify(answer.body);
  response.writeHead(answer.status, {
    "content-type": "application/json",
    "x-amzn-RequestId": newId(),
    ...(answer.errorType !== undefined && { "x-amzn-ErrorType": answer.errorType }),
    // A 204 has no body and hence no length.
    ...(answer.status !== 204 && { "content-length": Buffer.byteLength(text) }),
  });
  response.end(text);
}

function failure(status: number, errorType: string, message: string): Answer {
  return { status, errorType, body: { message } };
}

function isMethod(method: string | undefined): method is Method {
  return method !== undefined && Object.hasOwn(OPERATIONS, method);
}

/** Decoded path segments, without the empty ones at either end; none if the path cannot be decoded. */
function segments(url: string): string[] {
  try {
    return (url.split("?", 1)[0] ?? "")
      .replace(/^\/|\/$/g, "")
      .split("/")
      .map(decodeURIComponent);
  } catch {
    return [];
  }
}

/** The whole body, or its beginning up to just over the limit; the rest is read and dropped. */
async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue;
    if (bytes <= MAX_MESSAGE_BYTES) chunks.push(chunk);
    bytes += chunk.length;
  }
  return Buffer.concat(chunks);
}
