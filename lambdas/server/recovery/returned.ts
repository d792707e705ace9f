import type { Member } from "../ports/rooms.ts";
import type { Store } from "../ports/store.ts";
import { isBeforePacket, isRenewed } from "./membership-history.ts";

/**
 * Who came back so long before the rooms were read, in milliseconds, may not have been in all of its rooms then: its connection
 * is older than its rows, by as long as `CONNECT` takes.
 */
const RECENT_MS = 60_000;

export interface LeavingOut {
  readonly nsp: string;
  readonly except: ReadonlySet<string>;
  /** When reading the rooms began, in milliseconds since the epoch. */
  readonly since: number;
  /** The packet's, if it is in the logs: who joined a room to leave out after it is not left out. */
  readonly offset?: string | undefined;
}

/**
 * The members without those that are left out after all. While a socket is away its rows are gone from its rooms, but it is in
 * them: an emitter that reads the rooms to leave out meanwhile, and the others when it is back, would send it what is not for
 * it, its own broadcast above all. The rows of sockets tell, which are there before those of their rooms: one read for
 * each who has just come back, if anybody is to be left out.
 */
export async function withoutReturned<T extends Member>(
  store: Pick<Store, "readRooms">,
  { nsp, except, since, offset }: LeavingOut,
  members: readonly T[],
): Promise<readonly T[]> {
  if (except.size === 0) return members;
  const kept = await Promise.all(
    members.map(async ({ id, connectionId, connectedAt, token }) => {
      if (!isRenewed(token) || connectedAt < since - RECENT_MS) return true;
      const row = await store.readRooms({ connectionId, nsp });
      if (row?.id !== id) return true;
      return ![...except].some((room) => {
        if (!Object.hasOwn(row.rooms, room)) return false;
        return offset === undefined || isBeforePacket({ room, id, token: row.rooms[room] ?? "" }, offset);
      });
    }),
  );
  return members.filter((_, at) => kept[at]);
}
