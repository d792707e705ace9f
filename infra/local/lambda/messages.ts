/** What an instance's thread says to the outside. */
import type { LogLine } from "../model.ts";

export type WorkerMessage =
  | { readonly type: "ready" }
  | { readonly type: "succeeded"; readonly payload: string }
  | {
      readonly type: "failed";
      /** The instance dies of it. */
      readonly fatal: boolean;
      readonly errorType: string;
      readonly message: string;
      readonly trace: string;
    }
  | { readonly type: "log"; readonly line: Omit<LogLine, "functionId"> };

/** Narrows what came through the channel. Throws on anything that bootstrap.mjs does not send. */
export function parseMessage(value: unknown): WorkerMessage {
  if (isRecord(value)) {
    const { type, payload, fatal, errorType, message, trace } = value;
    if (type === "ready") return { type };
    if (type === "succeeded" && typeof payload === "string") return { type, payload };
    if (type === "log") return { type, line: parseLine(value) };
    if (
      type === "failed" &&
      typeof fatal === "boolean" &&
      typeof errorType === "string" &&
      typeof message === "string" &&
      typeof trace === "string"
    ) {
      return { type, fatal, errorType, message, trace };
    }
  }
  throw new TypeError(`A function's thread sent something unknown: ${JSON.stringify(value)}`);
}

function parseLine(value: Record<string, unknown>): Omit<LogLine, "functionId"> {
  const { at, requestId, level, text } = value;
  if (typeof at === "number" && typeof requestId === "string" && isLevel(level) && typeof text === "string") {
    return { at, requestId, level, text };
  }
  throw new TypeError(`A function's thread sent an unknown log line: ${JSON.stringify(value)}`);
}

function isLevel(value: unknown): value is LogLine["level"] {
  return value === "debug" || value === "info" || value === "warn" || value === "error";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
