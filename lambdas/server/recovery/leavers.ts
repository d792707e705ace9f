import type { FanOutStore, SocketRange } from "../ports/fan-out.ts";
import type { Leaver, Member, RoomName } from "../ports/rooms.ts";
import type { Store } from "../ports/store.ts";
import { MembershipHistory } from "./membership-history.ts";

/** A packet of the log, and to whom it goes. */
export interface RangePacket {
  readonly nsp: string;
  readonly rooms: readonly RoomName[];
  readonly except: Iterable<string>;
  /** Its offset. */
  readonly id: string;
}

/**
 * Whose leavers are to be noted, for a packet that workers post. Nobody leaves EVERYONE but by its end, and a session that comes back
 * is sent what it missed.
 */
export const roomsToLeave = ({ rooms, except }: Pick<RangePacket, "rooms" | "except">): readonly string[] => [
  ...new Set([...rooms.filter((room) => typeof room === "string"), ...except]),
];

type LeaverStore = Pick<FanOutStore, "readLeavers"> & Pick<Store, "readRooms">;

/**
 * The members of a range as the time of the packet decides, although they were read later: who has left one of its rooms since
 * gets it, and who has left one of those to leave out does not. Whoever leaves is noted first, and its member row is deleted
 * then; so this reads the notes after the members. The rows of those sockets decide, as they do when they resume.
 * Costs one Query for each room that has a name, and a read for each socket of the range that has left one.
 * @param members those that were found, in a range that was read to its end
 */
export async function withLeavers(
  store: LeaverStore,
  { nsp, rooms, except, id }: RangePacket,
  range: SocketRange,
  members: readonly Member[],
): Promise<readonly Member[]> {
  const noted = await Promise.all(
    roomsToLeave({ rooms, except }).map((room) => store.readLeavers(nsp, room, id)),
  );
  const leavers = latestOfEach(noted.flat().filter((leaver) => isWithin(range, leaver)));
  if (leavers.size === 0) return members;
  const others = members.filter((member) => !leavers.has(member.id));
  const there = new Map(members.map((member) => [member.id, member]));
  const decided = await Promise.all(
    [...leavers.values()].map(async (leaver) => {
      const member = there.get(leaver.id);
      const { connectionId } = member ?? leaver;
      const row = await store.readRooms({ connectionId, nsp });
      // One that has ended may come back as a session, which is sent what it missed.
      if (row?.id !== leaver.id || row.phase !== "open") return member ? [member] : [];
      const presence = new MembershipHistory(row);
      const isFor = rooms.some((room) => presence.covers({ room, id, except: [...except] }));
      return isFor ? [member ?? leaver] : [];
    }),
  );
  return [...others, ...decided.flat()];
}

const isWithin = ({ from, to }: SocketRange, { id }: Leaver): boolean =>
  (from === undefined || id >= from) && (to === undefined || id < to);

/** Each socket once, on the connection that it had last. */
function latestOfEach(all: readonly Leaver[]): ReadonlyMap<string, Leaver> {
  const latest = new Map<string, Leaver>();
  for (const leaver of all) {
    const other = latest.get(leaver.id);
    if (!other || other.connectedAt <= leaver.connectedAt) latest.set(leaver.id, leaver);
  }
  return latest;
}
