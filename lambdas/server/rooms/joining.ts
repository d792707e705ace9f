import { SkysocketError } from "../common/errors.ts";
import { earliestNow } from "../common/offsets.ts";
import { MAX_NAME_BYTES, MAX_ROOM_NAMES_BYTES, nameBytes } from "../common/row-limits.ts";
import { allFannedOut } from "../fan-out/fan-out.ts";
import type { RoomName } from "../ports/rooms.ts";
import type { SocketRecord } from "../ports/sockets.ts";
import { joinToken } from "../recovery/membership-history.ts";
import { newMembershipToken } from "../socket/memberships.ts";
import type { SocketCore } from "../socket/socket-core.ts";
import { leave } from "./leaving.ts";
import { deleteMembers, putMembers, readMembers, releaseMembers } from "./member-rows.ts";

/**
 * Joining and leaving, as docs/architecture/table.md says. The socket's row decides (a map from room to token), the member row is what
 * emitters read. Each join has a new token, so that a leave and a join of the same room that race, in whatever order
 * their writes arrive, end with both rows saying the same.
 */

/**
 * The rooms the socket is not in yet get a token and count as joined from here on (`socket.rooms` changes synchronously).
 * @throws SkysocketError when that would be too many rooms
 */
export function startJoin(
  socket: SocketCore,
  rooms: readonly string[],
  limit: number,
): Record<string, string> {
  const { memberships } = socket;
  const before = memberships.rooms;
  const missing = [...new Set(rooms)].filter((room) => !before.has(room));
  if (before.size + missing.length > limit) {
    throw new SkysocketError(
      "SKY_TOO_MANY_ROOMS",
      `the socket is in ${before.size} rooms and was to join ${missing.length} more; ${limit} are allowed. Raise maxRoomsPerSocket (all of a socket's rooms are part of its row, which is read at each event), or use a room for several topics.`,
    );
  }
  const bytes = [...before, ...missing].reduce((all, room) => all + nameBytes(room), 0);
  const tooLong = missing.find((room) => nameBytes(room) > MAX_NAME_BYTES);
  if (tooLong !== undefined || bytes > MAX_ROOM_NAMES_BYTES) {
    const which = tooLong ?? missing.join();
    throw new SkysocketError(
      "SKY_ROOM_NAMES_TOO_LONG",
      `the socket was to join ${JSON.stringify(which.slice(0, 40))}…: with it the names of its rooms take ${bytes} bytes; ${MAX_NAME_BYTES} are allowed for one and ${MAX_ROOM_NAMES_BYTES} together, since all of them are part of the socket's row. Use shorter names, and check those that come from clients.`,
    );
  }
  const tokens: [string, string][] = missing.map((room) => [room, newMembershipToken()]);
  memberships.enter(tokens);
  return Object.fromEntries(tokens);
}

/**
 * Recovery needs to know from where on a room's packets are the socket's, which tokens then tell: one read for each room,
 * before the member row is put.
 */
export async function stampTokens(
  socket: SocketCore,
  tokens: Iterable<readonly [RoomName, string]>,
): Promise<(readonly [RoomName, string])[]> {
  const { pid, nsp, invocation } = socket;
  if (pid === undefined) return [...tokens];
  const { store, clock } = invocation.ports;
  const stamp = async (room: RoomName): Promise<readonly [RoomName, string]> => {
    const joined = invocation.offsets.next();
    return [room, await joinToken(store, { nsp: nsp.name, room, joined, now: earliestNow(clock) })];
  };
  return await Promise.all([...tokens].map(([room]) => stamp(room)));
}

/**
 * Writes what {@link startJoin} began: one write for the socket, one for each room, one read; with recovery, one read more a room. For
 * a room that the socket is in already, one read.
 * @param rooms all that it is to be in
 */
export async function finishJoin(
  socket: SocketCore,
  rooms: readonly string[],
  started: Readonly<Record<string, string>>,
): Promise<void> {
  const known = [...new Set(rooms)].filter((room) => !Object.hasOwn(started, room));
  const left = await finishJoins(socket, known);
  const entries = [...Object.entries(started), ...left.map((room) => [room, newMembershipToken()] as const)];
  if (entries.length === 0) return;
  await allFannedOut(socket.invocation);
  const tokens = Object.fromEntries(await stampTokens(socket, entries));
  socket.memberships.renew(Object.entries(tokens));
  await writeJoin(socket, tokens);
}

/**
 * Rooms that the socket is in, as far as this event knows: an earlier join of them may have died before it put the member row, and
 * nobody else would ever know that the socket is there. It is put then, under the token that the socket's row has.
 * @returns rooms that the socket has left meanwhile, by another event
 */
async function finishJoins(socket: SocketCore, rooms: readonly string[]): Promise<readonly string[]> {
  const found = await readMembers(socket, rooms);
  const absent = rooms.filter((_, at) => found[at] === undefined);
  if (absent.length === 0) return [];
  await allFannedOut(socket.invocation);
  const row = await socket.invocation.ports.store.readRooms(socket.key);
  const standing = row?.id === socket.id ? row.rooms : {};
  const begun = Object.entries(standing).filter(([room]) => absent.includes(room));
  await putMembers(socket, begun);
  await verifyMembers(socket, begun);
  return absent.filter((room) => !Object.hasOwn(standing, room));
}

/** Puts the socket into rooms under these tokens. */
export async function writeJoin(socket: SocketCore, tokens: Readonly<Record<string, string>>): Promise<void> {
  const { store } = socket.invocation.ports;
  try {
    if (!(await store.addRooms(socket.key, socket.id, tokens))) return; // it ended meanwhile: there is nothing to join
    await putMembers(socket, Object.entries(tokens));
    await verifyMembers(socket, Object.entries(tokens));
  } catch (error) {
    await undoJoin(socket, Object.keys(tokens));
    throw error;
  }
}

/** Half joined is worse than not: the socket would believe that it is in the room, and nobody else would know. */
async function undoJoin(socket: SocketCore, rooms: readonly string[]): Promise<void> {
  socket.memberships.leave(rooms);
  await leave(socket, rooms);
}

/**
 * Whoever put a member row looks at the socket's row once more: an end or a leave may have come between the two writes and
 * have missed it, and another join of the same room may have been overwritten by it. So the row is deleted, or gets the
 * token that decides now; then it is looked at again. Every put is followed by a look that finds both rows equal.
 */
export async function verifyMembers(
  socket: SocketCore,
  put: readonly (readonly [string, string])[],
): Promise<void> {
  for (let unsure = put; unsure.length > 0; ) {
    const row = await socket.invocation.ports.store.readSocket(socket.key);
    unsure = await repairMembers(socket, row, unsure);
  }
}

/** Makes the member rows that were put agree with the socket's row; those that had to be put again. */
async function repairMembers(
  socket: SocketCore,
  row: SocketRecord | undefined,
  put: readonly (readonly [string, string])[],
): Promise<readonly (readonly [string, string])[]> {
  const alive = row?.id === socket.id && row.phase === "open";
  // The resume has come to its end since this event read the row, and has not seen what was put after: that is held no longer.
  if (alive && socket.life.resuming && !row.resuming) {
    socket.life.endResume();
    await releaseMembers(socket, put);
  }
  const deciding = (room: string): string | undefined => (alive ? row.rooms[room] : undefined);
  const wrong = put.filter(([room, token]) => deciding(room) !== token);
  await deleteMembers(
    socket,
    wrong.filter(([room]) => deciding(room) === undefined),
  );
  const again = wrong.flatMap(([room]) => {
    const token = deciding(room);
    return token === undefined ? [] : [[room, token] as const];
  });
  await putMembers(socket, again);
  return again;
}
