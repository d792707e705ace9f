import type { Json, SocketKey, StateChanges } from "../../server/ports/sockets.ts";
import type { Store } from "../../server/ports/store.ts";
import { entryName } from "../entry-names.ts";
import { asStoredValue, asText, type StoredState, type StoredValue } from "../items.ts";
import { socketKey } from "../keys.ts";
import { isWinner, newToken } from "../table/claims.ts";
import { chunks, ENTRIES_PER_UPDATE } from "../table/expression.ts";
import { type Item, toRecord } from "../table/item-reader.ts";
import { methodsOf } from "../table/methods.ts";
import { oldEntries } from "../table/old-entries.ts";
import type { Table } from "../table/table.ts";
import { asidesOf, discard, type Stowed, stow } from "./asides.ts";
import { leaveRooms } from "./leaving.ts";
import { readSocketRow } from "./reads.ts";
import { ofSocket, subjectOf } from "./sockets.ts";

export type SocketStateStore = Pick<Store, "saveState" | "addRooms" | "removeRooms" | "claimOnce">;

/**
 * What changes while a socket is open, entry by entry, so that two writers of different entries do not undo each other.
 * @param keepEndedMs as in {@link DynamoStoreOptions}
 */
export function socketStateStore(table: Table, keepEndedMs: number): SocketStateStore {
  return {
    saveState: (key, id, changes) => saveState(table, key, id, { changes, keepEndedMs }),
    ...methodsOf(table, { addRooms, claimOnce }),
    removeRooms: (key, id, rooms, leaving) =>
      leaving === undefined
        ? removeRooms(table, key, id, rooms)
        : leaveRooms(table, key, id, { rooms, leaving }),
  };
}

interface Assignment {
  readonly map: "data" | "props";
  readonly name: string;
  /** Undefined removes the entry. */
  readonly value: StoredValue | undefined;
}

/** One write per 100 changed keys, one before it per large value, and one after it per large value replaced; none without changes. */
async function saveState(
  table: Table,
  key: SocketKey,
  id: string,
  { changes, keepEndedMs }: { readonly changes: StateChanges; readonly keepEndedMs: number },
): Promise<boolean> {
  const subject = subjectOf(id, key);
  const stowedFor = { connectionId: key.connectionId, keepEndedMs, subject };
  const [data, props] = await Promise.all([
    stow(table, stowedFor, onlySet(changes.data)),
    stow(table, stowedFor, onlySet(changes.props)),
  ]);
  const assignments = [...assign("data", changes.data, data), ...assign("props", changes.props, props)];
  const ours = new Set([...data.asides, ...props.asides]);
  for (const chunk of chunks(assignments, ENTRIES_PER_UPDATE)) {
    const change = ofSocket(table, id);
    for (const { map, name, value } of chunk) {
      if (value === undefined) change.remove([map, entryName(name)]);
      else change.set([map, entryName(name)], value);
    }
    const written = await table.update(socketKey(key), subject, change, "UPDATED_OLD");
    if (!written.ok) {
      await discard(table, key.connectionId, [...ours]);
      return false;
    }
    // After a resend the "old" value may be the one that this call wrote: it must not delete that.
    const replaced = replacedAsides(written.old, chunk).filter((aside) => !ours.has(aside));
    await discard(table, key.connectionId, replaced);
  }
  return true;
}

function onlySet(changes: StateChanges["data"] = {}): Readonly<Record<string, Json>> {
  return toRecord(
    Object.entries(changes).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  );
}

function assign(
  map: Assignment["map"],
  changes: StateChanges["data"] = {},
  { stored }: Stowed,
): readonly Assignment[] {
  return Object.keys(changes).map((name) => ({ map, name, value: stored[name] }));
}

function replacedAsides(old: Item | undefined, changed: readonly Assignment[]): readonly string[] {
  const storedIn = (map: Assignment["map"]): StoredState => {
    const names = changed.filter((assignment) => assignment.map === map).map(({ name }) => name);
    return toRecord(oldEntries(old?.[map], names, asStoredValue));
  };
  return asidesOf({ data: storedIn("data"), props: storedIn("props") });
}

/** One write per 100 rooms; none without rooms. */
async function addRooms(
  table: Table,
  key: SocketKey,
  id: string,
  rooms: Readonly<Record<string, string>>,
): Promise<boolean> {
  for (const chunk of chunks(Object.entries(rooms), ENTRIES_PER_UPDATE)) {
    const join = ofSocket(table, id, "open");
    for (const [room, token] of chunk) join.set(["rooms", entryName(room)], token);
    const { ok } = await table.update(socketKey(key), subjectOf(id, key), join);
    if (!ok) return false;
  }
  return true;
}

/** One write per 100 rooms; none without rooms. */
async function removeRooms(
  table: Table,
  key: SocketKey,
  id: string,
  rooms: readonly string[],
): Promise<Readonly<Record<string, string>>> {
  const tokens: (readonly [string, string])[] = [];
  for (const chunk of chunks([...new Set(rooms)], ENTRIES_PER_UPDATE)) {
    const leave = ofSocket(table, id);
    for (const room of chunk) leave.remove(["rooms", entryName(room)]);
    const written = await table.update(socketKey(key), subjectOf(id, key), leave, "UPDATED_OLD");
    tokens.push(...oldEntries(written.old?.rooms, chunk, asText));
  }
  return toRecord(tokens);
}

/** One write. */
async function claimOnce(table: Table, key: SocketKey, id: string, name: string): Promise<boolean> {
  const token = newToken();
  const claim = ofSocket(table, id).set(["once", entryName(name)], token);
  claim.require(claim.absent(["once", entryName(name)]));
  const written = await table.update(socketKey(key), subjectOf(id, key), claim);
  return isWinner(written, token, async () => {
    const row = await readSocketRow(table, key);
    return row?.id === id ? row.onceBy[name] : undefined;
  });
}
