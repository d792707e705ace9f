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
  const included = new Merged(rooms.flatMap((room) => store.listMembersInOrder(nsp, room, range, pageSize)));
  // By pages as large as they come: of these there may be many between two that are wanted.
  const excluded = new Merged(
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

/** Several sorted sources as one. */
class Merged {
  readonly #sources: readonly Source[];
  #head: Source | undefined;

  constructor(sources: readonly AsyncGenerator<readonly Member[]>[]) {
    this.#sources = sources.map((pages) => new Source(pages));
  }

  get first(): Member | undefined {
    return this.#head?.first;
  }

  async open(): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.fill()));
    this.#choose();
  }

  async skip(): Promise<void> {
    const source = this.#head;
    if (source && !source.skip()) await source.fill();
    this.#choose();
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#sources.map((source) => source.close()));
  }

  #choose(): void {
    this.#head = undefined;
    for (const source of this.#sources) {
      const { first } = source;
      if (first && (!this.#head?.first || first.id < this.#head.first.id)) this.#head = source;
    }
  }
}

class Source {
  readonly #pages: AsyncGenerator<readonly Member[]>;
  #page: readonly Member[] = [];
  #at = 0;

  constructor(pages: AsyncGenerator<readonly Member[]>) {
    this.#pages = pages;
  }

  get first(): Member | undefined {
    return this.#page[this.#at];
  }

  /** False when the page is over: then it has to be filled. */
  skip(): boolean {
    return ++this.#at < this.#page.length;
  }

  async fill(): Promise<void> {
    this.#at = 0;
    do {
      const { value, done } = await this.#pages.next();
      this.#page = done ? [] : value;
      if (done) return;
    } while (this.#page.length === 0);
  }

  async close(): Promise<void> {
    await this.#pages.return(undefined);
  }
}
