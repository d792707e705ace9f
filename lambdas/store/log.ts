import type { Leaver, LogEnd, LogRow, RoomName } from "../server/ports/rooms.ts";
import { EVERYONE } from "../server/ports/rooms.ts";
import type { Store } from "../server/ports/store.ts";
import { leaverItem } from "./items.ts";
import { escapeName, LEAVERS_NOTED_SK, logIdOf, logKey, logPk, logRange, unescapeName } from "./keys.ts";
import { LEAVERS_KEPT_MS, toTtl } from "./lifetimes.ts";
import { ItemTooLargeError } from "./table/errors.ts";
import { Expression, isLive } from "./table/expression.ts";
import { ITEM_VERSION, type Item, ItemReader } from "./table/item-reader.ts";
import { methodsOf } from "./table/methods.ts";
import type { Table } from "./table/table.ts";

export type LogStore = Pick<Store, "putLog" | "finishLog" | "listLog" | "readLogEnd" | "putLeaver">;

/** Readers merge the logs of many rooms and hold a page of each. */
export const LOG_PAGE_SIZE = 100;

/** What rooms were sent, as long as a session can have missed it. */
export function logStore(table: Table): LogStore {
  return {
    ...methodsOf(table, { putLog, finishLog, readLogEnd, putLeaver }),
    listLog: (nsp, room, from, to) => listLog(table, nsp, room, { from, to }),
  };
}

function subjectOf({ nsp, room }: Pick<LogRow, "nsp" | "room">): string {
  const whom = room === EVERYONE ? "everyone" : `room ${JSON.stringify(room.slice(0, 40))}`;
  return `A packet to ${whom} in namespace ${JSON.stringify(nsp.slice(0, 40))}`;
}

/**
 * One write. A row that is there is this very one: a sending that was given up may arrive when its packet has been posted and
 * finished, and must not take that back.
 */
async function putLog(
  table: Table,
  { nsp, room, id, frames, except }: Parameters<Store["putLog"]>[0],
  expiresAt: number,
): Promise<void> {
  const first = new Expression();
  first.require(first.absent(["pk"]));
  const item: Item = {
    ...logKey({ nsp, room, id }),
    v: ITEM_VERSION,
    frames: [...frames],
    ...(except.length > 0 && { except: except.map(escapeName) }),
    expiresAt: toTtl(expiresAt),
  };
  await table.put(item, subjectOf({ nsp, room }), first);
}

/** One write. */
async function finishLog(
  table: Table,
  { nsp, room, id, done, missed }: Parameters<Store["finishLog"]>[0],
): Promise<void> {
  const finish = new Expression().set(["done"], done);
  if (missed.length > 0) finish.set(["missed"], missed.map(escapeName));
  finish.require(finish.live(table.now()));
  try {
    await table.update(logKey({ nsp, room, id }), subjectOf({ nsp, room }), finish);
  } catch (error) {
    // The packet fits into an item, but not together with those who missed it. All has been sent: the row stays as if its
    // emitter had died, and whoever resumes gets it, some for the second time.
    if (!(error instanceof ItemTooLargeError)) throw error;
  }
}

/** One Query for each page of 100 packets or 1 MB, when the reader asks for it. Empty pages are left out. */
async function* listLog(
  table: Table,
  nsp: string,
  room: RoomName,
  { from, to }: { readonly from: string; readonly to: string | undefined },
): AsyncGenerator<readonly LogRow[]> {
  const range = logRange(from, to);
  if (range.to < range.from) return;
  for await (const items of table.queryRange(logPk(nsp, room), { ...range, pageSize: LOG_PAGE_SIZE })) {
    const now = table.now();
    const rows = items
      .map((item) => ({ item, read: new ItemReader(item) }))
      .filter(({ read }) => isLive(read.number("expiresAt"), now))
      .map(({ item, read }) => toLogRow(nsp, room, item, read));
    if (rows.length > 0) yield rows;
  }
}

/** One Query for each page of 100 packets or 1 MB. */
async function readLogEnd(table: Table, nsp: string, room: RoomName, from: string): Promise<LogEnd> {
  let last: string | undefined;
  let notesLeavers = false;
  const range = { from: escapeName(from), pageSize: LOG_PAGE_SIZE };
  for await (const items of table.queryRange(logPk(nsp, room), range)) {
    for (const item of items) {
      const read = new ItemReader(item);
      if (!isLive(read.number("expiresAt"), table.now())) continue;
      const sk = read.text("sk");
      if (sk === LEAVERS_NOTED_SK) notesLeavers = true;
      else last = logIdOf(sk);
    }
  }
  return { ...(last !== undefined && { last }), notesLeavers };
}

/** One write. Sent twice, it is the same item. */
async function putLeaver(table: Table, leaver: Leaver): Promise<void> {
  await table.put(
    leaverItem(leaver, toTtl(table.now() + LEAVERS_KEPT_MS)),
    `The leave of socket ${leaver.id}`,
  );
}

function toLogRow(nsp: string, room: RoomName, item: Item, read: ItemReader): LogRow {
  const done = read.optionalNumber("done");
  const names = (attribute: string) =>
    item[attribute] === undefined ? [] : read.texts(attribute).map(unescapeName);
  return {
    nsp,
    room,
    id: logIdOf(read.text("sk")),
    frames: read.texts("frames"),
    except: names("except"),
    ...(done === undefined ? {} : { done }),
    missed: names("missed"),
    ...(item.fannedOut === true && { fannedOut: true }),
  };
}
