import { type Effect, resolved } from "../common/effect.ts";
import { notAvailable } from "../common/unavailable.ts";
import type { Acting, NamespaceCore } from "../declared/namespace-core.ts";
import type { Invocation } from "../invocation/invocation.ts";
import { mustLookAgain } from "../invocation/recorded-answers.ts";
import type { EventPacket } from "../posting/post-to-all.ts";
import { notePackets } from "../socket/packet-create.ts";
import { type SocketCore, socketsOf } from "../socket/socket-core.ts";
import type { Audience } from "./broadcast.ts";
import { eventPacket } from "./event-packet.ts";
import { recordedAnswer, toArguments } from "./questions.ts";

/** What an operator has chosen so far. */
export interface Selection {
  readonly nsp: NamespaceCore;
  /** The socket whose `to`, `broadcast`… this is; undefined for `io`. */
  readonly from: SocketCore | undefined;
  readonly rooms: ReadonlySet<string>;
  readonly except: ReadonlySet<string>;
  /** Milliseconds, of `timeout()`. */
  readonly timeout?: number;
  readonly volatile?: boolean;
  /** Of `compress()` and `local`: they change nothing, and are told to who asks. */
  readonly compress?: boolean;
  readonly local?: boolean;
  /** It is one socket: its answer comes as that of a socket does, not as one of a list. */
  readonly single?: boolean;
}

export const audienceOf = ({ nsp, rooms, except }: Selection): Audience => ({
  nsp: nsp.name,
  rooms,
  except,
});

/** A socket judges its own operators; those of `io` go by the running event. */
export function actingOf({ from, nsp }: Selection): Acting | undefined {
  if (!from) return nsp.server.acting();
  return { invocation: from.invocation, mode: from.mode(), socket: from };
}

/** Does what was called for: in the running event, not at all in a replay, and where no event is running by itself. */
export function actOnSelected(
  selection: Selection,
  what: string,
  [operation, name]: readonly [string, string],
  live: (acting: Acting) => Effect<void>,
): Effect<void> {
  const acting = actingOf(selection);
  const { server } = selection.nsp;
  if (!acting) {
    if (operation === "broadcast" && server.outside.overlaps(what)) return resolved(undefined);
    return server.actOutside(what, (invocation) => live({ invocation, mode: "live" }));
  }
  acting.socket?.note(operation, name);
  return acting.mode === "replay" ? resolved(undefined) : live(acting);
}

/** Looks something up. What the first run of a connection listener found is what its replays find. */
export async function findSelected<T>(
  selection: Selection,
  what: string,
  look: (invocation: Invocation) => Promise<T[]>,
  forRecord: (found: T) => T,
): Promise<T[]> {
  const acting = actingOf(selection);
  refuseForParents(selection, what);
  const inTurn = (invocation: Invocation): Effect<T[]> =>
    invocation.act(what, async () => ({ rest: look(invocation) }));
  if (!acting) return await selection.nsp.server.actOutside(what, inTurn);
  const { invocation, mode, socket } = acting;
  const place = socket?.nextAnswer();
  if (socket && place && mode === "replay" && mustLookAgain(socket.answers.get(place)))
    return await look(invocation);
  if (socket && mode === "replay") return (toArguments(await recordedAnswer(socket, place)) ?? []) as T[];
  const found = await inTurn(invocation);
  if (socket && place) socket.answers.recordFound(place, JSON.stringify(found.map(forRecord)));
  return found;
}

/** Encodes an event to the chosen sockets, in their namespace or in a child of it. */
export function packetFor(
  { nsp: { server }, volatile }: Selection,
  invocation: Invocation,
  nsp: string,
  data: readonly unknown[],
  id?: number,
): EventPacket {
  return eventPacket(invocation, server, nsp, data, { id, volatile });
}

/**
 * `onAnyOutgoing`, and `packetCreate` of the connection, of the sockets that take part in this event and are among the chosen ones;
 * those of all others, which stock calls too where they share its process, are nowhere to be called: their sockets exist in no process.
 */
export function notifyOutgoing(
  { nsp, rooms, except, compress }: Selection,
  invocation: Invocation,
  data: readonly unknown[],
  packet: EventPacket,
): void {
  for (const socket of socketsOf(invocation)) {
    const { anyOutgoing, packetCreate } = socket.listeners;
    if (anyOutgoing.length + packetCreate.length === 0) continue;
    if (!socket.life.connected || socket.nsp.name !== nsp.name) continue;
    const isIn = (room: string): boolean => socket.memberships.rooms.has(room);
    if ((rooms.size > 0 && ![...rooms].some(isIn)) || [...except].some(isIn)) continue;
    for (const listener of [...anyOutgoing]) listener(...data);
    notePackets(socket, packet.frames, compress);
  }
}

/** @throws SkysocketError where it would be needed to know the sockets of all children at once */
export function refuseForParents({ nsp }: Selection, what: string): void {
  if (nsp.place === undefined) return;
  throw notAvailable(
    `${what} is not supported on parent namespaces and`,
    "call it on the namespaces by name: io.of(name).",
  );
}
