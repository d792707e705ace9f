import { randomBytes } from "node:crypto";
import { CONNECTION_LIFE_MS } from "../../server/ports/gateway.ts";
import { EVERYONE } from "../../server/ports/rooms.ts";
import type { SocketRecord } from "../../server/ports/sockets.ts";
import { renewedToken } from "../../server/recovery/membership-history.ts";
import { stampTokens } from "../../server/rooms/joining.ts";
import type { SocketCore, SocketSeed } from "../../server/socket/socket-core.ts";
import type { PacketContext } from "../context.ts";
import type { Restored } from "./restore.ts";

/** 144 random bits: whoever knows it gets the session. Never given out twice. */
export const newPid = (): string => randomBytes(18).toString("base64url");

/** Longer than any socket of the session can be restored, in milliseconds since the epoch. */
export function sessionExpiry({ connection, server }: PacketContext): number {
  const { keepEndedMs = 0 } = server.options.recovery ?? {};
  return connection.connectedAt + CONNECTION_LIFE_MS + keepEndedMs;
}

type SessionSeed = Pick<
  SocketSeed,
  "id" | "token" | "data" | "rooms" | "left" | "forgotten" | "pid" | "recovered" | "resuming"
>;

/** What stock restores: id, rooms and data. Memberships begin when they began, under tokens that no end of before knows. */
export function restoredSeed({ invocation }: PacketContext, { pid, row }: Restored): SessionSeed {
  const renew = (token: string): string => renewedToken(token, invocation.offsets.next()) ?? token;
  const { id, data, left = [], forgotten } = row;
  const rooms = Object.fromEntries(Object.entries(row.rooms).map(([room, token]) => [room, renew(token)]));
  const stays = { id, data, rooms, left, ...(forgotten !== undefined && { forgotten }) };
  return { ...stays, token: renew(row.token), pid, recovered: true, resuming: true };
}

type Entered = Pick<SocketRecord, "rooms" | "token" | "left" | "forgotten" | "resuming">;

/**
 * The memberships for the commit of CONNECT. With recovery on, notes where in the rooms' logs they begin: one read for each new
 * room.
 */
export async function enterRooms(
  socket: SocketCore,
  drafted: SocketRecord["rooms"],
  restored: Restored | undefined,
): Promise<Entered> {
  const { pid, forgotten, memberships } = socket;
  if (pid === undefined) return { rooms: drafted, token: memberships.token };
  const before = restored?.row.rooms ?? {};
  const joined = Object.entries(drafted).filter(([room]) => !Object.hasOwn(before, room));
  const [everyone, stamped] = await Promise.all([
    restored ? [] : stampTokens(socket, [[EVERYONE, memberships.token]]),
    stampTokens(socket, joined),
  ]);
  memberships.renew([...everyone, ...stamped]);
  const rooms = { ...drafted, ...Object.fromEntries(stamped) };
  memberships.noteLeft(leftWhileConnecting(socket, before, drafted));
  return {
    ...{ rooms, token: memberships.token, left: memberships.left, resuming: restored !== undefined },
    ...(forgotten !== undefined && { forgotten }),
  };
}

/** With recovery on, makes a new session known before its client can come back for it: one write. */
export async function storeSession(
  context: PacketContext,
  { key, nsp, connection, pid }: SocketCore,
): Promise<void> {
  if (pid === undefined) return;
  const { connectionId } = key;
  const session = { pid, nsp: nsp.name, connectionId, connectedAt: connection.connectedAt };
  await context.ports.store.putSession(session, sessionExpiry(context));
}

/** Rooms of the restored session that its connection listeners left at once. */
function leftWhileConnecting(
  { invocation }: SocketCore,
  before: SocketRecord["rooms"],
  drafted: SocketRecord["rooms"],
): NonNullable<SocketRecord["left"]> {
  return Object.entries(before)
    .filter(([room]) => !Object.hasOwn(drafted, room))
    .map(([room, token]) => ({ room, token, until: invocation.offsets.next() }));
}
