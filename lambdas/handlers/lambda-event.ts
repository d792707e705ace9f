import { randomUUID } from "node:crypto";
import { isDisconnectReason } from "../server/common/disconnect-reason.ts";
import { isRecord } from "../server/common/is-record.ts";
import { isOffset } from "../server/common/offsets.ts";
import type { EndTarget, Task } from "../server/ports/tasks.ts";
import { recordsOf } from "./line/messages.ts";

/**
 * What the socket function is invoked with, narrowed from what API Gateway or our own async invoke delivers. Shapes as
 * captured from API Gateway: a MESSAGE has no headers and no query, those come with CONNECT only.
 */
export type LambdaEvent =
  | {
      readonly kind: "connect";
      readonly connectionId: string;
      readonly connectedAt: number;
      readonly stage: string;
      readonly sourceIp: string;
      /** Lower-case names: with a multi-level custom domain mapping API Gateway lower-cases them, else it does not. */
      readonly headers: ReadonlyMap<string, string>;
      readonly query: Readonly<Record<string, string | string[]>>;
    }
  | (Frame & { readonly kind: "message"; readonly connectionId: string })
  | { readonly kind: "disconnect"; readonly connectionId: string; readonly code: number | undefined }
  | { readonly kind: "task"; readonly task: Task }
  /** Messages of the queue, as they were delivered: by Lambda, or by an instance that got messages of several connections. */
  | { readonly kind: "line"; readonly records: readonly unknown[]; readonly handedOver: boolean };

/** A client's WebSocket frame, and what API Gateway says of it. */
export interface Frame {
  readonly body: string;
  /** API Gateway's id of the message. */
  readonly id: string;
  /** Milliseconds since the epoch: when API Gateway received it. */
  readonly at: number;
}

/** Undefined for anything that is neither. */
export function toLambdaEvent(event: unknown): LambdaEvent | undefined {
  if (!isRecord(event)) return undefined;
  const task = toTask(event);
  if (task) return { kind: "task", task };
  const records = recordsOf(event);
  if (records) return { kind: "line", records, handedOver: event.task === "line" };
  const context = event.requestContext;
  if (!isRecord(context)) return undefined;
  const connectionId = text(context.connectionId);
  if (connectionId === undefined) return undefined;
  switch (context.eventType) {
    case "CONNECT":
      return toConnect(event, context, connectionId);
    case "MESSAGE":
      return { kind: "message", connectionId, ...frameOf(event, context) };
    case "DISCONNECT":
      return { kind: "disconnect", connectionId, code: number(context.disconnectStatusCode) };
    default:
      return undefined;
  }
}

function toConnect(
  event: Record<string, unknown>,
  context: Record<string, unknown>,
  connectionId: string,
): LambdaEvent {
  const identity = isRecord(context.identity) ? context.identity : {};
  return {
    kind: "connect",
    connectionId,
    connectedAt: number(context.connectedAt) ?? Date.now(),
    stage: text(context.stage) ?? "",
    sourceIp: text(identity.sourceIp) ?? "",
    headers: lowerCase(event.headers),
    query: queryOf(event.multiValueQueryStringParameters),
  };
}

function frameOf(event: Record<string, unknown>, context: Record<string, unknown>): Frame {
  return {
    body: bodyOf(event),
    id: text(context.messageId) ?? text(context.requestId) ?? randomUUID(),
    at: number(context.requestTimeEpoch) ?? Date.now(),
  };
}

function bodyOf(event: Record<string, unknown>): string {
  const body = text(event.body) ?? "";
  return event.isBase64Encoded === true ? Buffer.from(body, "base64").toString() : body;
}

function lowerCase(headers: unknown): ReadonlyMap<string, string> {
  const entries = isRecord(headers) ? Object.entries(headers) : [];
  return new Map(
    entries.flatMap(([name, value]) => (typeof value === "string" ? [[name.toLowerCase(), value]] : [])),
  );
}

/** A parameter that was given several times is a list. */
function queryOf(parameters: unknown): Record<string, string | string[]> {
  const entries = isRecord(parameters) ? Object.entries(parameters) : [];
  return Object.fromEntries(
    entries.map(([name, values]) => {
      const list = Array.isArray(values) ? values.map(String) : [String(values)];
      return [name, list.length === 1 ? (list[0] ?? "") : list];
    }),
  );
}

function toTask(event: Record<string, unknown>): Task | undefined {
  switch (event.task) {
    case "open":
      return toOpenTask(event);
    case "end": {
      const { targets, hops } = event;
      if (!Array.isArray(targets) || !targets.every(isEndTarget)) return undefined;
      const reason = text(event.reason) ?? "";
      return {
        task: "end",
        targets,
        reason: isDisconnectReason(reason) ? reason : "transport close",
        hops: number(hops) ?? 0,
      };
    }
    case "resume":
      return toResumeTask(event);
    case "disconnect":
      return toDisconnectTask(event);
    default:
      return undefined;
  }
}

function toOpenTask(event: Record<string, unknown>): Task | undefined {
  const [connectionId, sid] = [text(event.connectionId), text(event.sid)];
  const [turn, since] = [number(event.turn), number(event.since)];
  if (connectionId === undefined || sid === undefined) return undefined;
  const waits = { ...(turn !== undefined && { turn }), ...(since !== undefined && { since }) };
  return { task: "open", connectionId, sid, ...waits };
}

function toResumeTask(event: Record<string, unknown>): Task | undefined {
  const [connectionId, nsp, pid] = [text(event.connectionId), text(event.nsp), text(event.pid)];
  const [until, was] = [number(event.until), number(event.was)];
  const { after, posted } = event;
  if (connectionId === undefined || nsp === undefined || pid === undefined) return undefined;
  if (until === undefined || was === undefined) return undefined;
  if (!isOptionalOffset(after) || !Array.isArray(posted) || !posted.every(isOffset)) return undefined;
  return {
    ...{ task: "resume", connectionId, nsp, pid, until, was, posted },
    ...(after !== undefined && { after }),
  };
}

function toDisconnectTask(event: Record<string, unknown>): Task | undefined {
  const { rooms, except, close, at } = event;
  const nsp = text(event.nsp);
  if (nsp === undefined || !isOffset(at) || typeof close !== "boolean") return undefined;
  if (!isTexts(rooms) || !isTexts(except)) return undefined;
  return { task: "disconnect", nsp, rooms, except, close, at };
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((one) => typeof one === "string");

const isOptionalOffset = (value: unknown): value is string | undefined =>
  value === undefined || isOffset(value);

export const isEndTarget = (value: unknown): value is EndTarget =>
  isRecord(value) &&
  typeof value.connectionId === "string" &&
  Array.isArray(value.members) &&
  value.members.every(
    (one: unknown) =>
      isRecord(one) &&
      typeof one.nsp === "string" &&
      typeof one.id === "string" &&
      (one.room === null || typeof one.room === "string"),
  );

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
const number = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);
