import type {
  DisconnectReason,
  NewSocket,
  SocketKey,
  SocketPhase,
  SocketRecord,
} from "../../server/ports/sockets.ts";
import type { Store } from "../../server/ports/store.ts";
import { leftEntries, newSocketItem, readSocketItem, type SocketRow, toEntries } from "../items.ts";
import { socketKey } from "../keys.ts";
import { toTtl, unsettledTtl } from "../lifetimes.ts";
import { isWinner, newToken } from "../table/claims.ts";
import { Expression } from "../table/expression.ts";
import { methodsOf } from "../table/methods.ts";
import type { Table } from "../table/table.ts";
import { discard, readWhole, stow, stowAuth } from "./asides.ts";
import { readSocketRow } from "./reads.ts";

export type SocketStore = Pick<
  Store,
  | "beginSocket"
  | "openSocket"
  | "settleSocket"
  | "endResuming"
  | "dropSocket"
  | "forbidSocket"
  | "endSocket"
  | "settleEnd"
>;

/**
 * A socket's way from `connecting` over `open` to `ended`: each step one conditional write.
 * @param keepEndedMs as in {@link DynamoStoreOptions}
 */
export function socketStore(table: Table, keepEndedMs: number): SocketStore {
  return {
    beginSocket: (socket) => beginSocket(table, socket, keepEndedMs),
    openSocket: (key, id, commit) => openSocket(table, key, id, { commit, keepEndedMs }),
    ...methodsOf(table, { settleSocket, endResuming, dropSocket, forbidSocket }),
    settleEnd: (key, id) => settleEnd(table, key, id, keepEndedMs),
    endSocket: (key, id, reason, at, from = "open", unshared = false) =>
      endSocket(table, key, id, { reason, at, from, unshared, keepEndedMs }),
  };
}

type Commit = Parameters<Store["openSocket"]>[2];

interface End {
  readonly reason: DisconnectReason;
  readonly at: number;
  readonly from: "open" | "open or connecting";
  readonly unshared: boolean;
  readonly keepEndedMs: number;
}

/** Names the socket in error messages. */
export function subjectOf(id: string, { nsp }: SocketKey): string {
  return `The state of socket ${id} in namespace ${JSON.stringify(nsp.slice(0, 40))}`;
}

/** An expression that holds only on the living row of this very socket. */
export function ofSocket(table: Table, id: string, phase?: SocketPhase): Expression {
  const change = new Expression();
  change.require(change.live(table.now()), change.equals(["id"], id));
  return phase === undefined ? change : change.require(change.equals(["phase"], phase));
}

/** One write, and one before it for a large `auth`. Large values of an ended row that it replaces are swept later: whoever ended it may be reading them right now. */
async function beginSocket(table: Table, socket: NewSocket, keepEndedMs: number): Promise<boolean> {
  const subject = subjectOf(socket.id, socket);
  const auth = await stowAuth(
    table,
    { connectionId: socket.connectionId, keepEndedMs, subject },
    socket.auth,
  );
  const token = newToken();
  const free = new Expression();
  free.require(free.anyOf(free.absent(["pk"]), free.equals(["phase"], "ended"), free.expired(table.now())));
  const written = await table.put(newSocketItem(socket, auth, token), subject, free);
  return isWinner(written, token, async () => (await readSocketRow(table, socket))?.begunBy);
}

/**
 * One write, and one before it per large value. The maps are set whole: until now nobody but this call's CONNECT knew of the
 * socket.
 */
async function openSocket(
  table: Table,
  key: SocketKey,
  id: string,
  { commit, keepEndedMs }: { readonly commit: Commit; readonly keepEndedMs: number },
): Promise<boolean> {
  const token = newToken();
  const subject = subjectOf(id, key);
  const stowedFor = { connectionId: key.connectionId, keepEndedMs, subject };
  const [data, props] = await Promise.all([
    stow(table, stowedFor, commit.data),
    stow(table, stowedFor, commit.props),
  ]);
  const open = ofSocket(table, id, "connecting")
    .set(["phase"], "open")
    .set(["openedBy"], token)
    .set(["running"], commit.running)
    .set(["rooms"], toEntries(commit.rooms))
    .set(["data"], toEntries(data.stored))
    .set(["props"], toEntries(props.stored))
    .set(["rerun"], commit.rerunMiddlewares);
  setRecovery(open, commit);
  open.require(open.absent(["bye"]));
  const written = await table.update(socketKey(key), subject, open);
  const opened = await isWinner(written, token, async () => {
    const row = await readSocketRow(table, key);
    return row?.id === id ? row.openedBy : undefined;
  });
  if (!opened) await discard(table, key.connectionId, [...data.asides, ...props.asides]);
  return opened;
}

function setRecovery(open: Expression, { token, resuming, left, forgotten }: Commit): void {
  if (token !== undefined) open.set(["token"], token);
  if (resuming === true) open.set(["resuming"], true);
  if (left !== undefined) open.set(["left"], leftEntries(left));
  if (forgotten !== undefined) open.set(["forgotten"], forgotten);
}

/** One write. */
async function settleSocket(
  table: Table,
  key: SocketKey,
  id: string,
  run: Parameters<Store["settleSocket"]>[2],
): Promise<SocketRecord["rooms"] | undefined> {
  const settle = ofSocket(table, id, "open")
    .remove(["running"])
    .set(["trace"], run.trace)
    .set(["answers"], [...run.answers]);
  const { old } = await table.update(socketKey(key), subjectOf(id, key), settle, "ALL_OLD");
  return old && readSocketItem(old, key.connectionId).rooms;
}

/** One write. */
async function endResuming(
  table: Table,
  key: SocketKey,
  id: string,
): Promise<SocketRecord["rooms"] | undefined> {
  const end = ofSocket(table, id, "open").remove(["resuming"]);
  const { old } = await table.update(socketKey(key), subjectOf(id, key), end, "ALL_OLD");
  return old && readSocketItem(old, key.connectionId).rooms;
}

/** One write. */
async function dropSocket(table: Table, key: SocketKey, id: string): Promise<void> {
  await table.delete(socketKey(key), subjectOf(id, key), ofSocket(table, id, "connecting"));
}

/** One write. Told twice, the first reason stays. */
async function forbidSocket(
  table: Table,
  key: SocketKey,
  id: string,
  reason: DisconnectReason,
): Promise<boolean> {
  const forbid = ofSocket(table, id, "connecting").setOnce(["bye"], reason);
  const { ok } = await table.update(socketKey(key), subjectOf(id, key), forbid);
  return ok;
}

/** One write; for the winner, one read more per 100 large values. */
async function endSocket(
  table: Table,
  key: SocketKey,
  id: string,
  { reason, at, from, unshared, keepEndedMs }: End,
): Promise<SocketRecord | undefined> {
  const token = newToken();
  const end = ofSocket(table, id)
    .set(["phase"], "ended")
    .set(["bye"], reason)
    .set(["endedAt"], at)
    .set(["endedBy"], token)
    .set(["expiresAt"], unshared ? unsettledTtl(table.now()) : toTtl(table.now() + keepEndedMs));
  if (unshared) end.set(["unshared"], true);
  const open = end.equals(["phase"], "open");
  end.require(from === "open" ? open : end.anyOf(open, end.equals(["phase"], "connecting")));
  const written = await table.update(socketKey(key), subjectOf(id, key), end, "ALL_OLD");
  // A resent write that was refused tells nothing of the row: then the ended row, made open again in our eyes, is the record.
  let row = written.old && readSocketItem(written.old, key.connectionId);
  if (!written.ok) {
    if (!written.resent) return undefined;
    row = await readEndedByUs(table, key, token);
  }
  if (row === undefined) return undefined;
  return withValues(table, key, token, row);
}

/** One write. */
async function settleEnd(table: Table, key: SocketKey, id: string, keepEndedMs: number): Promise<void> {
  const settle = ofSocket(table, id, "ended")
    .remove(["unshared"])
    .set(["expiresAt"], toTtl(table.now() + keepEndedMs));
  await table.update(socketKey(key), subjectOf(id, key), settle);
}

/** What the row was when we ended it: nothing that the end itself has written. */
async function readEndedByUs(table: Table, key: SocketKey, token: string): Promise<SocketRow | undefined> {
  const row = await readSocketRow(table, key);
  if (row === undefined || row.endedBy !== token) return undefined;
  const { bye: _, endedAt: _1, unshared: _2, ...before } = row;
  return { ...before, phase: row.openedBy === undefined ? "connecting" : "open" };
}

/** A large value that is replaced right after the end (by a handler still running) is taken as it is then. */
async function withValues(
  table: Table,
  key: SocketKey,
  token: string,
  atTheEnd: SocketRow,
): Promise<SocketRecord | undefined> {
  let row: SocketRow = atTheEnd;
  let first = true;
  const [record] = await readWhole(table, async () => {
    if (!first) row = (await readEndedByUs(table, key, token)) ?? row;
    first = false;
    return { rows: [row], values: new Map() };
  });
  return record;
}
