import { describeError } from "../../server/common/errors.ts";
import { asInvocation } from "../context.ts";
import { handlePacket, isOver, refuseAfterEnd } from "../message.ts";
import type { LineContext } from "./context.ts";
import { ConnectionFrames } from "./frames.ts";
import { isCounted, type LineMessage, messageIdOf, toLineMessage } from "./messages.ts";
import { RETRY_MS } from "./timing.ts";
import { watchGaps } from "./watches.ts";

/** What Lambda's event source mapping reads: it deletes all other messages of the batch. */
export interface BatchResponse {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

export const batchResponse = (failed: readonly string[]): BatchResponse => ({
  batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })),
});

/**
 * A batch of the queue. Answers go first, side by side, since what waits for them may be in the same batch. Then the connections'
 * frames: those of the first one here, those of each other one in another instance, since un-awaited work and replays allow one
 * connection a process.
 * @param records as they were delivered
 * @param handedOver another instance waits for this one, with messages of its own
 * @returns ids of the messages that have to be delivered again
 */
export async function handleLine(
  context: LineContext,
  records: readonly unknown[],
  { handedOver }: { readonly handedOver: boolean },
): Promise<readonly string[]> {
  const { acks, watches, connections } = sorted(context, records);
  const [own, ...others] = [...connections].map(
    ([connectionId, messages]) => new ConnectionFrames(context, connectionId, inOrder(context, messages)),
  );
  const elsewhere = Promise.all(others.map((frames) => handOver(context, frames)));
  const unanswered = await handleAcks(context, acks);
  const again: LineMessage[] = [...unanswered, ...(await watchGaps(context, watches))];
  if (own) {
    const answered = acks.filter((message) => !unanswered.includes(message));
    const [left] = await Promise.all([own.run(), removeAcks(context, answered)]);
    again.push(...left);
  }
  // Whoever waits for this instance may have to wait for itself: the connection shall not.
  if (own && (handedOver || !(await isSoon(context, elsewhere)))) await own.remove();
  const failed = again.map(({ messageId }) => messageId);
  for (const [index, result] of (await elsewhere).entries()) {
    if (result !== "busy") failed.push(...result);
    else failed.push(...((await others[index]?.run()) ?? []).map(({ messageId }) => messageId));
  }
  return failed;
}

interface Sorted {
  readonly acks: readonly LineMessage[];
  readonly watches: readonly LineMessage[];
  readonly connections: ReadonlyMap<string, readonly LineMessage[]>;
}

function sorted({ server, ports }: LineContext, records: readonly unknown[]): Sorted {
  const acks: LineMessage[] = [];
  const watches: LineMessage[] = [];
  const connections = new Map<string, LineMessage[]>();
  for (const record of records) {
    const message = toLineMessage(record, (frame) => server.codec.takeCount(frame));
    if (!message) {
      ports.log.error(
        "SKY_LINE_UNREADABLE",
        "the queue holds something that API Gateway and Skysocket have not put there: it is deleted",
        { message: messageIdOf(record) },
      );
    } else if (message.kind === "ack" && server.codec.decode(message.body).kind === "ack") {
      acks.push(message);
    } else if (message.kind === "watch") {
      watches.push(message);
    } else if (message.kind !== "pong") {
      const others = connections.get(message.connectionId) ?? [];
      connections.set(message.connectionId, [...others, message]);
    }
  }
  return { acks, watches, connections };
}

/**
 * In the order of the queue; where API Gateway's times tell that its sends have overtaken each other, in theirs. Not those that were
 * delivered before: how far they have come is told by their places in the queue. Those of a client that counts are put in order later.
 */
function inOrder({ ports }: LineContext, messages: readonly LineMessage[]): readonly LineMessage[] {
  const queued = messages.toSorted((a, b) => (a.sequence < b.sequence ? -1 : 1));
  const isContradicted = queued.some((message, i) => i > 0 && message.at < (queued[i - 1]?.at ?? 0));
  if (!isContradicted || queued.some((message) => message.deliveries > 1 || isCounted(message)))
    return queued;
  ports.log.warn(
    "SKY_LINE_OVERTAKEN",
    "a client's messages came into the queue in another order than API Gateway received them: they are run in that of their times",
    { connection: queued[0]?.connectionId, times: queued.map(({ at }) => at) },
  );
  return queued.toSorted((a, b) => a.at - b.at);
}

/**
 * Clients' answers, side by side. No code of the application runs for them.
 * @returns those that have to be delivered again
 */
async function handleAcks(
  context: LineContext,
  acks: readonly LineMessage[],
): Promise<readonly LineMessage[]> {
  if (acks.length === 0) return [];
  const again: LineMessage[] = [];
  const asked = new Set<string>();
  await asInvocation(context, 0, async (invocation) => {
    await Promise.all(
      acks.map(async (message) => {
        try {
          const packet = context.server.codec.decode(message.body);
          if (packet.kind !== "ack") return;
          // Of two answers to one question the first counts, as on stock: side by side either might.
          const question = JSON.stringify([message.connectionId, packet.nsp, packet.ackId]);
          if (asked.has(question)) return;
          asked.add(question);
          const view = await context.ports.store.readConnection(message.connectionId, packet.nsp);
          const { connection } = view;
          if (connection && !isOver(view))
            await handlePacket({ ...context, invocation, connection }, view, packet);
          else await refuseAfterEnd(context, message.connectionId, view, packet);
        } catch (error) {
          context.ports.log.warn(
            "SKY_LINE_RETRIED",
            "a client's answer could not be stored: it is delivered again",
            {
              connection: message.connectionId,
              error: describeError(error),
            },
          );
          again.push(message);
        }
      }),
    );
  });
  if (again.length > 0) await context.line.hide(again, RETRY_MS).catch(() => undefined);
  return again;
}

/**
 * Takes answers out of the queue before the frames of the same batch are done: a handler among these may wait for the next answer of
 * the same client, which is behind them. One request, of batches that hold both. Never rejects.
 */
async function removeAcks({ line, ports }: LineContext, acks: readonly LineMessage[]): Promise<void> {
  if (acks.length === 0) return;
  await line.remove(acks).catch((error: unknown) => {
    ports.log.warn(
      "SKY_LINE_NOT_RELEASED",
      "clients' answers that have been stored could not be taken out of the queue: their next ones wait until the batch is done",
      { error: describeError(error) },
    );
  });
}

/** @returns the ids of those that have to be delivered again; `busy` if no other instance could be had */
async function handOver(
  { line, ports }: LineContext,
  { messages }: ConnectionFrames,
): Promise<readonly string[] | "busy"> {
  try {
    return await line.handOver(messages.map(({ record }) => record));
  } catch (error) {
    ports.log.error(
      "SKY_INVOCATION_FAILED",
      "another instance did not work through a client's messages: they are delivered again",
      {
        error: describeError(error),
      },
    );
    return messages.map(({ messageId }) => messageId);
  }
}

/** Is it over before connections that are done have waited for as long as they would for a handler? */
async function isSoon({ ports, server }: LineContext, work: Promise<unknown>): Promise<boolean> {
  const over = new AbortController();
  const time = ports.clock.sleep(server.options.orderHoldMs, over.signal).then(() => false);
  const soon = await Promise.race([work.then(() => true), time]);
  over.abort();
  return soon;
}
