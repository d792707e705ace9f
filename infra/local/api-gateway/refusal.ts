import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { newId } from "./ids.ts";

/** An upgrade that is not to be, as the client sees it. */
export interface Refusal {
  readonly status: number;
  readonly errorType: string;
  readonly message: string;
}

/** Answers an upgrade request with a status instead. */
export function refuse(socket: Duplex, refusal: Refusal): void {
  const { status, errorType, message } = refusal;
  const body = message === "" ? "" : JSON.stringify({ message, connectionId: newId(), requestId: newId() });
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Unknown"}`,
    "Connection: close",
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(errorType === "" ? [] : [`x-amzn-ErrorType: ${errorType}`]),
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
}
