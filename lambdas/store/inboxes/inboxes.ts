import type { InboxEvent, InboxName, InboxStore, InboxView } from "../../server/ports/inbox.ts";
import { inboxEventKey, inboxPk } from "../keys.ts";
import { toTtl } from "../lifetimes.ts";
import { isWinner, newToken } from "../table/claims.ts";
import { Expression, isLive } from "../table/expression.ts";
import { ITEM_VERSION, type Item, ItemReader } from "../table/item-reader.ts";
import { methodsOf } from "../table/methods.ts";
import type { Table } from "../table/table.ts";

export type InboxEventStore = Pick<
  InboxStore,
  "putInboxEvent" | "readInbox" | "readInboxEvent" | "deleteInboxEvent"
>;
type EventId = Pick<InboxEvent, "nsp" | "inbox" | "key">;

/** The keys of events begin with a digit; what sorts before is no event. */
const FIRST_EVENT_SK = "0";
/** Expired events that one read deletes; more wait for the next one. */
const SWEEP_AT_ONCE = 25;

/** Events that wait for an acknowledgement. */
export function inboxStore(table: Table): InboxEventStore {
  return methodsOf(table, { putInboxEvent, readInbox, readInboxEvent, deleteInboxEvent });
}

/** How an inbox appears in error messages. */
export const inboxSubject = ({ inbox }: InboxName): string =>
  `An event for the inbox ${JSON.stringify(inbox.slice(0, 40))}`;

/** One write. */
async function putInboxEvent(table: Table, event: InboxEvent, expiresAt: number): Promise<boolean> {
  const token = newToken();
  const free = new Expression();
  free.require(free.anyOf(free.absent(["pk"]), free.expired(table.now())));
  const item = {
    ...inboxEventKey(event),
    v: ITEM_VERSION,
    tag: event.tag,
    data: event.data,
    by: token,
    expiresAt: toTtl(expiresAt),
  };
  const written = await table.put(item, inboxSubject(event), free);
  return isWinner(written, token, async () => {
    const found = await table.get(inboxEventKey(event));
    return found && new ItemReader(found).text("by");
  });
}

/**
 * One Query, which reads at most 1 MB; one more for each page of events that have expired, up to 25 of which are deleted (a write
 * each): TTL takes days.
 */
async function readInbox(table: Table, name: InboxName, limit: number): Promise<InboxView> {
  let from = FIRST_EVENT_SK;
  for (;;) {
    const { items, more } = await table.page(inboxPk(name), from, limit);
    const now = table.now();
    const live = items.filter((item) => isLive(new ItemReader(item).number("expiresAt"), now));
    const expired = items.filter((item) => !live.includes(item));
    await sweep(table, name, expired.slice(0, SWEEP_AT_ONCE), now);
    const last = items.at(-1);
    if (live.length > 0 || !more || last === undefined) {
      return { events: live.map((item) => toEvent(name, item)), more };
    }
    // Sorts directly behind it.
    from = `${String(last.sk)} `;
  }
}

function toEvent({ nsp, inbox }: InboxName, item: Item): InboxEvent {
  const read = new ItemReader(item);
  return { nsp, inbox, key: read.text("sk"), tag: read.text("tag"), data: read.text("data") };
}

async function sweep(table: Table, name: InboxName, items: readonly Item[], now: number): Promise<void> {
  await Promise.all(
    items.map((item) => {
      const expired = new Expression();
      expired.require(expired.expired(now));
      const key = { pk: inboxPk(name), sk: String(item.sk) };
      return table.delete(key, "Deleting an expired inbox event", expired);
    }),
  );
}

/** One read. */
async function readInboxEvent(table: Table, event: EventId): Promise<InboxEvent | undefined> {
  const item = await table.get(inboxEventKey(event));
  if (item === undefined || !isLive(new ItemReader(item).number("expiresAt"), table.now())) return undefined;
  return toEvent(event, item);
}

/** One write. */
async function deleteInboxEvent(
  table: Table,
  event: Parameters<InboxStore["deleteInboxEvent"]>[0],
): Promise<void> {
  const same = new Expression();
  if (event.tag !== undefined) same.require(same.equals(["tag"], event.tag));
  await table.delete(inboxEventKey(event), "Deleting an acknowledged inbox event", same);
}
