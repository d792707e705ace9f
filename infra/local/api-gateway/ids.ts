import { randomBytes } from "node:crypto";

/** Eleven bytes make the fifteen characters and one `=` of the ids in captured events, such as `TXzPWdnOjoECGjA=`. */
const ID_BYTES = 11;

/** A fresh id in the shape that API Gateway gives connections, requests and messages. */
export function newId(): string {
  return `${randomBytes(ID_BYTES).toString("base64url")}=`;
}

/**
 * Whether a text could be a connection id. AWS answers 400 to a malformed id but 410 to a well-formed unknown one
 * (https://github.com/localstack/localstack/issues/4694); older captures have ids of twelve characters.
 */
export function isConnectionId(text: string): boolean {
  return /^[A-Za-z0-9_-]{11,15}=$/.test(text);
}

/** `Root=1-<seconds in hex>-<96 random bits>`, as API Gateway sets the X-Amzn-Trace-Id header. */
export function newTraceId(nowMs: number): string {
  return `Root=1-${Math.floor(nowMs / 1000).toString(16)}-${randomBytes(12).toString("hex")}`;
}
