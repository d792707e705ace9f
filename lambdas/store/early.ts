import type { EarlyFrame } from "../server/ports/early.ts";
import type { Store } from "../server/ports/store.ts";
import { earlyKey, earlyPk } from "./keys.ts";
import { LINE_KEPT_MS, toTtl } from "./lifetimes.ts";
import { isLive } from "./table/expression.ts";
import { ITEM_VERSION, ItemReader } from "./table/item-reader.ts";
import { methodsOf } from "./table/methods.ts";
import type { Table } from "./table/table.ts";

export type EarlyStore = Pick<Store, "putEarly" | "readEarly" | "deleteEarly">;

/** Frames that came before others that were sent earlier. */
export function earlyStore(table: Table): EarlyStore {
  return methodsOf(table, { putEarly, readEarly, deleteEarly });
}

/** One write each, at once. Put twice, one is the same item. */
async function putEarly(table: Table, frames: readonly EarlyFrame[]): Promise<void> {
  const expiresAt = toTtl(table.now() + LINE_KEPT_MS);
  await Promise.all(
    frames.map(({ id, at, body, ...frame }) =>
      table.put(
        { ...earlyKey(frame), v: ITEM_VERSION, count: frame.count, id, at, body, expiresAt },
        `A frame of connection ${frame.connectionId} that came early`,
      ),
    ),
  );
}

/** One Query for each MB. */
async function readEarly(table: Table, connectionId: string): Promise<readonly EarlyFrame[]> {
  const frames: EarlyFrame[] = [];
  for await (const page of table.query(earlyPk(connectionId))) {
    for (const item of page) {
      const read = new ItemReader(item);
      if (!isLive(read.number("expiresAt"), table.now())) continue;
      const [count, id, at] = [read.number("count"), read.text("id"), read.number("at")];
      frames.push({ connectionId, count, id, at, body: read.text("body") });
    }
  }
  return frames;
}

/** One write each, at once. */
async function deleteEarly(
  table: Table,
  frames: readonly Pick<EarlyFrame, "connectionId" | "count">[],
): Promise<void> {
  await Promise.all(frames.map((frame) => table.delete(earlyKey(frame), "Deleting a frame that came early")));
}
