import type { IncomingMessage } from "node:http";
import { newId, newTraceId } from "./ids.ts";

/**
 * The events that API Gateway hands to a Lambda proxy integration, key for key and in the order of captured ones. What
 * is not there is as important as what is: a MESSAGE has no headers and no query, so that an application which needs
 * them later must keep them at CONNECT.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
 */

/** What all events of one connection say about it. */
export interface ConnectionFacts {
  readonly connectionId: string;
  readonly apiId: string;
  readonly stage: string;
  readonly domainName: string;
  /** Milliseconds since the epoch. */
  readonly connectedAt: number;
  readonly identity: { readonly userAgent?: string; readonly sourceIp: string };
  /** What an authorizer said of the client, if there is one. */
  readonly authorizer?: Readonly<Record<string, string | number>>;
}

type EventType = "CONNECT" | "MESSAGE" | "DISCONNECT";

interface ContextExtras {
  readonly routeKey: string;
  readonly eventType: EventType;
  readonly [key: string]: unknown;
}

/** Hop-by-hop headers reach an authorizer, but not the integration. */
const HOP_BY_HOP = new Set(["connection", "upgrade"]);

/** What an integration is handed. */
export type RouteEvent = Readonly<Record<string, unknown>> & {
  readonly requestContext: RequestContext;
  readonly body?: string;
};

export function connectEvent(facts: ConnectionFacts, request: IncomingMessage): RouteEvent {
  const headers = headersOf(facts, request);
  for (const name of headers.keys()) if (HOP_BY_HOP.has(name.toLowerCase())) headers.delete(name);
  return {
    headers: lastValues(headers),
    multiValueHeaders: Object.fromEntries(headers),
    ...queryOf(request),
    requestContext: requestContext(facts, { routeKey: "$connect", eventType: "CONNECT" }),
    isBase64Encoded: false,
  };
}

/** @see https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html */
export function authorizerEvent(
  facts: ConnectionFacts,
  request: IncomingMessage,
  methodArn: string,
): Record<string, unknown> {
  const headers = headersOf(facts, request);
  return {
    type: "REQUEST",
    methodArn,
    headers: lastValues(headers),
    multiValueHeaders: Object.fromEntries(headers),
    // Empty where there is no query: the documentation shows them, and never that they are absent.
    queryStringParameters: {},
    multiValueQueryStringParameters: {},
    ...queryOf(request),
    stageVariables: {},
    requestContext: requestContext(facts, { routeKey: "$connect", eventType: "CONNECT" }),
  };
}

export function messageEvent(facts: ConnectionFacts, routeKey: string, body: string): RouteEvent {
  return {
    requestContext: requestContext(facts, { routeKey, messageId: newId(), eventType: "MESSAGE" }),
    body,
    isBase64Encoded: false,
  };
}

export function disconnectEvent(facts: ConnectionFacts, code: number, reason: string): RouteEvent {
  const headers = { Host: facts.domainName, "x-api-key": "", "X-Forwarded-For": "", "x-restapi": "" };
  return {
    headers,
    multiValueHeaders: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
    requestContext: requestContext(facts, {
      routeKey: "$disconnect",
      disconnectStatusCode: code,
      eventType: "DISCONNECT",
      disconnectReason: reason,
    }),
    isBase64Encoded: false,
  };
}

/** `19/Feb/2024:07:11:42 +0000`, the Common Log Format in UTC. */
export function requestTime(epochMs: number): string {
  const [, day, month, year, time] = new Date(epochMs).toUTCString().split(" ");
  return `${day}/${month}/${year}:${time} +0000`;
}

interface RequestContext extends Record<string, unknown> {
  readonly requestId: string;
}

function requestContext(facts: ConnectionFacts, extras: ContextExtras): RequestContext {
  // One id under two names, in the documentation as in every capture.
  const requestId = newId();
  const now = Date.now();
  return {
    ...extras,
    extendedRequestId: requestId,
    requestTime: requestTime(now),
    messageDirection: "IN",
    stage: facts.stage,
    connectedAt: facts.connectedAt,
    requestTimeEpoch: now,
    identity: facts.identity,
    requestId,
    domainName: facts.domainName,
    connectionId: facts.connectionId,
    apiId: facts.apiId,
    ...(facts.authorizer && { authorizer: facts.authorizer }),
  };
}

/** Headers under the names that the client wrote: API Gateway keeps their case. */
function headersOf(facts: ConnectionFacts, request: IncomingMessage): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  const add = (name: string, value: string) => headers.set(name, [...(headers.get(name) ?? []), value]);
  const names = new Map<string, string>();
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
    const written = request.rawHeaders[i] ?? "";
    const lower = written.toLowerCase();
    const name = names.get(lower) ?? written;
    names.set(lower, name);
    add(name, request.rawHeaders[i + 1] ?? "");
  }
  const proxied: Record<string, string> = {
    "X-Amzn-Trace-Id": newTraceId(facts.connectedAt),
    "X-Forwarded-For": facts.identity.sourceIp,
    "X-Forwarded-Port": String(request.socket.localPort ?? 443),
    "X-Forwarded-Proto": "http",
  };
  for (const [name, value] of Object.entries(proxied)) headers.set(name, [value]);
  return headers;
}

/** Both keys are absent when there is no query. */
function queryOf(request: IncomingMessage): Record<string, unknown> {
  const query = new URL(request.url ?? "/", "http://local").searchParams;
  if (query.size === 0) return {};
  const values = new Map([...query.keys()].map((name) => [name, query.getAll(name)]));
  return {
    queryStringParameters: lastValues(values),
    multiValueQueryStringParameters: Object.fromEntries(values),
  };
}

/** A repeated name keeps its last value in the single-value map. */
function lastValues(values: ReadonlyMap<string, readonly string[]>): Record<string, string> {
  return Object.fromEntries([...values].map(([name, all]) => [name, all.at(-1) ?? ""]));
}
