import { coreOf, replay } from "../application/replay.ts";
import type { Effect } from "../common/effect.ts";
import { describeError, isUnreadable } from "../common/errors.ts";
import type { NamespaceServer } from "../declared/namespace-core.ts";
import { allFannedOut } from "../fan-out/fan-out.ts";
import { closeInboxes } from "../inbox/opening.ts";
import type { Invocation } from "../invocation/invocation.ts";
import { scopes } from "../invocation/scope.ts";
import { EVERYONE, ofJsonRoom } from "../ports/rooms.ts";
import type { ConnectionView, DisconnectReason, SocketRecord, SocketView } from "../ports/sockets.ts";
import type { EndTarget } from "../ports/tasks.ts";
import { deleteMembers } from "../rooms/member-rows.ts";
import type { Tenure } from "../shared/tenure.ts";
import { connectNote, endNote } from "../socket/shared-notes.ts";
import { type SocketCore, socketsOf } from "../socket/socket-core.ts";
import { callCloseListeners, reportClose } from "./closing.ts";

/**
 * Ends one socket (docs/architecture/life.md): whoever turns the row to ended runs `disconnecting` and `disconnect`, in this
 * invocation; the rest may be done by several, and again.
 * @param from also `connecting` if the listeners of its CONNECT have run, here or in an invocation that must have died
 * @returns false if somebody else had ended it
 */
export async function endSocket(
  socket: SocketCore,
  reason: DisconnectReason,
  from: From = "open",
): Promise<boolean> {
  const { invocation, nsp } = socket;
  if (!nsp.shared) return await endNow(socket, reason, { from });
  const tenure = invocation.tenures.of(nsp.shared);
  const end = async (): Promise<boolean> => {
    const stay = await tenure.enter("a disconnect listener", "alone");
    const listeners: Promise<void>[] = [];
    try {
      const scope = { mode: "live" as const, ...scopes.getStore(), invocation, stay };
      return await scopes.run(scope, () => endNow(socket, reason, { from, tenure, listeners }));
    } finally {
      await Promise.all(listeners);
      stay.leave();
    }
  };
  // A listener of an end may end other sockets, and wait for that.
  return await (scopes.getStore()?.stay?.kind === "alone" ? end() : tenure.alone(end));
}

type From = "open" | "open or connecting";

interface Ending {
  readonly from: From;
  /** Of the namespace's shared variables, if it has any. */
  readonly tenure?: Tenure;
  /** Listeners that have not settled are put here. */
  readonly listeners?: Promise<void>[];
}

async function endNow(
  socket: SocketCore,
  reason: DisconnectReason,
  { from, tenure, listeners = [] }: Ending,
): Promise<boolean> {
  const { store, clock } = socket.invocation.ports;
  const { key, id } = socket;
  const shares = tenure !== undefined;
  const row =
    (await store.endSocket(key, id, reason, clock.now(), from, shares)) ??
    (tenure && (await endedInVain(socket, tenure)));
  if (!row) return false;
  const committed = row.phase === "open";
  if (!socket.life.ready) {
    socket.reload(row); // others may have written since it was read
    // Both or none: what its listeners did in a CONNECT that died before that was kept, and what is undone now.
    const isIn = committed && row.running === undefined;
    await replay(socket, { committed, shares: shares && !isIn && !tenure.has(connectNote(id)) });
  }
  tenure?.note(endNote(id));
  tenure?.afterwards(() => store.settleEnd(key, id));
  socket.memberships.showLast(row);
  // Before the commit there are no member rows; the rooms are those that its listeners joined, if that was here.
  const released = committed ? [...socket.memberships.all()] : [];
  socket.life.beginEnd();
  listeners.push(...runListeners(socket, "disconnecting", reason));
  // In the queue: what the listeners of `disconnecting` emit finds the rooms as they were.
  const release = socket.invocation.act("leaving all rooms", async () => {
    await allFannedOut(socket.invocation);
    await deleteMembers(socket, released);
    return { rest: undefined };
  });
  socket.close();
  listeners.push(...runListeners(socket, "disconnect", reason));
  if (!committed) callCloseListeners(socket, reason);
  await release;
  await closeInboxes(socket.invocation, row);
  return true;
}

/**
 * Somebody has ended it, and died before what its listeners had changed of shared variables was kept.
 * @returns the row as it was before that
 */
async function endedInVain(
  { invocation, key, id }: SocketCore,
  tenure: Tenure,
): Promise<SocketRecord | undefined> {
  const { store } = invocation.ports;
  const row = await store.readSocket(key);
  if (row?.id !== id || !row.unshared) return undefined;
  if (!tenure.isNoted(endNote(id))) return { ...row, phase: row.neverOpened ? "connecting" : "open" };
  if (tenure.has(endNote(id))) await store.settleEnd(key, id);
  return undefined;
}

/** @returns those that have not settled */
function runListeners(
  socket: SocketCore,
  event: "disconnecting" | "disconnect",
  reason: string,
): readonly Promise<void>[] {
  const running: Promise<void>[] = [];
  for (const { fn } of socket.listeners.of(event)) {
    const done = socket.runAs({ mode: "live" }, () =>
      // Two arguments, as on stock: the second is what Engine.IO knew of an error in its transport.
      socket.call(`the ${event} listener`, "SKY_HANDLER_FAILED", () =>
        fn.call(socket.facade, reason, undefined),
      ),
    );
    if (!done) continue;
    running.push(done);
    void socket.invocation.track(`the ${event} listener`, done);
  }
  return running;
}

/**
 * `socket.disconnect()`: tells the client after everything that was sent before, then ends the socket; with `close`, then all
 * others of the connection, and the connection.
 */
export function disconnectSocket(socket: SocketCore, close: boolean): Effect<void> {
  return socket.invocation.actInLane("disconnect()", () => disconnectNow(socket, close));
}

/** The same, with its effects in the lane of the caller. */
export async function disconnectNow(socket: SocketCore, close: boolean): Promise<void> {
  socket.life.mute();
  const frames = socket.nsp.server.codec.encode({ type: "disconnect", nsp: socket.nsp.name });
  await socket.invocation.act("disconnect()", async () => {
    await allFannedOut(socket.invocation);
    return { rest: socket.send(frames) };
  });
  await endSocket(socket, "server namespace disconnect");
  if (close) await disconnectConnection(socket);
}

async function disconnectConnection(socket: SocketCore): Promise<void> {
  const { invocation, nsp } = socket;
  const { connectionId } = socket.key;
  const { connection, sockets } = await invocation.ports.store.readConnection(connectionId);
  if (!connection) return;
  for (const row of sockets.filter(({ phase }) => phase === "open")) {
    const other = existingCore(invocation, nsp.server, { connection, socket: row });
    if (other) await disconnectNow(other, false);
  }
  await endConnection(nsp.server, invocation, {
    connectionId,
    members: [],
    reason: "server namespace disconnect",
    close: true,
  });
}

/** The socket of a row, if its namespace still exists in this version of the application. */
function existingCore(
  invocation: Invocation,
  server: NamespaceServer,
  view: SocketView,
): SocketCore | undefined {
  const nsp = server.declared(view.socket);
  return nsp && coreOf(invocation, nsp, view);
}

/** How a connection ends. */
export interface ConnectionEnd extends EndTarget {
  readonly reason: DisconnectReason;
  /** False where API Gateway has said itself that it is closed. */
  readonly close: boolean;
}

/**
 * Ends a connection and everything on it (docs/architecture/life.md): for $disconnect, a post that found it gone,
 * `disconnect(true)`, bad packets. Runs any number of times, also at once: handlers run at most once, everything else at least
 * once.
 */
export async function endConnection(
  server: NamespaceServer,
  invocation: Invocation,
  { connectionId, members, reason, close }: ConnectionEnd,
): Promise<void> {
  const { store, gateway, clock } = invocation.ports;
  const first = await store.sayBye(connectionId, reason, clock.now());
  // With recovery on, before the member rows go one by one: a client that is not gone after all, and gets what comes through those
  // that are left, would have an offset behind what it did not get through the others.
  const closed = close && server.options.recovery !== undefined;
  if (closed) await gateway.close(connectionId);
  const { connection, sockets } = await readOrClear(invocation, connectionId);
  // That brings a $disconnect, which may come first: the sockets end for the reason for which this began.
  const why = connection?.bye?.reason ?? reason;
  let connecting = false;
  if (connection) {
    const ended: SocketRecord[] = [];
    for (const row of sockets) {
      const left = await endRow(server, invocation, { connection, socket: row }, { reason: why, first });
      if (left === "still connecting") connecting = true;
      else if (left) ended.push(left);
    }
    if (first) await reportClose(server, invocation, connection, ended, why);
  }
  await Promise.all(
    members.map(({ nsp, room, id }) =>
      store.deleteMemberOf(connectionId, { nsp, room: ofJsonRoom(room), id }),
    ),
  );
  // Always, also when a post said "gone": half-ended connections must not live on.
  if (close && !closed) await gateway.close(connectionId);
  // Last: as long as the row is there with its `bye`, the heartbeat redoes the end, if this one crashes. And if the CONNECT of a
  // socket dies before it comes to that. And it tells an open packet's invocation that starts only now that it is too late:
  // without a row it would wait for one.
  const needed = connecting || (first && !connection?.opened);
  // Nobody makes the changes of its listeners again without it.
  if (connection && !needed) await invocation.tenures.afterwards(() => store.deleteConnection(connectionId));
}

/** Rows that another version wrote have no listeners that could be called here; they and their memberships are cleared away. */
async function readOrClear({ ports }: Invocation, connectionId: string): Promise<ConnectionView> {
  try {
    return await ports.store.readConnection(connectionId);
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    ports.log.warn(
      "SKY_END_UNREAD",
      "a connection ended whose rows another version has written: its sockets get no disconnect",
      {
        connection: connectionId,
        error: describeError(error),
      },
    );
    await ports.store.clearConnection(connectionId);
    return { connection: undefined, sockets: [], socketCount: 0 };
  }
}

/**
 * @param how `first`: this invocation is the one that ends the connection
 * @returns a row whose connection listeners may have set a listener of the connection's end; undefined if those have run
 */
async function endRow(
  server: NamespaceServer,
  invocation: Invocation,
  view: SocketView,
  { reason, first }: { readonly reason: DisconnectReason; readonly first: boolean },
): Promise<SocketRecord | "still connecting" | undefined> {
  const { store, clock } = invocation.ports;
  let row: SocketRecord | undefined = view.socket;
  const alone = row.phase === "connecting" && isForsaken(invocation, row);
  if (row.phase === "connecting" && !alone) {
    // Its CONNECT is running somewhere: it fails its commit and ends the socket. Unless it has just committed.
    if (await store.forbidSocket(row, row.id, reason)) return "still connecting";
    row = await store.readSocket(row);
  }
  if (!row || (row.neverOpened && !row.unshared)) return undefined;
  if (row.phase !== "ended" || row.unshared) {
    const from = alone ? "open or connecting" : "open";
    const socket = existingCore(invocation, server, { ...view, socket: row });
    if (socket && (await endSocket(socket, reason, from))) return alone ? undefined : row;
    // Its namespace is gone from the application: no listeners, but the row and the memberships end.
    if (!socket) await store.endSocket(row, row.id, reason, clock.now(), from);
    else if (first) return row; // another invocation ended just this socket and does the rest
  } else if (first) return row; // ended before its connection did, by an invocation that did the rest
  // An end before this one may have died between the row and the member rows.
  await releaseEnded(invocation, row);
  return row;
}

/**
 * Nobody else ends this connecting socket: its CONNECT is this invocation, and its listeners have run, or has died. (One that is
 * only late fails its commit, and finds the socket ended.)
 */
function isForsaken(invocation: Invocation, { connectionId, id, deadline }: SocketRecord): boolean {
  const here = socketsOf(invocation).some(
    (socket) => socket.life.ready && socket.id === id && socket.key.connectionId === connectionId,
  );
  return here || deadline < invocation.ports.clock.now();
}

/** Deletes the member rows that an ended (or orphaned) socket row names. */
export async function releaseEnded(invocation: Invocation, socket: SocketRecord): Promise<void> {
  const { store } = invocation.ports;
  const { nsp, id } = socket;
  await Promise.all([
    store.deleteMember({ nsp, room: EVERYONE, id, token: socket.token }),
    ...Object.entries(socket.rooms).map(([room, token]) => store.deleteMember({ nsp, room, id, token })),
    closeInboxes(invocation, socket),
  ]);
}
