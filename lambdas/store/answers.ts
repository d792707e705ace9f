import type { Json, SocketRecord } from "../server/ports/sockets.ts";
import type { Store } from "../server/ports/store.ts";
import { answerKey, askKey } from "./keys.ts";
import { ANSWER_KEPT_MS, toTtl } from "./lifetimes.ts";
import { Expression, isLive } from "./table/expression.ts";
import { ITEM_VERSION, ItemReader } from "./table/item-reader.ts";
import { methodsOf } from "./table/methods.ts";
import type { Table } from "./table/table.ts";

export type AnswerStore = Pick<Store, "putAsk" | "putAnswer" | "readAnswer">;

export function answerStore(table: Table): AnswerStore {
  return methodsOf(table, { putAsk, putAnswer, readAnswer });
}

/** One write. Two asks of a namespace that have one id by chance are one note, which is no harm: answers are told apart by socket. */
async function putAsk(table: Table, nsp: string, askId: number, until: number): Promise<void> {
  const item = { ...askKey(nsp, askId), v: ITEM_VERSION, expiresAt: toTtl(until) };
  await table.put(item, `A question in namespace ${JSON.stringify(nsp.slice(0, 40))}`);
}

/**
 * One BatchGetItem, and one write if the answer is taken. A client can send acknowledgements without end, of 32 KB each, and a
 * write that is refused by its condition is billed by the size of what it would have written: 31 units, where looking first is
 * two read units, which are a fifteenth of the price of one of those.
 */
async function putAnswer(
  table: Table,
  { nsp, id: socketId }: Pick<SocketRecord, "nsp" | "id">,
  askId: number,
  args: Json,
): Promise<void> {
  const now = table.now();
  const found = await table.getMany([askKey(nsp, askId), answerKey(socketId, askId)]);
  const live = found.filter((item) => isLive(new ItemReader(item).number("expiresAt"), now));
  if (live.length !== 1 || live[0]?.pk !== askKey(nsp, askId).pk) return; // not asked, or answered
  const first = new Expression();
  first.require(first.anyOf(first.absent(["pk"]), first.expired(now)));
  const item = {
    ...answerKey(socketId, askId),
    v: ITEM_VERSION,
    args,
    expiresAt: toTtl(now + ANSWER_KEPT_MS),
  };
  await table.put(item, `The answer of socket ${socketId}`, first);
}

/** One read. */
async function readAnswer(table: Table, socketId: string, askId: number): Promise<Json | undefined> {
  const item = await table.get(answerKey(socketId, askId));
  if (item === undefined) return undefined;
  const read = new ItemReader(item);
  return isLive(read.number("expiresAt"), table.now()) ? read.text("args") : undefined;
}
