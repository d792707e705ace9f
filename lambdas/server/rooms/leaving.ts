import { earliestNow, latestOf, offsetsFrom } from "../common/offsets.ts";
import { allFannedOut } from "../fan-out/fan-out.ts";
import type { Leaving } from "../ports/sockets.ts";
import { toForget } from "../recovery/membership-history.ts";
import type { SocketCore } from "../socket/socket-core.ts";
import { deleteMembers, member, readMembers } from "./member-rows.ts";

/**
 * Removes rooms from the socket's row and the member rows that go with them.
 * @param until an offset: when it left them, if that was not now
 */
export async function leave(socket: SocketCore, rooms: readonly string[], until?: string): Promise<void> {
  await allFannedOut(socket.invocation);
  const { store } = socket.invocation.ports;
  const leaving = await noteLeaving(socket, rooms, until);
  const removed = await store.removeRooms(socket.key, socket.id, rooms, leaving);
  const deleted = await deleteMembers(socket, Object.entries(removed));
  await finishLeaves(
    socket,
    rooms.filter((room) => !deleted.includes(room)),
  );
}

/**
 * Rooms of which no member row was found by its token: an earlier leave may have died before it deleted the row, or the answer to this
 * one was lost. Such a row would go on bringing what the room is sent. Member rows are read before the socket's: a room that the
 * socket is then not in had no join standing when its member row was read, and a later join has a token of its own. One read a room.
 */
async function finishLeaves(socket: SocketCore, rooms: readonly string[]): Promise<void> {
  const { key, id, invocation } = socket;
  const found = await readMembers(socket, rooms);
  const own = rooms.flatMap((room, at) => {
    const row = found[at];
    return row?.connectionId === key.connectionId ? [[room, row.token] as const] : [];
  });
  if (own.length === 0) return;
  const row = await invocation.ports.store.readRooms(key);
  const standing = row?.id === id ? row.rooms : {};
  await deleteMembers(
    socket,
    own.filter(([room]) => !Object.hasOwn(standing, room)),
  );
}

/**
 * With recovery, what the rooms were sent up to now remains the socket's: one read for each. Workers may still be about to post some
 * of it (fan-out.ts): then it costs one write more for each to note who leaves, before the member rows are deleted.
 */
async function noteLeaving(
  socket: SocketCore,
  rooms: readonly string[],
  at?: string,
): Promise<Leaving | undefined> {
  if (socket.pid === undefined) return undefined;
  const { until, noteIn } = at === undefined ? await endOfStays(socket, rooms) : { until: at, noteIn: rooms };
  const { memberships } = socket;
  const { store } = socket.invocation.ports;
  await Promise.all(
    noteIn.map((room) =>
      store.putLeaver({ ...member(socket, room, memberships.tokenOf(room) ?? memberships.token), until }),
    ),
  );
  const forgetting = toForget(memberships.left, rooms.length);
  const left = rooms.map((room) => ({ room, token: memberships.tokenOf(room) ?? "", until }));
  memberships.noteLeft(left, forgetting.forget);
  return { until, ...forgetting };
}

/** Emitters whose clocks are ahead of ours have later ids than ours: the last packets of the logs tell. */
async function endOfStays(
  { nsp, invocation }: SocketCore,
  rooms: readonly string[],
): Promise<{ readonly until: string; readonly noteIn: readonly string[] }> {
  const { store, clock } = invocation.ports;
  const now = earliestNow(clock);
  const left = clock.aheadMs === undefined ? invocation.offsets.next() : offsetsFrom(now);
  const ends = await Promise.all(rooms.map((room) => store.readLogEnd(nsp.name, room, offsetsFrom(now))));
  return {
    until: latestOf(left, ...ends.flatMap(({ last = [] }) => last)),
    noteIn: rooms.filter((_, at) => ends[at]?.notesLeavers),
  };
}
