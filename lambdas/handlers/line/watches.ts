import { randomUUID } from "node:crypto";
import { describeError } from "../../server/common/errors.ts";
import type { LineContext } from "./context.ts";
import { gapBody, type LineMessage } from "./messages.ts";
import { GAP_MS, RETRY_MS } from "./timing.ts";

/**
 * Gaps in what clients have counted. The first time such a message is delivered it is hidden for as long as a gap may stay open. The
 * second time its connection gets one in its line: when that is delivered, everything has been that the queue had of the connection
 * until then, also where the line stood still for longer. No instance waits, and none has to live for it.
 * @returns those that have to be delivered again. Never rejects
 */
export async function watchGaps(
  { line, ports }: LineContext,
  watches: readonly LineMessage[],
): Promise<readonly LineMessage[]> {
  const begun = watches.filter(({ deliveries }) => deliveries === 1);
  if (begun.length > 0) await line.hide(begun, GAP_MS).catch(() => undefined);
  const failed: LineMessage[] = [];
  await Promise.all(
    watches.map(async (message) => {
      if (begun.includes(message)) return;
      const { connectionId } = message;
      const id = randomUUID();
      try {
        await line.send({ connectionId, id, body: gapBody(connectionId, id, ports.clock.now()) });
      } catch (error) {
        failed.push(message);
        ports.log.warn(
          "SKY_LINE_RETRIED",
          "a gap in what a client has sent could not be looked at: it is tried again",
          {
            connection: connectionId,
            error: describeError(error),
          },
        );
      }
    }),
  );
  if (failed.length > 0) await line.hide(failed, RETRY_MS).catch(() => undefined);
  return [...begun, ...failed];
}
