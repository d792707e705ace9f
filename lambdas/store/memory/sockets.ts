import type {
  Leaving,
  LeftRoom,
  NewSocket,
  SocketKey,
  SocketPhase,
  SocketRecord,
  StateChanges,
} from "../../server/ports/sockets.ts";
import type { Store } from "../../server/ports/store.ts";
import { leftEntry } from "../entry-names.ts";
import { connectionTtl, toTtl, unsettledTtl } from "../lifetimes.ts";
import { isLive } from "../table/expression.ts";
import { toRecord } from "../table/item-reader.ts";
import type { MemorySocket, MemoryState } from "./state.ts";
import { addressOf } from "./state.ts";

export type MemorySocketStore = Pick<
  Store,
  | "beginSocket"
  | "openSocket"
  | "settleSocket"
  | "endResuming"
  | "dropSocket"
  | "forbidSocket"
  | "endSocket"
  | "settleEnd"
  | "readSocket"
  | "readRooms"
  | "saveState"
  | "addRooms"
  | "removeRooms"
  | "claimOnce"
>;

function newRow(socket: NewSocket): MemorySocket {
  const { expiresAt, ...row } = socket;
  return {
    ...row,
    phase: "connecting",
    running: undefined,
    bye: undefined,
    endedAt: undefined,
    resuming: false,
    forgotten: undefined,
    trace: "",
    answers: [],
    rerunMiddlewares: false,
    expiresAt: connectionTtl(expiresAt),
    data: new Map(),
    props: new Map(),
    rooms: new Map(),
    left: new Map(),
    spent: new Set(),
  };
}

/** A copy, as a row read from a table is one. */
export function snapshot(row: MemorySocket): SocketRecord {
  const { expiresAt: _, running, bye, endedAt, resuming, forgotten, ...known } = row;
  const { data, props, rooms, left, spent, answers, ...rest } = known;
  return {
    ...rest,
    ...(running === undefined ? {} : { running }),
    ...(bye === undefined ? {} : { bye }),
    ...(endedAt === undefined ? {} : { endedAt }),
    ...(resuming ? { resuming } : {}),
    ...(forgotten === undefined ? {} : { forgotten }),
    ...(left.size === 0 ? {} : { left: [...left.values()].map((one) => ({ ...one })) }),
    data: toRecord(data),
    props: toRecord(props),
    rooms: toRecord(rooms),
    spent: [...spent].sort(),
    answers: [...answers],
  };
}

function change(map: Map<string, string>, changes: StateChanges["data"] = {}): void {
  for (const [name, json] of Object.entries(changes)) {
    if (json === undefined) map.delete(name);
    else map.set(name, json);
  }
}

function leftMap(left: readonly LeftRoom[]): Map<string, LeftRoom> {
  return new Map(left.map((one) => [leftEntry(one), { ...one }]));
}

/** Of one room and one `until` the first stay is kept: it began earlier. */
function remember(row: MemorySocket, had: readonly (readonly [string, string])[], leaving: Leaving): void {
  const { until, forget, forgotten } = leaving;
  const moved = new Set(had.map(([room]) => leftEntry({ room, until })));
  for (const entry of forget.map(leftEntry)) if (!moved.has(entry)) row.left.delete(entry);
  if (forgotten !== undefined) row.forgotten = forgotten;
  for (const [room, token] of had) {
    const entry = leftEntry({ room, until });
    if (!row.left.has(entry)) row.left.set(entry, { room, token, until });
  }
}

/** Each method waits one turn, then decides without another: that is where an interleaving test may switch. */
export function memorySockets(state: MemoryState): MemorySocketStore {
  const { decide } = state;
  const find = (key: SocketKey): MemorySocket | undefined => {
    const row = state.sockets.get(addressOf(key));
    return row && isLive(row.expiresAt, state.now()) ? row : undefined;
  };
  /** The row if it is this very socket's, in this phase. */
  const own = (key: SocketKey, id: string, phase?: SocketPhase): MemorySocket | undefined => {
    const row = find(key);
    return row?.id === id && (phase === undefined || row.phase === phase) ? row : undefined;
  };
  /** Changes the row and says true, or says false where there is none. */
  const apply = (row: MemorySocket | undefined, mutate: (row: MemorySocket) => void): boolean => {
    if (row !== undefined) mutate(row);
    return row !== undefined;
  };
  return {
    ...memoryLife(state, find, own, apply),
    ...memoryEnds(state, own, apply),
    readSocket: (key) =>
      decide(() => {
        const row = find(key);
        return row && snapshot(row);
      }),
    readRooms: (key) =>
      decide(() => {
        const row = find(key);
        if (!row) return undefined;
        const { id, phase, token, rooms, left } = snapshot(row);
        return { id, phase, token, rooms, ...(left && { left }) };
      }),
    saveState: (key, id, { data, props }) =>
      decide(() => {
        if (Object.keys({ ...data, ...props }).length === 0) return true;
        return apply(own(key, id), (row) => {
          change(row.data, data);
          change(row.props, props);
        });
      }),
    addRooms: (key, id, rooms) =>
      decide(() => {
        if (Object.keys(rooms).length === 0) return true;
        return apply(own(key, id, "open"), (row) => change(row.rooms, rooms));
      }),
    removeRooms: (key, id, rooms, leaving) =>
      decide(() => {
        const row = own(key, id);
        const had = [...new Set(rooms)].flatMap((room) => {
          const token = row?.rooms.get(room);
          return token === undefined ? [] : [[room, token] as const];
        });
        for (const [room] of had) row?.rooms.delete(room);
        if (row && leaving && had.length > 0) remember(row, had, leaving);
        return toRecord(had);
      }),
    claimOnce: (key, id, name) =>
      decide(() => {
        const row = own(key, id);
        return apply(row?.spent.has(name) ? undefined : row, ({ spent }) => spent.add(name));
      }),
  };
}

function memoryLife(
  state: MemoryState,
  find: (key: SocketKey) => MemorySocket | undefined,
  own: (key: SocketKey, id: string, phase?: SocketPhase) => MemorySocket | undefined,
  apply: (row: MemorySocket | undefined, mutate: (row: MemorySocket) => void) => boolean,
): Pick<
  MemorySocketStore,
  "beginSocket" | "openSocket" | "settleSocket" | "endResuming" | "dropSocket" | "forbidSocket"
> {
  const { decide, sockets } = state;
  return {
    beginSocket: (socket) =>
      decide(() => {
        const there = find(socket);
        if (there !== undefined && there.phase !== "ended") return false;
        sockets.set(addressOf(socket), newRow(socket));
        return true;
      }),
    openSocket: (key, id, commit) =>
      decide(() => {
        const row = own(key, id, "connecting");
        return apply(row?.bye === undefined ? row : undefined, (opened) => {
          opened.phase = "open";
          opened.running = commit.running;
          opened.rerunMiddlewares = commit.rerunMiddlewares;
          opened.rooms = new Map(Object.entries(commit.rooms));
          opened.data = new Map(Object.entries(commit.data));
          opened.props = new Map(Object.entries(commit.props));
          opened.token = commit.token ?? opened.token;
          opened.resuming = commit.resuming ?? false;
          opened.left = leftMap(commit.left ?? []);
          opened.forgotten = commit.forgotten;
        });
      }),
    settleSocket: (key, id, run) =>
      decide(() => {
        const row = own(key, id, "open");
        apply(row, (open) => {
          open.running = undefined;
          open.trace = run.trace;
          open.answers = [...run.answers];
        });
        return row && snapshot(row).rooms;
      }),
    endResuming: (key, id) =>
      decide(() => {
        const row = own(key, id, "open");
        apply(row, (open) => {
          open.resuming = false;
        });
        return row && snapshot(row).rooms;
      }),
    dropSocket: (key, id) =>
      decide(() => {
        if (own(key, id, "connecting") !== undefined) sockets.delete(addressOf(key));
      }),
    forbidSocket: (key, id, reason) =>
      decide(() =>
        apply(own(key, id, "connecting"), (row) => {
          row.bye ??= reason;
        }),
      ),
  };
}

function memoryEnds(
  state: MemoryState,
  own: (key: SocketKey, id: string, phase?: SocketPhase) => MemorySocket | undefined,
  apply: (row: MemorySocket | undefined, mutate: (row: MemorySocket) => void) => boolean,
): Pick<MemorySocketStore, "endSocket" | "settleEnd"> {
  const { decide, keepEndedMs } = state;
  return {
    settleEnd: (key, id) =>
      decide(() => {
        apply(own(key, id, "ended"), (row) => {
          delete row.unshared;
          row.expiresAt = toTtl(state.now() + keepEndedMs);
        });
      }),
    endSocket: (key, id, reason, at, from = "open", unshared = false) =>
      decide(() => {
        const connecting = from === "open" ? undefined : own(key, id, "connecting");
        const row = own(key, id, "open") ?? connecting;
        if (row === undefined) return undefined;
        const before = snapshot(row);
        if (connecting) row.neverOpened = true;
        if (unshared) row.unshared = true;
        row.phase = "ended";
        row.bye = reason;
        row.endedAt = at;
        row.expiresAt = unshared ? unsettledTtl(state.now()) : toTtl(state.now() + keepEndedMs);
        return before;
      }),
  };
}
