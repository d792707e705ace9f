/**
 * Largest text API Gateway accepts for one @connections post, in bytes of UTF-8. A larger one is answered 413.
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
 */
export const MAX_POST_BYTES = 128 * 1024;

/** Largest frame API Gateway accepts from a client, in bytes; a larger one closes the connection with 1009 (same page). */
export const MAX_CLIENT_FRAME_BYTES = 32 * 1024;

/** Attachments of one packet that the JavaScript decoder accepts (`maxAttachments` of socket.io-parser). */
export const MAX_ATTACHMENTS = 10;
