/**
 * Hard limits of API Gateway WebSocket APIs.
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
 */

/** A longer frame closes the connection with 1009. Socket.IO clients send every packet as one frame. */
export const MAX_FRAME_BYTES = 32 * 1024;

/** A longer message (the sum of its frames) closes with 1009; a longer post gets 413. */
export const MAX_MESSAGE_BYTES = 128 * 1024;

/** A connection without a message in either direction for this long is closed with 1001. */
export const IDLE_TIMEOUT_MS = 10 * 60_000;

/** Every connection is closed with 1001 at this age. */
export const MAX_CONNECTION_MS = 2 * 60 * 60_000;

/** No integration may take longer; the caller then gets an "Endpoint request timed out" frame. Not raisable. */
export const MAX_INTEGRATION_TIMEOUT_MS = 29_000;

/** Of a Lambda authorizer: what it answers. */
export const MAX_AUTHORIZER_RESULT_BYTES = 8 * 1024;

/** Longer request lines are refused. */
export const MAX_URL_CHARS = 4096;

/** Quota of an account in one Region, raisable on request. */
export const NEW_CONNECTIONS = { ratePerSec: 500, burst: 500 } as const;

/**
 * Requests of every kind, posts included, in one account and Region.
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
 */
export const ACCOUNT_REQUESTS = { ratePerSec: 10_000, burst: 5_000 } as const;

/**
 * What may wait for a slow reader before a post gets 429 ("the client side buffer is full", the service model of
 * PostToConnection says). AWS does not tell the size; this one holds eight of the largest messages.
 */
export const MAX_CLIENT_BUFFER_BYTES = 8 * MAX_MESSAGE_BYTES;

/** Close codes that API Gateway uses, with the reasons seen in captured $disconnect events where there are any. */
export const CLOSE = {
  /** What DeleteConnection does: https://github.com/boto/boto3/issues/3789 shows code and reason. */
  deleted: { code: 1000, reason: "Connection Closed Normally" },
  /** Idle for too long or too old. */
  goingAway: { code: 1001, reason: "Going away" },
  /** RFC 6455, section 7.4.1. */
  badFrame: { code: 1002, reason: "Protocol error" },
  /** @see https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-binary-media-types.html */
  binary: { code: 1003, reason: "Binary frames are not supported" },
  /** RFC 6455, section 7.4.1: text that is no UTF-8. */
  badText: { code: 1007, reason: "Invalid frame payload data" },
  throttled: { code: 1008, reason: "Too many requests" },
  tooBig: { code: 1009, reason: "Message too long" },
  restart: { code: 1012, reason: "Service restart" },
} as const;

/** What a $disconnect event says when the client's close frame had no code, or when there was no close frame at all. */
export const ABSENT_CLOSE_REASONS: Readonly<Record<number, string>> = {
  1005: "Client-side close frame status not set",
};

/** What AWS does not document, or only by hearsay. Applications must work with any value. */
export interface GatewayBehavior {
  /** Milliseconds after the upgrade during which posts still get 410. */
  readonly openDelayMs: number;
  /** Close code of a connection that was deleted through `@connections`. */
  readonly deleteCloseCode: number;
  /** HTTP status of an upgrade whose $connect function failed; reports name 502 and 500. */
  readonly connectFailureStatus: number;
  /** What a two-way route sends when the function's response has no body. An empty frame ends a Socket.IO client. */
  readonly emptyRouteResponse: "nothing" | "empty-frame";
  /** What a client is told when SQS refuses the message that its frame became. An error frame ends a Socket.IO client. */
  readonly refusedSend: "error-frame" | "silence";
}

export const DEFAULT_BEHAVIOR: GatewayBehavior = {
  openDelayMs: 20,
  deleteCloseCode: CLOSE.deleted.code,
  connectFailureStatus: 502,
  emptyRouteResponse: "nothing",
  refusedSend: "error-frame",
};
