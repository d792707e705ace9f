import { SkysocketError } from "./errors.ts";
import type { Member, RoomName, SocketRecord } from "./ports.ts";
import { EVERYONE } from "./ports.ts";
import type { SocketCore } from "./socket-core.ts";

/**
 * Joining and leaving, as docs/ARCHITECTURE.md says. The socket's row decides (a map from room to token), the member row is what
 * emitters read. Each join has a new token, so that a leave and a join of the same room that race, in whatever order
 * their writes arrive, end with both rows saying the same.
 */
export function member(socket: SocketCore, room: RoomName, token: string): Member {
  return {
    nsp: socket.nsp.name,
    room,
    id: socket.id,
    connectionId: socket.key.connectionId,
    connectedAt: socket.connection.connectedAt,
    token,
  };
}

/**
 * The rooms the socket is not in yet get a token and count as joined from here on (`socket.rooms` changes synchronously).
 * @throws SkysocketError when that would be too many rooms
 */
export function startJoin(
  socket: SocketCore,
  rooms: readonly string[],
  limit: number,
): Record<string, string> {
  const missing = [...new Set(rooms)].filter((room) => !socket.rooms.has(room));
  if (socket.rooms.size + missing.length > limit) {
    throw new SkysocketError(
      "SKY_TOO_MANY_ROOMS",
      `the socket is in ${socket.rooms.size} rooms and was to join ${missing.length} more; ${limit} are allowed. Raise maxRoomsPerSocket (all of a socket's rooms are part of its row, which is read at each event), or use a room for several topics.`,
    );
  }
  const tokens: [string, string][] = missing.map((room) => [room, socket.newToken()]);
  for (const [room, token] of tokens) {
    socket.rooms.add(room);
    socket.tokens.set(room, token);
  }
  return Object.fromEntries(tokens);
}

/** Writes what {@link startJoin} began: one write for the socket, one for each room, one read. */
export async function finishJoin(
  socket: SocketCore,
  tokens: Readonly<Record<string, string>>,
): Promise<void> {
  if (Object.keys(tokens).length === 0) return;
  const { store } = socket.invocation.ports;
  if (!(await store.addRooms(socket.key, socket.id, tokens))) return; // it ended meanwhile: there is nothing to join
  try {
    await putMembers(socket, Object.entries(tokens));
    await verifyMembers(socket, Object.entries(tokens));
  } catch (error) {
    await undoJoin(socket, Object.keys(tokens));
    throw error;
  }
}

/** Half joined is worse than not: the socket would believe that it is in the room, and a later join would do nothing. */
async function undoJoin(socket: SocketCore, rooms: readonly string[]): Promise<void> {
  for (const room of rooms) {
    socket.rooms.delete(room);
    socket.tokens.delete(room);
  }
  await leave(socket, rooms);
}

export async function putMembers(
  socket: SocketCore,
  tokens: Iterable<readonly [RoomName, string]>,
): Promise<void> {
  const { store } = socket.invocation.ports;
  await Promise.all([...tokens].map(([room, token]) => store.putMember(member(socket, room, token))));
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

/** Removes rooms from the socket's row and the member rows that go with them. */
export async function leave(socket: SocketCore, rooms: readonly string[]): Promise<void> {
  const removed = await socket.invocation.ports.store.removeRooms(socket.key, socket.id, rooms);
  await deleteMembers(socket, Object.entries(removed));
}

/** Deletes the socket's member rows that have these tokens. One by one: a batch takes no conditions. */
export async function deleteMembers(
  socket: SocketCore,
  tokens: Iterable<readonly [RoomName, string]>,
): Promise<void> {
  const { store } = socket.invocation.ports;
  const nsp = socket.nsp.name;
  await Promise.all(
    [...tokens].map(([room, token]) => store.deleteMember({ nsp, room, id: socket.id, token })),
  );
}

/** Everything a socket is a member of: its rooms and everyone. */
export function* memberships(socket: SocketCore): Iterable<readonly [RoomName, string]> {
  yield [EVERYONE, socket.token];
  yield* socket.tokens;
}
