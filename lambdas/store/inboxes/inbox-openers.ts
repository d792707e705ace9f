import { slotOf } from "../../server/inbox/ids.ts";
import { CONNECTION_LIFE_MS } from "../../server/ports/gateway.ts";
import type {
  InboxDelivery,
  InboxName,
  InboxOpener,
  InboxStore,
  NumberedInbox,
  OpenerChange,
  OpenerState,
} from "../../server/ports/inbox.ts";
import type { SocketKey } from "../../server/ports/sockets.ts";
import { entryName } from "../entry-names.ts";
import { escapeName, inboxPk, OPENER_SK, openerKey, socketKey } from "../keys.ts";
import { connectionTtl } from "../lifetimes.ts";
import { ofSocket, subjectOf } from "../sockets/sockets.ts";
import { newToken } from "../table/claims.ts";
import { Expression, isLive } from "../table/expression.ts";
import { ITEM_VERSION, type Item, ItemReader } from "../table/item-reader.ts";
import { methodsOf } from "../table/methods.ts";
import type { Table } from "../table/table.ts";

export type OpenerStore = Pick<
  InboxStore,
  "putOpener" | "readOpeners" | "readOpener" | "changeOpener" | "deleteOpener" | "noteInbox" | "dropInboxes"
>;

/** Sockets that have an inbox open, and how far each is. */
export function openerStore(table: Table): OpenerStore {
  return methodsOf(table, {
    putOpener,
    readOpeners,
    readOpener,
    changeOpener,
    deleteOpener,
    noteInbox,
    dropInboxes,
  });
}

const subjectOfOpener = ({ id, inbox }: Pick<InboxOpener, "id" | "inbox">): string =>
  `That socket ${id} has the inbox ${JSON.stringify(inbox.slice(0, 40))} open`;

/** One write. */
async function putOpener(
  table: Table,
  opener: Omit<InboxOpener, "version">,
): Promise<InboxOpener | undefined> {
  const version = newToken();
  const later = new Expression();
  later.require(
    later.anyOf(
      later.absent(["pk"]),
      later.below(["at"], opener.connectedAt),
      // Numbers count on one connection: a session that goes on elsewhere begins anew.
      later.allOf(later.atMost(["at"], opener.connectedAt), later.below(["n"], opener.number)),
      later.expired(table.now()),
    ),
  );
  const item = {
    ...openerKey(opener),
    v: ITEM_VERSION,
    id: opener.id,
    conn: opener.connectionId,
    at: opener.connectedAt,
    n: opener.number,
    window: opener.window,
    ...progressOf(opener),
    version,
    expiresAt: connectionTtl(opener.connectedAt + CONNECTION_LIFE_MS),
  };
  const { ok, resent } = await table.put(item, subjectOfOpener(opener), later);
  if (ok) return { ...opener, version };
  return resent ? await ifOurs(table, opener, version) : undefined;
}

/** One Query per begun 1 MB. */
async function readOpeners(table: Table, name: InboxName): Promise<readonly InboxOpener[]> {
  const openers: InboxOpener[] = [];
  for await (const items of table.queryBeginning(inboxPk(name), OPENER_SK)) {
    openers.push(...items.filter((item) => isCurrent(table, item)).map((item) => toOpener(name, item)));
  }
  return openers;
}

/** One read. */
async function readOpener(
  table: Table,
  opener: Pick<InboxOpener, "nsp" | "inbox" | "id">,
): Promise<InboxOpener | undefined> {
  const item = await table.get(openerKey(opener));
  return item && isCurrent(table, item) ? toOpener(opener, item) : undefined;
}

const isCurrent = (table: Table, item: Item): boolean =>
  isLive(new ItemReader(item).number("expiresAt"), table.now());

/** One write. */
async function changeOpener(
  table: Table,
  opener: InboxOpener,
  change: OpenerChange,
): Promise<InboxOpener | undefined> {
  const version = newToken();
  const update = new Expression().set(["version"], version);
  const progress = progressOf(change);
  for (const [name, value] of Object.entries(progress)) update.set([name], value);
  if (progress.last === undefined) update.remove(["last"]);
  update.require(update.live(table.now()), update.equals(["version"], opener.version));
  const { ok, resent } = await table.update(openerKey(opener), subjectOfOpener(opener), update);
  if (!ok) return resent ? await ifOurs(table, opener, version) : undefined;
  const { last: _, ...rest } = opener;
  const { state, sent, last, nextSeq, posting, until } = change;
  return { ...rest, state, sent, ...(last !== undefined && { last }), nextSeq, posting, until, version };
}

/** After a write that was refused, but may have been refused for what its own first sending wrote. */
async function ifOurs(
  table: Table,
  opener: Pick<InboxOpener, "nsp" | "inbox" | "id">,
  version: string,
): Promise<InboxOpener | undefined> {
  const now = await readOpener(table, opener);
  return now?.version === version ? now : undefined;
}

/** One write. */
async function deleteOpener(table: Table, opener: Parameters<InboxStore["deleteOpener"]>[0]): Promise<void> {
  const same = new Expression();
  same.require(same.equals(["conn"], opener.connectionId), same.equals(["n"], opener.number));
  await table.delete(openerKey(opener), subjectOfOpener(opener), same);
}

// ── the socket's row ───────────────────────────────────────────────────────────────────────────────────────────────────

/** One write. Resent and then refused, it says false, and the next reading of the row finds what it has written. */
async function noteInbox(
  table: Table,
  key: SocketKey,
  id: string,
  { seen, number, inbox }: NumberedInbox,
  instead: readonly number[],
): Promise<boolean> {
  const slot = slotOf(number);
  const note = ofSocket(table, id, "open")
    .set(["inboxes", slotEntry(slot)], escapeName(inbox))
    .set(["nextInbox"], number + 1);
  for (const other of instead) if (other !== slot) note.remove(["inboxes", slotEntry(other)]);
  note.require(seen === 0 ? note.absent(["nextInbox"]) : note.equals(["nextInbox"], seen));
  const { ok } = await table.update(socketKey(key), subjectOf(id, key), note);
  return ok;
}

/** One write. */
async function dropInboxes(
  table: Table,
  key: SocketKey,
  id: string,
  slots: readonly number[],
): Promise<void> {
  const drop = ofSocket(table, id);
  for (const slot of slots) drop.remove(["inboxes", slotEntry(slot)]);
  await table.update(socketKey(key), subjectOf(id, key), drop);
}

const slotEntry = (slot: number): string => entryName(String(slot));

// ── items ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Small: it is written once for half a window, and billed by the KB. */
function progressOf({ state, sent, last, nextSeq, posting, until }: OpenerChange) {
  return {
    state,
    sent: sent.map(({ event, seq }) => (seq === undefined ? event : `${event}.${seq.toString(36)}`)),
    ...(last !== undefined && { last }),
    seq: nextSeq,
    posting,
    until,
  };
}

function toOpener({ nsp, inbox }: InboxName, item: Item): InboxOpener {
  const read = new ItemReader(item);
  const last = read.optionalText("last");
  return {
    nsp,
    inbox,
    id: read.text("id"),
    connectionId: read.text("conn"),
    connectedAt: read.number("at"),
    number: read.number("n"),
    window: read.number("window"),
    state: read.known("state", isState),
    sent: read.texts("sent").map(toDelivery),
    ...(last !== undefined && { last }),
    nextSeq: read.number("seq"),
    posting: read.boolean("posting"),
    until: read.number("until"),
    version: read.text("version"),
  };
}

const isState = (value: string): value is OpenerState =>
  value === "live" || value === "draining" || value === "settling";

function toDelivery(text: string): InboxDelivery {
  const [event = "", seq] = text.split(".");
  return seq === undefined ? { event } : { event, seq: Number.parseInt(seq, 36) };
}
