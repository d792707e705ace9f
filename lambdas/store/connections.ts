import { EVERYONE, type Member, type RoomName } from "../server/ports/rooms.ts";
import type {
  ConnectionRecord,
  ConnectionView,
  DisconnectReason,
  OpenClaim,
} from "../server/ports/sockets.ts";
import type { Store } from "../server/ports/store.ts";
import { nameOfEntry } from "./entry-names.ts";
import {
  asText,
  type ConnectionRow,
  connectionItem,
  readConnectionItem,
  readSocketItem,
  type SocketRow,
} from "./items.ts";
import {
  connectionKey,
  connectionPk,
  type ItemKind,
  kindOfConnectionItem,
  namespaceOf,
  socketKey,
} from "./keys.ts";
import { deleteMemberOf } from "./members.ts";
import {
  type AsideValues,
  type FoundAside,
  readAsideItem,
  readWhole,
  SWEEP_AT_ONCE,
  sweep,
} from "./sockets/asides.ts";
import { isWinner, newToken } from "./table/claims.ts";
import { Expression, isLive } from "./table/expression.ts";
import { type Item, isObject } from "./table/item-reader.ts";
import { methodsOf } from "./table/methods.ts";
import type { Table } from "./table/table.ts";

export type ConnectionStore = Pick<
  Store,
  "putConnection" | "claimOpen" | "readConnection" | "sayBye" | "deleteConnection" | "clearConnection"
>;

/** @param minuteMs as in {@link DynamoStoreOptions} */
export function connectionStore(table: Table, minuteMs: number): ConnectionStore {
  return {
    putConnection: (record) => putConnection(table, record, minuteMs),
    ...methodsOf(table, { claimOpen, readConnection, sayBye, deleteConnection, clearConnection }),
  };
}

/**
 * One write. API Gateway never gives a connection id twice, so a row that is there is this very one: put by a sending whose
 * response was lost. Putting it again could take back a `bye` or an open that have come since.
 */
async function putConnection(table: Table, record: ConnectionRecord, minuteMs: number): Promise<void> {
  const absent = new Expression();
  absent.require(absent.absent(["pk"]));
  await table.put(connectionItem(record, minuteMs), `The connection ${record.connectionId}`, absent);
}

/** One write; if it is refused, one read to say why. */
async function claimOpen(table: Table, connectionId: string, turn: number): Promise<OpenClaim> {
  const token = newToken();
  const claim = new Expression().set(["openBy"], token).set(["openTurn"], turn);
  const isNext = turn === 0 ? claim.absent(["openBy"]) : claim.equals(["openTurn"], turn - 1);
  claim.require(claim.live(table.now()), isNext, claim.absent(["bye"]));
  const written = await table.update(
    connectionKey(connectionId),
    `Opening the connection ${connectionId}`,
    claim,
  );
  if (written.ok) return "claimed";
  const row = await table.get(connectionKey(connectionId));
  if (row === undefined || !isLive(Number(row.expiresAt), table.now())) return "absent";
  // It was put between the two: nobody has opened it, and the next try can.
  if (turn === 0 && row.openBy === undefined && row.bye === undefined) return "absent";
  return written.resent && row.openBy === token ? "claimed" : "over";
}

/** One write. */
async function sayBye(
  table: Table,
  connectionId: string,
  reason: DisconnectReason,
  at: number,
): Promise<boolean> {
  const token = newToken();
  const bye = new Expression().set(["bye"], reason).set(["byeAt"], at).set(["byeBy"], token);
  bye.require(bye.live(table.now()), bye.absent(["bye"]));
  const written = await table.update(
    connectionKey(connectionId),
    `Ending the connection ${connectionId}`,
    bye,
  );
  return isWinner(written, token, async () => asText((await table.get(connectionKey(connectionId)))?.byeBy));
}

/** One write. */
async function deleteConnection(table: Table, connectionId: string): Promise<void> {
  await table.delete(connectionKey(connectionId), `Deleting the connection ${connectionId}`);
}

/** One Query, and a delete for each row and each membership: the connection's own row last, as ends do. */
async function clearConnection(table: Table, connectionId: string): Promise<void> {
  const items: Item[] = [];
  for await (const page of table.query(connectionPk(connectionId))) items.push(...page);
  await Promise.all(
    items.flatMap(membershipsNamedBy).map((member) => deleteMemberOf(table, connectionId, member)),
  );
  const own = connectionKey(connectionId);
  for (const { sk } of items) {
    if (typeof sk === "string" && sk !== own.sk)
      await table.delete({ pk: own.pk, sk }, `A row of ${connectionId}`);
  }
  await deleteConnection(table, connectionId);
}

/** What all formats so far have called id and rooms. Members that are not found here go when a post finds them gone. */
function membershipsNamedBy({ sk, id, name, rooms }: Item): Pick<Member, "nsp" | "room" | "id">[] {
  if (typeof sk !== "string" || kindOfConnectionItem(sk) !== "socket" || typeof id !== "string") return [];
  const nsp = namespaceOf(sk, asText(name));
  const named = isObject(rooms) ? Object.keys(rooms).map(nameOfEntry) : [];
  const all: readonly RoomName[] = [EVERYONE, ...named];
  return all.map((room) => ({ nsp, room, id }));
}

/**
 * One Query, paged over 1 MB: connection, large values and sockets are one range of keys. More only for a large `auth` of the
 * sockets that are asked for, when a large value is replaced at this very moment, or for orphans of a crash (one delete each, see
 * sockets/asides.ts).
 */
async function readConnection(
  table: Table,
  connectionId: string,
  only: string | null | undefined,
): Promise<ConnectionView> {
  let connection: ConnectionRow | undefined;
  let socketCount = 0;
  const sockets = await readWhole(table, async () => {
    const found = await queryConnection(table, connectionId);
    connection = found.connection;
    socketCount = found.rows.length;
    await Promise.all([
      sweep(table, connectionId, found.asides, found.rows),
      sweepExpired(table, connectionId, found.expired),
    ]);
    const values: AsideValues = new Map(found.asides.map(({ aside, json }) => [aside, json]));
    const rows = only === undefined ? found.rows : found.rows.filter(({ nsp }) => nsp === only);
    return { rows, values };
  });
  return { connection: connection && toConnectionRecord(connection), sockets, socketCount };
}

interface FoundConnection {
  readonly connection: ConnectionRow | undefined;
  readonly asides: readonly FoundAside[];
  /** The live ones. */
  readonly rows: readonly SocketRow[];
  readonly expired: readonly SocketRow[];
}

async function queryConnection(table: Table, connectionId: string): Promise<FoundConnection> {
  const items: Item[] = [];
  for await (const page of table.query(connectionPk(connectionId))) items.push(...page);
  const ofKind = (kind: ItemKind) => items.filter(({ sk }) => kindOfConnectionItem(String(sk)) === kind);
  const now = table.now();
  const [connection] = ofKind("connection").map((item) => readConnectionItem(item, connectionId));
  const rows = ofKind("socket").map((item) => readSocketItem(item, connectionId));
  return {
    connection: connection && isLive(connection.expiresAt, now) ? connection : undefined,
    asides: ofKind("aside").map(readAsideItem),
    rows: rows.filter(({ expiresAt }) => isLive(expiresAt, now)),
    expired: rows.filter(({ expiresAt }) => !isLive(expiresAt, now)),
  };
}

/**
 * Rows of sockets that a client has left, of those TTL may not remove for days, while each event reads them: a client that goes
 * through namespaces would make its events dearer with each.
 */
async function sweepExpired(
  table: Table,
  connectionId: string,
  expired: readonly SocketRow[],
): Promise<void> {
  const gone = new Expression();
  gone.require(gone.expired(table.now()));
  await Promise.allSettled(
    expired
      .slice(0, SWEEP_AT_ONCE)
      .map(({ nsp }) => table.delete(socketKey({ connectionId, nsp }), "Deleting an expired socket", gone)),
  );
}

/** The row without what is the table's own business. */
export function toConnectionRecord({ expiresAt: _, ...record }: ConnectionRow): ConnectionRecord {
  return record;
}
