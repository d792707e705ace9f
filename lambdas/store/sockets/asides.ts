import { MAX_INLINE_AUTH_BYTES, MAX_INLINE_BYTES } from "../../server/common/row-limits.ts";
import type { Json, SocketRecord } from "../../server/ports/sockets.ts";
import type { SocketRow, StoredState, StoredValue } from "../items.ts";
import { asideKey, asideOf, authKey, type Key } from "../keys.ts";
import { asideTtl, ORPHAN_AFTER_MS } from "../lifetimes.ts";
import { newToken } from "../table/claims.ts";
import { UnreadableItemError } from "../table/errors.ts";
import { ITEM_VERSION, type Item, ItemReader, toRecord } from "../table/item-reader.ts";
import type { Table } from "../table/table.ts";

/**
 * Values of `socket.data` and of socket properties that are over 1 KB live in items of their own, since DynamoDB bills the
 * whole row at each update. The row's map then holds a marker with the token of that item.
 *
 * An aside item is written once under a fresh token and never changed:
 * 1. put the new item; 2. point the row's marker to it (conditional, last write wins per key); 3. delete the item that the
 * marker pointed to before. A crash after 1 leaves the old value in force and an orphan; a crash after 2 the new value and
 * an orphan. Overwriting one item per key instead would show values of writes that the row then refuses, and a marker could
 * be left without its value. Orphans are deleted by whoever reads the connection next (`sweep`), else by TTL.
 */

/** What a reader knows: token of an aside item → the value in it. */
export type AsideValues = Map<string, Json>;

/** How often a reader follows markers that are replaced under its eyes. */
const READ_ROUNDS = 5;

/** Orphans that one read deletes; more wait for the next one. */
export const SWEEP_AT_ONCE = 25;

/** An aside item as found under its connection. */
export interface FoundAside {
  readonly aside: string;
  readonly json: Json;
  readonly writtenAt: number;
}

export function readAsideItem(item: Item): FoundAside {
  const read = new ItemReader(item);
  return { aside: asideOf(read.text("sk")), json: read.text("json"), writtenAt: read.number("at") };
}

/** Values as the row is to hold them, and the aside items that were written for it. */
export interface Stowed {
  readonly stored: StoredState;
  readonly asides: readonly string[];
}

/** Whose values they are. */
export interface StowedFor {
  readonly connectionId: string;
  /** How long the row is kept once its socket has ended, in milliseconds. */
  readonly keepEndedMs: number;
  readonly subject: string;
}

/** Puts the large ones of `values` aside: one write each, at once, and none for small values. */
export async function stow(
  table: Table,
  { connectionId, keepEndedMs, subject }: StowedFor,
  values: Readonly<Record<string, Json>>,
): Promise<Stowed> {
  const asides: string[] = [];
  const stored = await Promise.all(
    Object.entries(values).map(async ([name, json]): Promise<readonly [string, StoredValue]> => {
      if (Buffer.byteLength(json) <= MAX_INLINE_BYTES) return [name, json];
      const aside = newToken();
      asides.push(aside);
      const item = asideItem(table, asideKey(connectionId, aside), json, keepEndedMs);
      await table.put(item, `${subject}, value ${JSON.stringify(name.slice(0, 40))}`);
      return [name, { aside }];
    }),
  );
  return { stored: toRecord(stored), asides };
}

/** The same for what a client said of itself at CONNECT. It never changes, and goes by TTL. */
export async function stowAuth(
  table: Table,
  { connectionId, keepEndedMs, subject }: StowedFor,
  auth: Json,
): Promise<StoredValue> {
  if (Buffer.byteLength(auth) <= MAX_INLINE_AUTH_BYTES) return auth;
  const aside = newToken();
  await table.put(asideItem(table, authKey(connectionId, aside), auth, keepEndedMs), `${subject}, its auth`);
  return { aside };
}

function asideItem(table: Table, key: Key, json: Json, keepEndedMs: number): Item {
  const now = table.now();
  return { ...key, v: ITEM_VERSION, json, at: now, expiresAt: asideTtl(now, keepEndedMs) };
}

/** Deletes aside items that nothing refers to any more, as well as it can: what is left is swept later. */
export async function discard(table: Table, connectionId: string, asides: readonly string[]): Promise<void> {
  await Promise.allSettled(
    asides.map((aside) => table.delete(asideKey(connectionId, aside), "Deleting a replaced value")),
  );
}

/** Tokens of all aside items that the state in a row refers to. */
export function asidesOf(row: Pick<SocketRow, "data" | "props">): readonly string[] {
  return [...Object.values(row.data), ...Object.values(row.props)].flatMap((value) =>
    typeof value === "string" ? [] : [value.aside],
  );
}

/**
 * Deletes the orphans among the aside items of a connection. No request unless there are some.
 *
 * @param rows all socket rows that were read together with (in one Query: after) the asides
 */
export async function sweep(
  table: Table,
  connectionId: string,
  found: readonly FoundAside[],
  rows: readonly SocketRow[],
): Promise<void> {
  const settledBefore = table.now() - ORPHAN_AFTER_MS;
  const inUse = new Set(rows.flatMap(asidesOf));
  const orphans = found.filter(({ aside, writtenAt }) => writtenAt < settledBefore && !inUse.has(aside));
  await discard(
    table,
    connectionId,
    orphans.slice(0, SWEEP_AT_ONCE).map(({ aside }) => aside),
  );
}

/** Rows, and the asides that were read with them. */
export interface RowsRead {
  readonly rows: readonly SocketRow[];
  readonly values: AsideValues;
}

/**
 * Reads rows with all their values. A row and its asides are not read in one moment: a marker may be replaced and its item
 * deleted in between. Items not in the first answer are asked for by key (one request more per 100); if one is gone, its row
 * has a newer marker, so all is read again.
 */
export async function readWhole(
  table: Table,
  read: () => Promise<RowsRead>,
): Promise<readonly SocketRecord[]> {
  let torn: SocketRow | undefined;
  for (let round = 0; round < READ_ROUNDS; round++) {
    const { rows, values } = await read();
    await loadMissing(table, rows, values);
    torn = rows.find((row) => missingOf(row, values).length > 0);
    if (torn === undefined) return rows.map((row) => toSocketRecord(row, values));
  }
  throw new UnreadableItemError(
    `of socket ${torn?.id} in namespace ${JSON.stringify(torn?.nsp)}`,
    "it refers to a value that is not there",
  );
}

function missingOf(row: SocketRow, values: AsideValues): readonly Key[] {
  const missing = asidesOf(row).filter((aside) => !values.has(aside));
  const keys = missing.map((aside) => asideKey(row.connectionId, aside));
  const { auth } = row;
  if (typeof auth === "string" || values.has(auth.aside)) return keys;
  return [...keys, authKey(row.connectionId, auth.aside)];
}

async function loadMissing(table: Table, rows: readonly SocketRow[], values: AsideValues): Promise<void> {
  const keys = rows.flatMap((row) => missingOf(row, values));
  if (keys.length === 0) return;
  for (const item of await table.getMany(keys)) {
    const { aside, json } = readAsideItem(item);
    values.set(aside, json);
  }
}

function toSocketRecord(row: SocketRow, values: AsideValues): SocketRecord {
  const { expiresAt: _, begunBy: _1, openedBy, endedBy: _2, onceBy: _3, auth, data, props, ...known } = row;
  const neverOpened = row.phase === "ended" && openedBy === undefined;
  const rest = { ...known, ...(neverOpened && { neverOpened }) };
  const said = typeof auth === "string" ? auth : (values.get(auth.aside) ?? "{}");
  return { ...rest, auth: said, data: resolve(data, values), props: resolve(props, values) };
}

function resolve(state: StoredState, values: AsideValues): Readonly<Record<string, Json>> {
  return toRecord(
    Object.entries(state).flatMap(([name, value]) => {
      const json = typeof value === "string" ? value : values.get(value.aside);
      return json === undefined ? [] : [[name, json] as const];
    }),
  );
}
