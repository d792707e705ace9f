import { describeError, isUnreadable } from "../../server/common/errors.ts";
import type { LineContext } from "./context.ts";
import type { LineMessage } from "./messages.ts";
import { RETRY_MS } from "./timing.ts";

/** Puts a message aside that two instances have died of, or stood still with. */
export async function giveUp({ ports, line }: LineContext, message: LineMessage): Promise<void> {
  const { connectionId, id, body, deliveries } = message;
  ports.log.error(
    "SKY_EVENT_CRASHED",
    "an event was given up: it has been begun twice, and its instance died or stood still both times. It is in the queue of dead letters.",
    { connection: connectionId, message: id, deliveries },
  );
  await line.bury({ connectionId, id, body });
}

export function logFailed(
  { ports }: LineContext,
  connection: string,
  error: unknown,
  message: LineMessage | undefined,
): void {
  ports.log.error("SKY_INVOCATION_FAILED", "handling a message of the queue failed", {
    connection,
    ...(message && { message: message.id }),
    error: describeError(error),
  });
}

/**
 * Messages of which nothing has been shown to the application come again. Where the connection's rows cannot be read they never can
 * be handled: it is closed.
 * @returns whether they come again. Never rejects
 */
export async function retryLater(
  context: LineContext,
  connection: string,
  error: unknown,
  messages: readonly LineMessage[],
): Promise<boolean> {
  const { ports, line } = context;
  if (messages.length === 0) {
    logFailed(context, connection, error, undefined);
    return true;
  }
  if (isUnreadable(error)) {
    // On a new connection the client can be handled. Its $disconnect clears what there is of this one.
    logFailed(context, connection, error, messages[0]);
    const closed = ports.gateway.close(connection);
    await closed.catch((failed: unknown) => logFailed(context, connection, failed, undefined));
    return false;
  }
  ports.log.warn(
    "SKY_LINE_RETRIED",
    `${messages.length} events of a client could not be begun: they are delivered again in a second`,
    { connection, error: describeError(error) },
  );
  // Else they come when nobody is expected to work on them any more.
  const hidden = messages.filter(({ receipt }) => receipt !== "");
  await line.hide(hidden, RETRY_MS).catch(() => undefined);
  return true;
}
