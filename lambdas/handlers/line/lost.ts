import { describeError } from "../../server/common/errors.ts";
import type { LineContext } from "./context.ts";
import type { LineMessage } from "./messages.ts";

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
