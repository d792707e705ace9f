import { coreOf } from "../application/replay.ts";
import type { Effect } from "../common/effect.ts";
import { type Handshake, handshakeOf } from "../common/handshake.ts";
import type { NamespaceCore } from "../declared/namespace-core.ts";
import { disconnectNow } from "../ending/ending.ts";
import type { Invocation, Step } from "../invocation/invocation.ts";
import type { SocketView } from "../ports/sockets.ts";
import { finishJoin, startJoin } from "../rooms/joining.ts";
import { leave } from "../rooms/leaving.ts";
import { SavedState } from "../socket/saved-state.ts";
import type { SocketCore } from "../socket/socket-core.ts";
import { type Audience, resolveMembers } from "./broadcast.ts";
import { announceDirective, wasConnected } from "./directives.ts";

/** What is known of a socket that is connected somewhere; plain JSON. */
export interface RemoteSocketDetails {
  readonly id: string;
  readonly handshake: Handshake;
  readonly rooms: readonly string[];
  readonly data: unknown;
}

/**
 * The open sockets of an audience, with their rows, in order of connecting: stock's order where nobody joined a room later than
 * they could. All of them have been read by now, so it costs no request; members come in the order of their random ids.
 */
async function openSockets(invocation: Invocation, audience: Audience): Promise<readonly SocketView[]> {
  const members = await resolveMembers(invocation, audience);
  const views = await invocation.ports.store.readSockets(
    members.map(({ connectionId }) => ({ connectionId, nsp: audience.nsp })),
  );
  const ids = new Set(members.map(({ id }) => id));
  return views
    .filter(({ socket }) => ids.has(socket.id) && socket.phase === "open")
    .sort((a, b) => a.connection.connectedAt - b.connection.connectedAt);
}

export async function fetchDetails(
  invocation: Invocation,
  audience: Audience,
): Promise<RemoteSocketDetails[]> {
  const views = await openSockets(invocation, audience);
  return views.map(({ connection, socket }) => ({
    id: socket.id,
    handshake: handshakeOf(connection, socket.auth),
    rooms: Object.keys(socket.rooms),
    data: new SavedState("socket.data", socket.data).values(),
  }));
}

/** In order of connecting. */
export async function fetchIds(invocation: Invocation, audience: Audience): Promise<string[]> {
  const members = await resolveMembers(invocation, audience);
  return [...members].sort((a, b) => a.connectedAt - b.connectedAt).map(({ id }) => id);
}

export async function joinAll(
  invocation: Invocation,
  nsp: NamespaceCore,
  audience: Audience,
  rooms: readonly string[],
): Promise<Step<void>> {
  const limit = nsp.server.options.maxRoomsPerSocket;
  await announceDirective(invocation, nsp, audience, { act: "join", names: rooms });
  await forEach(invocation, nsp, audience, (socket) =>
    finishJoin(socket, rooms, startJoin(socket, rooms, limit)),
  );
  return { rest: undefined };
}

export async function leaveAll(
  invocation: Invocation,
  nsp: NamespaceCore,
  audience: Audience,
  rooms: readonly string[],
): Promise<Step<void>> {
  await announceDirective(invocation, nsp, audience, { act: "leave", names: rooms });
  await forEach(invocation, nsp, audience, async (socket) => {
    socket.memberships.hide(rooms);
    await leave(socket, rooms);
  });
  return { rest: undefined };
}

/**
 * Ends sockets as `socket.disconnect()` does, wherever they are: their listeners run in this invocation.
 * @param at when it was called for, if that was earlier, an offset: leaves out those that connected later
 */
export function disconnectAll(
  invocation: Invocation,
  nsp: NamespaceCore,
  audience: Audience,
  close: boolean,
  at?: string,
): Effect<void> {
  return invocation.actInLane("disconnectSockets()", async () => {
    // In the queue: who is chosen follows the joins and leaves that were called before.
    const views = await invocation.act("disconnectSockets()", async () => {
      const act = close ? "close" : "disconnect";
      await announceDirective(invocation, nsp, audience, { act, names: [], ...(at !== undefined && { at }) });
      return { rest: await openSockets(invocation, audience) };
    });
    const chosen = views.filter((view) => at === undefined || wasConnected(view, at));
    const sockets = chosen.map((view) => coreOf(invocation, declaredOr(nsp, view), view));
    await Promise.all(sockets.map((socket) => disconnectNow(socket, close)));
  });
}

/** Has the socket function do it: after what this invocation was asked to do before, and once more if that dies. */
export function disconnectLater(invocation: Invocation, audience: Audience, close: boolean): Effect<void> {
  const { nsp, rooms, except } = audience;
  return invocation.act("disconnectSockets()", async () => {
    await invocation.ports.tasks.start({
      task: "disconnect",
      nsp,
      rooms: [...rooms],
      except: [...except],
      close,
      at: invocation.offsets.next(),
    });
    return { rest: undefined };
  });
}

async function forEach(
  invocation: Invocation,
  nsp: NamespaceCore,
  audience: Audience,
  change: (socket: SocketCore) => Promise<void>,
): Promise<void> {
  const views = await openSockets(invocation, audience);
  await Promise.all(views.map((view) => change(coreOf(invocation, declaredOr(nsp, view), view))));
}

/** The namespace with its listeners: only the row of a socket knows the function that let it in (declared/dynamic-namespaces.ts). */
const declaredOr = (nsp: NamespaceCore, { socket }: SocketView): NamespaceCore =>
  nsp.server.declared(socket) ?? nsp;
