/**
 * What API Gateway makes of a frame: the form of an SQS SendMessage, by Velocity templates. They hold no line breaks, which would
 * become part of a field, and call no method of strings but `replaceAll`, the one that AWS's own templates call.
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
 */

/**
 * By kind, connection, message, time and frame, with single spaces, which a form writes as "+". The frame is URL-encoded in the body
 * itself, and once more as a part of the form: SQS refuses bodies with control characters, U+FFFE or U+FFFF, and clients may send
 * these. Lambda's side is `toLineMessage`.
 */
const messageBody = (kind: string, id: string, frame: string): string =>
  `MessageBody=${[kind, encoded("$context.connectionId"), encoded(id), "$context.requestTimeEpoch", frame].join("+")}`;

const encoded = (reference: string): string => `$util.urlEncode(${reference})`;

const fields = (group: string, id: string, body: string): string =>
  `&MessageGroupId=${group}&MessageDeduplicationId=${id}&${body}`;

/**
 * Of `$default`. SQS hands out the messages of a group in order, one batch at a time:
 * - `m`, a frame: the group is the connection.
 * - `p`, a pong, which the server needs none of: in a group of its own kind all have one deduplication id, and SQS swallows those
 *   that come within five minutes of one that it took. A group takes 300 sends a second, and the heartbeat's pings are answered in
 *   bursts: hence 64 groups, by a character in the middle of the connection's id. Those in front tell the time, the last ones come
 *   from the host, and many connections share them.
 * - `a`, a client's acknowledgement: in a group beside that of its connection's frames it never waits behind the handler that awaits
 *   it, and keeps its place among the connection's others. Of two with one id the first counts, as on stock.
 *
 * Were a method unknown to API Gateway, its comparison would fail, and the frame would be an `m`. `(?s)`, since a `.` does not match
 * U+2028, which JSON leaves as it is.
 */
export const MESSAGE_TEMPLATE = [
  "Action=SendMessage",
  "#set($frame = $input.body)#set($kind = 'm')",
  "#set($group = $context.connectionId)#set($id = $context.messageId)",
  "#if($frame == '3')",
  "#set($kind = 'p')#set($group = $group.replaceAll('^.{6}(.).*', 'pong-$1'))#set($id = 'pong')",
  "#elseif($frame.replaceAll('(?s)^43.*', '43') == '43')",
  "#set($kind = 'a')#set($group = $group.replaceAll('^', 'ack-'))",
  // No letter may follow, which would be part of its name.
  "#end",
  fields(
    encoded("$group"),
    encoded("$id"),
    messageBody("$kind", "$context.messageId", encoded(encoded("$frame"))),
  ),
].join("");

/** Of `$disconnect`: `d`, behind the frames of its connection. */
export const DISCONNECT_TEMPLATE = [
  "Action=SendMessage",
  fields(
    encoded("$context.connectionId"),
    encoded("$context.requestId"),
    messageBody("d", "$context.requestId", ""),
  ),
].join("");
