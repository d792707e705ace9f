import type { Json, Store } from "../server/ports.ts";
import { Expression, isLive } from "./expression.ts";
import { ITEM_VERSION, ItemReader } from "./item-reader.ts";
import { answerKey } from "./keys.ts";
import { ANSWER_KEPT_MS, toTtl } from "./lifetimes.ts";
import type { Table } from "./table.ts";

export type AnswerStore = Pick<Store, "putAnswer" | "readAnswer">;

export function answerStore(table: Table): AnswerStore {
  return {
    putAnswer: (socketId, askId, args) => putAnswer(table, socketId, askId, args),
    readAnswer: (socketId, askId) => readAnswer(table, socketId, askId),
  };
}

/** One write. */
async function putAnswer(table: Table, socketId: string, askId: number, args: Json): Promise<void> {
  const now = table.now();
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
