import type { Leaving, SocketKey } from "../../server/ports/sockets.ts";
import { entryName, leftEntry } from "../entry-names.ts";
import { asText, readSocketItem, type SocketRow } from "../items.ts";
import { socketKey } from "../keys.ts";
import { chunks, type Expression, isLive } from "../table/expression.ts";
import { toRecord } from "../table/item-reader.ts";
import { oldEntries } from "../table/old-entries.ts";
import type { Table } from "../table/table.ts";
import { ofSocket, subjectOf } from "./sockets.ts";

/** Rooms that one update moves, with about 100 characters of DynamoDB's 4 KB for each, and rooms that it forgets, with 12. */
const ROOMS_PER_UPDATE = 25;
const FORGOTTEN_PER_UPDATE = 50;

interface Leave {
  readonly rooms: readonly string[];
  readonly leaving: Leaving;
}

type Tokens = readonly (readonly [room: string, token: string])[];

/**
 * Moves rooms from those the socket is in to those it has left, each with its token: one write per 25 rooms. One read and one
 * write more if it is not in some of them.
 */
export async function leaveRooms(
  table: Table,
  key: SocketKey,
  id: string,
  { rooms, leaving }: Leave,
): Promise<Readonly<Record<string, string>>> {
  const parts = chunks([...new Set(rooms)], ROOMS_PER_UPDATE);
  const forget = chunks(leaving.forget, FORGOTTEN_PER_UPDATE);
  const tokens: (readonly [string, string])[] = [];
  for (const [i, part] of parts.entries()) {
    const move = { rooms: part, leaving: { ...leaving, forget: forget[i] ?? [] } };
    tokens.push(...(await moveRooms(table, key, id, move)));
  }
  // After a leave of very many rooms there are more to forget than updates to do it in.
  const rest = tokens.length > 0 ? forget.slice(parts.length) : [];
  for (const part of rest) {
    const move = moveOf(table, id, { rooms: [], leaving: { ...leaving, forget: part } });
    await table.update(socketKey(key), subjectOf(id, key), move);
  }
  return toRecord(tokens);
}

/** Until the rooms have been moved that are there: others leave at the same time. */
async function moveRooms(
  table: Table,
  key: SocketKey,
  id: string,
  { rooms, leaving }: Leave,
): Promise<Tokens> {
  const found: (readonly [string, string])[] = [];
  for (let there = rooms; there.length > 0; ) {
    const move = moveOf(table, id, { rooms: there, leaving });
    const written = await table.update(socketKey(key), subjectOf(id, key), move, "UPDATED_OLD");
    if (written.ok) return [...found, ...oldEntries(written.old?.rooms, there, asText)];
    const row = await rowToMoveIn(table, key, id);
    if (row === undefined) return found;
    there = there.filter((room) => Object.hasOwn(row.rooms, room));
  }
  return found;
}

/**
 * All in one update: a crash between two could lose the room from both maps. It does nothing unless all rooms are there, or a
 * request that is sent again would put nothing over what its first sending has moved. Of one room and one `until` the first stay
 * is kept: it began earlier.
 */
function moveOf(table: Table, id: string, { rooms, leaving }: Leave): Expression {
  const { until, forget, forgotten } = leaving;
  const move = ofSocket(table, id);
  move.require(move.present(["left"]));
  for (const room of rooms) {
    const at = ["rooms", entryName(room)] as const;
    move.copyOnce(["left", leftEntry({ room, until })], at).remove(at);
    move.require(move.present(at));
  }
  const moved = new Set(rooms.map((room) => leftEntry({ room, until })));
  for (const entry of forget.map(leftEntry)) if (!moved.has(entry)) move.remove(["left", entry]);
  if (forgotten !== undefined) move.set(["forgotten"], forgotten);
  return move;
}

/** The socket's row. One that was begun without recovery cannot remember rooms yet. */
async function rowToMoveIn(table: Table, key: SocketKey, id: string): Promise<SocketRow | undefined> {
  const item = await table.get(socketKey(key));
  const row = item && readSocketItem(item, key.connectionId);
  if (row?.id !== id || !isLive(row.expiresAt, table.now())) return undefined;
  if (item?.left !== undefined) return row;
  const remember = ofSocket(table, id).setOnce(["left"], {});
  await table.update(socketKey(key), subjectOf(id, key), remember);
  return row;
}
