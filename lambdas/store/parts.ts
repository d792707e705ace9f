import type { Part, PartId } from "../server/ports/parts.ts";
import type { Store } from "../server/ports/store.ts";
import { partKey, partsPk, REFUSAL_SK, refusalKey } from "./keys.ts";
import { LINE_KEPT_MS, PART_KEPT_MS, REFUSAL_KEPT_MS, toTtl } from "./lifetimes.ts";
import { isWinner, newToken } from "./table/claims.ts";
import { Expression, isLive } from "./table/expression.ts";
import { ITEM_VERSION, type Item, ItemReader } from "./table/item-reader.ts";
import { methodsOf } from "./table/methods.ts";
import type { Table } from "./table/table.ts";

export type PartStore = Pick<Store, "putPart" | "readParts" | "claimPacket" | "deleteParts" | "claimRefusal">;
type PendingPart = Parameters<Store["putPart"]>[0];

/** Expired parts that one read deletes; more wait for the next one. */
const SWEEP_AT_ONCE = 25;

/** Frames of packets with attachments, until their packets are whole. */
export function partStore(table: Table): PartStore {
  return methodsOf(table, { putPart, readParts, claimPacket, deleteParts, claimRefusal });
}

/** One write. Conditional, or a frame that is handed over twice would undo that its packet is done. */
async function putPart(table: Table, part: PendingPart, { inLine } = { inLine: false }): Promise<void> {
  const now = table.now();
  const first = new Expression();
  first.require(first.anyOf(first.absent(["pk"]), first.expired(now)));
  await table.put(
    partItem(part, now + (inLine ? LINE_KEPT_MS : PART_KEPT_MS)),
    `A binary frame of connection ${part.connectionId}`,
    first,
  );
}

function partItem(part: PendingPart, until: number): Item {
  return {
    ...partKey(part),
    v: ITEM_VERSION,
    id: part.id,
    at: part.at,
    ...(part.kind === "header" ? { text: part.text, n: part.attachments } : bytesOf(part.bytes)),
    expiresAt: toTtl(until),
  };
}

/** Not every engine takes empty binary values. */
const bytesOf = (bytes: Uint8Array): Item => (bytes.length > 0 ? { bytes } : { empty: true });

/**
 * One Query. Rows that have expired are deleted, one write each: TTL would leave them for days, and a client that sends binary
 * all the time would read all of its last days at each event.
 */
async function readParts(table: Table, connectionId: string): Promise<readonly Part[]> {
  const items: Item[] = [];
  for await (const page of table.query(partsPk(connectionId))) items.push(...page);
  const now = table.now();
  const live: Part[] = [];
  const expired: PartId[] = [];
  for (const item of items.filter(({ sk }) => sk !== REFUSAL_SK)) {
    const read = new ItemReader(item);
    const part = toPart(item, read, connectionId);
    if (isLive(read.number("expiresAt"), now)) live.push(part);
    else expired.push(part);
  }
  await deleteExpired(table, expired.slice(0, SWEEP_AT_ONCE), now);
  return live;
}

function toPart(item: Item, read: ItemReader, connectionId: string): Part {
  const part = { connectionId, id: read.text("id"), at: read.number("at") };
  if (item.until !== undefined) {
    return { ...part, kind: "done", until: read.number("until"), taken: read.texts("taken") };
  }
  if (item.empty === true) return { ...part, kind: "attachment", bytes: new Uint8Array() };
  if (item.bytes instanceof Uint8Array) return { ...part, kind: "attachment", bytes: item.bytes };
  return { ...part, kind: "header", text: read.text("text"), attachments: read.number("n") };
}

/** One write. */
async function claimPacket(
  table: Table,
  header: PartId,
  { until, taken }: { readonly until: number; readonly taken: readonly string[] },
): Promise<boolean> {
  const token = newToken();
  const now = table.now();
  const claim = new Expression()
    .set(["until"], until)
    .set(["taken"], taken)
    .set(["doneBy"], token)
    .set(["expiresAt"], toTtl(now + PART_KEPT_MS))
    .remove(["text"])
    .remove(["n"]);
  claim.require(claim.live(now), claim.absent(["until"]), claim.absent(["bytes"]), claim.absent(["empty"]));
  const subject = `Putting a packet of connection ${header.connectionId} together`;
  const written = await table.update(partKey(header), subject, claim);
  return isWinner(written, token, () => readText(table, header, "doneBy"));
}

async function readText(table: Table, part: PartId, name: string): Promise<string | undefined> {
  const item = await table.get(partKey(part));
  return item === undefined ? undefined : new ItemReader(item).optionalText(name);
}

/** One write each, at once. */
async function deleteParts(table: Table, parts: readonly PartId[]): Promise<void> {
  await Promise.all(parts.map((part) => table.delete(partKey(part), "Deleting a binary frame")));
}

/** On condition that they still are: a frame may be put again under the key of an expired one. */
async function deleteExpired(table: Table, parts: readonly PartId[], now: number): Promise<void> {
  await Promise.all(
    parts.map((part) => {
      const expired = new Expression();
      expired.require(expired.expired(now));
      return table.delete(partKey(part), "Deleting an expired binary frame", expired);
    }),
  );
}

/** One write. */
async function claimRefusal(table: Table, connectionId: string): Promise<boolean> {
  const now = table.now();
  const token = newToken();
  const key = refusalKey(connectionId);
  const claim = new Expression();
  claim.require(claim.anyOf(claim.absent(["pk"]), claim.expired(now)));
  const item = { ...key, v: ITEM_VERSION, by: token, expiresAt: toTtl(now + REFUSAL_KEPT_MS) };
  const written = await table.put(item, `Refusing what connection ${connectionId} sent`, claim);
  return isWinner(written, token, async () => {
    const found = await table.get(key);
    return found === undefined ? undefined : new ItemReader(found).text("by");
  });
}
