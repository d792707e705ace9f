import { MergeSorted } from "../common/merge-sorted.ts";
import type { FanOutStore, SocketRange } from "../ports/fan-out.ts";
import type { Member, RoomName } from "../ports/rooms.ts";

export interface Sought {
  readonly nsp: string;
  readonly rooms: readonly RoomName[];
  readonly except: Iterable<string>;
  readonly range: SocketRange;
  /** About how many are wanted first. */
  readonly pageSize: number;
  /** Which rows of the rooms count; all of them where nothing is said. */
  readonly counts?: (member: Member) => boolean;
  /** Which rows of the rooms to leave out count; all of them where nothing is said. */
  readonly countsOut?: (member: Member) => boolean;
}

/**
 * The members of the rooms, without those of the other ones, in the order of their ids and each once. Holds a page of each
 * room, however many there are.
 */
export async function* membersInOrder(
  store: Pick<FanOutStore, "listMembersInOrder">,
  { nsp, rooms, except, range, pageSize, counts = all, countsOut = all }: Sought,
): AsyncGenerator<Member> {
  const included = new MergeSorted(
    rooms.flatMap((room) => store.listMembersInOrder(nsp, room, range, pageSize)),
  );
  // By pages as large as they come: of these there may be many between two that are wanted.
  const excluded = new MergeSorted(
    [...new Set(except)].flatMap((room) => store.listMembersInOrder(nsp, room, range)),
  );
  try {
    await Promise.all([included.open(), excluded.open()]);
    let last: string | undefined;
    for (let next = included.first; next; next = included.first) {
      if (next.id !== last && counts(next)) {
        last = next.id;
        while (excluded.first && isPassed(excluded.first, next.id, countsOut)) await excluded.skip();
        if (excluded.first?.id !== next.id) yield next;
      }
      await included.skip();
    }
  } finally {
    await Promise.all([included.close(), excluded.close()]);
  }
}

const all = (): boolean => true;

/** A row that leaves nobody out from here on. */
const isPassed = (row: Member, id: string, countsOut: (member: Member) => boolean): boolean =>
  row.id < id || (row.id === id && !countsOut(row));
