import type { Member, RoomName } from "../ports/rooms.ts";
import type { SocketCore } from "../socket/socket-core.ts";

/** The rows by which emitters find a socket: one for each room that it is in. */
export function member(socket: SocketCore, room: RoomName, token: string): Member {
  return {
    nsp: socket.nsp.name,
    room,
    id: socket.id,
    connectionId: socket.key.connectionId,
    connectedAt: socket.connection.connectedAt,
    token,
    ...socket.hold,
  };
}

export async function putMembers(
  socket: SocketCore,
  tokens: Iterable<readonly [RoomName, string]>,
): Promise<void> {
  const { store } = socket.invocation.ports;
  // A session's socket may have gone on elsewhere by now, with the same id: the row of there must not be lost.
  const put = socket.pid === undefined ? store.putMember : store.holdMember;
  await Promise.all([...tokens].map(([room, token]) => put(member(socket, room, token))));
}

/** Those in these rooms, in their order: one read each. */
export async function readMembers(
  { invocation, nsp, id }: SocketCore,
  rooms: readonly string[],
): Promise<readonly (Member | undefined)[]> {
  const { store } = invocation.ports;
  return await Promise.all(rooms.map((room) => store.readMember({ nsp: nsp.name, room, id })));
}

export async function releaseMembers(
  { invocation, nsp, id }: SocketCore,
  tokens: readonly (readonly [string, string])[],
): Promise<void> {
  const { store } = invocation.ports;
  await Promise.all(tokens.map(([room, token]) => store.releaseMember({ nsp: nsp.name, room, id, token })));
}

/**
 * Deletes the socket's member rows that have these tokens. One by one: a batch takes no conditions.
 * @returns rooms where there was such a row
 */
export async function deleteMembers(
  socket: SocketCore,
  tokens: Iterable<readonly [RoomName, string]>,
): Promise<readonly RoomName[]> {
  const { store } = socket.invocation.ports;
  const nsp = socket.nsp.name;
  const deleted: RoomName[] = [];
  await Promise.all(
    [...tokens].map(async ([room, token]) => {
      if (await store.deleteMember({ nsp, room, id: socket.id, token })) deleted.push(room);
    }),
  );
  return deleted;
}
