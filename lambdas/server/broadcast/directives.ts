import { offsetsFrom, timeOfOffset } from "../common/offsets.ts";
import type { NamespaceCore } from "../declared/namespace-core.ts";
import type { Invocation } from "../invocation/invocation.ts";
import type { Log } from "../ports/environment.ts";
import { type Directive, EVERYONE, type RoomName } from "../ports/rooms.ts";
import type { LeftRoom, SocketRecord, SocketView } from "../ports/sockets.ts";
import {
  isBeforeDirective,
  isRenewed,
  timeOfToken,
  toForget,
  tokenOfDirective,
} from "../recovery/membership-history.ts";
import { EMITTER_LIFE_MS } from "../recovery/owed.ts";
import { writeJoin } from "../rooms/joining.ts";
import { leave } from "../rooms/leaving.ts";
import type { SocketCore } from "../socket/socket-core.ts";
import type { Audience } from "./broadcast.ts";

/** With recovery off, only sockets that are connecting look for directives: for less than a minute. In milliseconds. */
const KEPT_MS = 2 * 60_000;

/**
 * `socketsJoin`, `socketsLeave` and `disconnectSockets` find sockets by their member rows. A socket that is away has none, and one
 * that is connecting has none yet, though its client has its `connect`. So what is asked for is put into the table first, and
 * the rows are read then; a CONNECT puts its rows first, and reads what was asked for then (also when it goes on with a session).
 * Whichever comes second sees the other. One write.
 */
export async function announceDirective(
  invocation: Invocation,
  { name: nsp, server }: NamespaceCore,
  { rooms, except }: Audience,
  what: Pick<Directive, "act" | "names" | "at">,
): Promise<void> {
  const { store, clock } = invocation.ports;
  const id = invocation.offsets.next();
  const keptMs = server.options.recovery?.keepEndedMs ?? KEPT_MS;
  await store.putDirective(
    { nsp, id, rooms: [...rooms], except: [...except], ...what },
    clock.now() + keptMs,
  );
}

/**
 * From where on a session has to look for directives when it goes on: whoever put one before the end of its connection may have
 * read the rooms after it, as late as an emitter may put a packet into a log. A CONNECT that died may not have put its member
 * rows, or not have looked: then all since it began.
 */
export function directivesSince({
  endedAt = 0,
  running,
  token,
}: Pick<SocketRecord, "endedAt" | "running" | "token">): string {
  const began = running === undefined ? endedAt : Math.min(endedAt, timeOfToken(token) ?? 0);
  return offsetsFrom(began - EMITTER_LIFE_MS);
}

/** What directives look at, and change. */
export type SocketStanding = Pick<SocketRecord, "id" | "token" | "rooms" | "left" | "forgotten">;

export interface Directed<T extends SocketStanding> {
  /** As it stands after all of them. */
  readonly socket: T;
  /** It is to end; directives after that are not its. */
  readonly end?: "disconnect" | "close";
  /** Rooms that it was to join, and that were too many. */
  readonly refused: readonly string[];
}

/**
 * Does to a socket, one after the other, what directives say. One that has been followed before changes nothing: joins and leaves
 * that came after it stand in the socket's row with their times.
 * @param limit rooms that a socket may be in
 */
export function directed<T extends SocketStanding>(
  start: T,
  directives: readonly Directive[],
  limit: number,
): Directed<T> {
  let socket = start;
  const refused: string[] = [];
  for (const directive of directives) {
    if (!isFor(socket, directive)) continue;
    const { act, names, id } = directive;
    if (act === "disconnect" || act === "close") return { socket, end: act, refused };
    if (act === "leave") socket = left(socket, names, id);
    else {
      const missing = names.filter((name) => !has(socket, name) && !leftLater(socket, name, id));
      const free = Math.max(0, limit - Object.keys(socket.rooms).length);
      refused.push(...missing.slice(free));
      socket = joined(socket, missing.slice(0, free), id);
    }
  }
  return { socket, refused };
}

/** Was the socket among those that were meant, when it was called for? */
function isFor(socket: SocketStanding, { rooms, except, id, at = id }: Directive): boolean {
  const meant: readonly RoomName[] = rooms.length === 0 ? [EVERYONE] : rooms;
  return meant.some((room) => wasIn(socket, room, at)) && !except.some((room) => wasIn(socket, room, at));
}

/** Was it there at that time, be it on another connection from which its session has gone on since? */
export function wasConnected({ connection, socket: { id, token } }: SocketView, at: string): boolean {
  if (!isBeforeDirective({ room: EVERYONE, id, token }, at)) return false;
  return isRenewed(token) || connection.connectedAt <= timeOfOffset(at);
}

function wasIn({ id, token, rooms, left: all = [] }: SocketStanding, room: RoomName, at: string): boolean {
  const since = (one: string): boolean => isBeforeDirective({ room, id, token: one }, at);
  if (room === EVERYONE) return since(token);
  if (Object.hasOwn(rooms, room) && since(rooms[room] ?? "")) return true;
  return all.some((stay) => stay.room === room && at <= stay.until && since(stay.token));
}

const has = ({ rooms }: SocketStanding, room: string): boolean => Object.hasOwn(rooms, room);

const leftLater = ({ left: all = [] }: SocketStanding, room: string, at: string): boolean =>
  all.some((stay) => stay.room === room && stay.until > at);

function left<T extends SocketStanding>(socket: T, names: readonly string[], at: string): T {
  const gone = names.filter((room) => has(socket, room) && wasIn(socket, room, at));
  if (gone.length === 0) return socket;
  const kept = Object.entries(socket.rooms).filter(([room]) => !gone.includes(room));
  const noted = gone.map((room): LeftRoom => ({ room, token: socket.rooms[room] ?? "", until: at }));
  const { left: before = [] } = socket;
  const { forget, forgotten } = toForget(before, noted.length);
  return {
    ...socket,
    rooms: Object.fromEntries(kept),
    left: [...before.filter((one) => !forget.includes(one)), ...noted],
    ...(forgotten !== undefined && { forgotten }),
  };
}

function joined<T extends SocketStanding>(socket: T, names: readonly string[], at: string): T {
  if (names.length === 0) return socket;
  const entered = names.map((room) => [room, tokenOfDirective(at)] as const);
  return { ...socket, rooms: { ...socket.rooms, ...Object.fromEntries(entered) } };
}

/** Nobody is there to whom an error could be thrown: who asked has gone on. */
export function reportRefused(
  log: Log,
  { id, nsp }: Pick<SocketRecord, "id" | "nsp">,
  refused: readonly string[],
): void {
  if (refused.length === 0) return;
  log.error(
    "SKY_TOO_MANY_ROOMS",
    `socketsJoin() was called for a socket that was away or connecting: ${refused.length} of the rooms are more than it may be in. Raise maxRoomsPerSocket, or use a room for several topics.`,
    { nsp, socket: id },
  );
}

/**
 * A socket that has just put its member rows does what it was told before they were there.
 * @param from an offset, or the beginning of one: when it began to be in its rooms, or {@link directivesSince}
 * @returns how it is to end, if it is
 */
export async function followDirectives(
  socket: SocketCore,
  from: string,
): Promise<Directed<SocketStanding>["end"]> {
  const { id, nsp, invocation } = socket;
  const { store, log } = invocation.ports;
  const found = await store.readDirectives(nsp.name, from);
  // Who has just connected was not there when what was put late had been called for; of a session its membership tells.
  const directives = found.filter(({ id: put, at = put }) => socket.recovered || at >= from);
  const { memberships } = socket;
  const { token, tokens: rooms, left: leftBefore } = memberships;
  const before: SocketStanding = { id, token, rooms, left: leftBefore };
  const { socket: after, end, refused } = directed(before, directives, nsp.server.options.maxRoomsPerSocket);
  reportRefused(log, { id, nsp: nsp.name }, refused);
  for (const { room, until } of (after.left ?? []).filter((one) => !leftBefore.includes(one))) {
    memberships.hide([room]);
    await leave(socket, [room], until);
  }
  const joins = Object.entries(after.rooms).filter(([room]) => !has(before, room));
  memberships.enter(joins);
  if (joins.length > 0) await writeJoin(socket, Object.fromEntries(joins));
  return end;
}
