import type { SocketKey, SocketRecord, SocketRooms, SocketView } from "../../server/ports/sockets.ts";
import type { Store } from "../../server/ports/store.ts";
import { toConnectionRecord } from "../connections.ts";
import { type ConnectionRow, readConnectionItem, readSocketItem, type SocketRow } from "../items.ts";
import { connectionKey, type Key, socketKey } from "../keys.ts";
import { isLive } from "../table/expression.ts";
import { methodsOf } from "../table/methods.ts";
import type { Table } from "../table/table.ts";
import { type RowsRead, readWhole } from "./asides.ts";

export type SocketReadStore = Pick<Store, "readSocket" | "readRooms" | "readSockets">;

export function socketReadStore(table: Table): SocketReadStore {
  return methodsOf(table, { readSocket, readRooms, readSockets });
}

/** One read; undefined if there is no row, or an expired one. Values that live aside stay markers. */
export async function readSocketRow(table: Table, key: SocketKey): Promise<SocketRow | undefined> {
  const item = await table.get(socketKey(key));
  if (item === undefined) return undefined;
  const row = readSocketItem(item, key.connectionId);
  return isLive(row.expiresAt, table.now()) ? row : undefined;
}

/** One read: where values live aside does not matter. */
async function readRooms(table: Table, key: SocketKey): Promise<SocketRooms | undefined> {
  const row = await readSocketRow(table, key);
  if (!row) return undefined;
  const { id, phase, token, rooms, left } = row;
  return { id, phase, token, rooms, ...(left && { left }) };
}

/** One read; one more per 100 large values. */
async function readSocket(table: Table, key: SocketKey): Promise<SocketRecord | undefined> {
  const [record] = await readWhole(table, async () => {
    const row = await readSocketRow(table, key);
    return { rows: row === undefined ? [] : [row], values: new Map() };
  });
  return record;
}

/** One BatchGetItem per 100 rows (sockets and their connections count alike); one more per 100 large values. */
async function readSockets(table: Table, keys: readonly SocketKey[]): Promise<readonly SocketView[]> {
  if (keys.length === 0) return [];
  let connections: ReadonlyMap<string, ConnectionRow> = new Map();
  const sockets = await readWhole(table, async () => {
    const found = await readRows(table, keys);
    connections = found.connections;
    return found;
  });
  return sockets.flatMap((socket) => {
    const connection = connections.get(socket.connectionId);
    return connection === undefined ? [] : [{ connection: toConnectionRecord(connection), socket }];
  });
}

async function readRows(
  table: Table,
  keys: readonly SocketKey[],
): Promise<RowsRead & { readonly connections: ReadonlyMap<string, ConnectionRow> }> {
  // Items come back in any order and do not name what they belong to: their keys lead back to it.
  const wanted = new Map<string, { readonly key: Key; readonly of: SocketKey; readonly isSocket: boolean }>();
  for (const of of keys) {
    const connection = connectionKey(of.connectionId);
    wanted.set(addressOf(connection), { key: connection, of, isSocket: false });
    const socket = socketKey(of);
    wanted.set(addressOf(socket), { key: socket, of, isSocket: true });
  }
  const items = await table.getMany([...wanted.values()].map(({ key }) => key));
  const now = table.now();
  const connections = new Map<string, ConnectionRow>();
  const rows: SocketRow[] = [];
  for (const item of items) {
    const want = wanted.get(addressOf({ pk: String(item.pk), sk: String(item.sk) }));
    if (want === undefined) continue;
    if (want.isSocket) {
      const row = readSocketItem(item, want.of.connectionId);
      if (isLive(row.expiresAt, now)) rows.push(row);
    } else {
      const row = readConnectionItem(item, want.of.connectionId);
      if (isLive(row.expiresAt, now)) connections.set(row.connectionId, row);
    }
  }
  return { rows: rows.filter((row) => connections.has(row.connectionId)), values: new Map(), connections };
}

/** Keys hold no control characters. */
function addressOf({ pk, sk }: Key): string {
  return `${pk}\n${sk}`;
}
