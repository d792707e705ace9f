import { mergeSorted } from "../common/merge-sorted.ts";
import { latestOf, offsetsFrom, timeOfOffset } from "../common/offsets.ts";
import type { Clock } from "../ports/environment.ts";
import type { LogRow, RoomName } from "../ports/rooms.ts";
import type { Store } from "../ports/store.ts";
import { CLOCK_TOLERANCE_MS, type MembershipHistory } from "./membership-history.ts";
import { EMITTER_LIFE_MS, isLongOpen, isOwed, LOOK_BACK_MS, mayBeLate } from "./owed.ts";

/** What became of a packet: `stop` when nothing more can be posted now. */
export type Posted = "posted" | "stop";

export interface CatchUpOptions {
  readonly store: Pick<Store, "listLog">;
  readonly clock: Pick<Clock, "now">;
  readonly nsp: string;
  readonly socketId: string;
  /** The last packet that the client has; undefined if it has none of its session. */
  readonly offset: string | undefined;
  /** Packets that have been posted by an earlier part of the same resume. */
  readonly posted: readonly string[];
  readonly post: (row: LogRow) => Promise<Posted>;
}

/**
 * Sends a client what it missed, in order, from the logs of its rooms.
 *
 * Several rooms are several queries, and not a snapshot: an emitter may put `a` into the log of a room that has been read and
 * then `b` into one that has not, so that `b` is seen and `a` is not. So a packet is posted only in a pass that began after the
 * pass which first showed it, and never before an earlier one. Packets so old that no emitter of theirs can live need one pass.
 *
 * Rows are read in pages and posted as they come; kept are only ids of the last minutes.
 */
export class CatchUp {
  readonly #options: CatchUpOptions;
  /** Ids shown by passes so far that have not been posted. */
  readonly #shown = new Set<string>();
  readonly #posted: Set<string>;
  /** Those of the posted that it is looked for further back, or of which that is not known. */
  readonly #longOpen: Set<string>;
  #last: string | undefined;
  /** Of the packets before it, all that were not for workers have been posted. */
  #settled = "";

  constructor(options: CatchUpOptions) {
    this.#options = options;
    this.#posted = new Set(options.posted);
    this.#longOpen = new Set(options.posted);
    this.#last = options.offset;
  }

  /** The latest packet that has been posted, if any: where another invocation goes on. */
  get last(): string | undefined {
    return this.#last;
  }

  /** Those of the posted that going on from `last` would have to look at. */
  get postedLately(): readonly string[] {
    const last = this.#last;
    return [...this.#posted].filter(
      (id) => last === undefined || mayBeLate(id, last, this.#longOpen.has(id)),
    );
  }

  /**
   * Posts everything that is in the logs at this moment.
   * @param presence asked for before each pass, since others may make the socket leave a room meanwhile: what it is posted was
   *   put before the pass began, so before it left. Undefined if there is nobody to post to any more
   * @returns false if it was stopped
   */
  async run(presence: () => Promise<MembershipHistory | undefined>): Promise<boolean> {
    let left = await this.#pass(presence);
    while (left !== "stopped" && [...left].some((id) => this.#shown.has(id))) {
      const again = await this.#pass(presence);
      if (again === "stopped") return false;
      // What only later passes showed was put after this call: it is the next call's, or its emitter's.
      left = new Set([...left].filter((id) => this.#shown.has(id)));
    }
    return left !== "stopped";
  }

  /** @returns ids that are there and have not been posted yet */
  async #pass(
    present: () => Promise<MembershipHistory | undefined>,
  ): Promise<ReadonlySet<string> | "stopped"> {
    const { clock, post, socketId, offset } = this.#options;
    const presence = await present();
    if (!presence) return "stopped";
    const settled = offsetsFrom(clock.now() - EMITTER_LIFE_MS - CLOCK_TOLERANCE_MS);
    const waiting = new Set<string>();
    for await (const row of this.#rows(presence)) {
      const { id } = row;
      if (!row.fannedOut && id < this.#settled) continue;
      if (this.#posted.has(id) || waiting.has(id) || !isOwed(row, { socketId, presence, offset })) continue;
      // Nothing overtakes one that has to wait.
      const ready = waiting.size === 0 && (id < settled || this.#shown.has(id));
      if (!ready) {
        waiting.add(id);
        continue;
      }
      if ((await post(row)) === "stop") return "stopped";
      this.#note(row);
    }
    for (const id of waiting) this.#shown.add(id);
    this.#forget(settled);
    return waiting;
  }

  #note(row: LogRow): void {
    const { id } = row;
    this.#shown.delete(id);
    this.#posted.add(id);
    if (isLongOpen(row, this.#options.socketId)) this.#longOpen.add(id);
    if (this.#last === undefined || id > this.#last) this.#last = id;
  }

  /** The passes to come pass over what is settled: all of it has been posted. */
  #forget(settled: string): void {
    const last = this.#last;
    if (last === undefined) return;
    const own = offsetsFrom(timeOfOffset(last) - EMITTER_LIFE_MS);
    this.#settled = own < settled ? own : settled;
    for (const id of this.#posted) {
      const late = this.#longOpen.has(id) && mayBeLate(id, last, true);
      if (id >= this.#settled || late) continue;
      this.#posted.delete(id);
      this.#longOpen.delete(id);
    }
  }

  /** Owed or not, by id; those of one id come one after the other. */
  #rows(presence: MembershipHistory): AsyncGenerator<LogRow> {
    const { store, nsp } = this.#options;
    const rooms = presence.rooms.map((room) => store.listLog(nsp, room, this.#startOf(presence, room)));
    return mergeSorted(rooms);
  }

  #startOf(presence: MembershipHistory, room: RoomName): string {
    const start = presence.startOf(room);
    if (this.#last === undefined) return start;
    const lookBack = offsetsFrom(timeOfOffset(this.#last) - LOOK_BACK_MS);
    return latestOf(start, lookBack);
  }
}
