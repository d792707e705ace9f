import type { RecoveryClient, Session } from "./recovery-client.ts";
import { type Change, type Emit, EVERYBODY, type Ledger, type Moment } from "./recovery-ledger.ts";

/** What lies closer together than this is not decided by comparing times, in milliseconds (recovery/membership-history.ts). */
const TOLERANCE_MS = 100;

/** Sums over all schedules of a property. */
export interface Counts {
  schedules: number;
  emits: number;
  owed: number;
  received: number;
  /** Received more than once, by why that may be. */
  diedEmitter: number;
  missed: number;
  duringResume: number;
  overlapped: number;
  resumes: number;
  sessions: number;
  crashes: number;
  freezes: number;
  steps: number;
}

export const noCounts = (): Counts => ({
  schedules: 0,
  emits: 0,
  owed: 0,
  received: 0,
  diedEmitter: 0,
  missed: 0,
  duringResume: 0,
  overlapped: 0,
  resumes: 0,
  sessions: 0,
  crashes: 0,
  freezes: 0,
  steps: 0,
});

/** Why a packet may come twice. */
type Reason = "diedEmitter" | "missed" | "duringResume" | "overlapped";

/** How sharp the verdict can be. */
export interface Sharpness {
  /** How far two clocks may be apart, in milliseconds. */
  readonly skewMs: number;
  /** Nothing may come twice. */
  readonly once: boolean;
}

/** Judges what one session got of all that was emitted. */
export class Verdict {
  readonly #ledger: Ledger;
  readonly #session: Session;
  readonly #sharpness: Sharpness;
  readonly #counts: Counts;

  constructor(ledger: Ledger, session: Session, sharpness: Sharpness, counts: Counts) {
    this.#ledger = ledger;
    this.#session = session;
    this.#sharpness = sharpness;
    this.#counts = counts;
  }

  /** Numbers that it is owed and has not got. */
  lost(): number[] {
    const received = new Set(this.#session.received);
    const owed = [...this.#ledger.emits.values()].filter((emit) => this.#isOwed(emit));
    this.#counts.owed += owed.length;
    return owed.filter(({ n }) => !received.has(n)).map(({ n }) => n);
  }

  /** Numbers that it has got and that were never its own. */
  alien(): number[] {
    return [...new Set(this.#session.received)].filter((n) => {
      const emit = this.#ledger.emits.get(n);
      return !emit || this.#isAlien(emit);
    });
  }

  /**
   * Numbers of one handler that came first after a later one. Only of those that were its own for sure: what was emitted
   * while it joined may come or not, so also later than what it got as a member.
   */
  disordered(): number[] {
    const latest = new Map<number, number>();
    return [...new Set(this.#session.received)].filter((n) => {
      const emit = this.#ledger.emits.get(n);
      if (!emit || !this.#isItsOwn(emit)) return false;
      const { handler } = emit;
      const before = latest.get(handler) ?? 0;
      latest.set(handler, Math.max(before, n));
      return n < before;
    });
  }

  /** Numbers that came more often than once without a reason that the documentation names. */
  repeated(): number[] {
    const { received } = this.#session;
    this.#counts.received += received.length;
    const seen = new Set<number>();
    const again = new Set(received.filter((n) => seen.size === seen.add(n).size));
    return [...again].filter((n) => {
      const emit = this.#ledger.emits.get(n);
      const reason = emit && this.#reasonToRepeat(emit);
      if (reason) this.#counts[reason]++;
      return !reason || this.#sharpness.once;
    });
  }

  #isOwed(emit: Emit): boolean {
    return emit.resolved !== undefined && this.#isItsOwn(emit);
  }

  #isItsOwn(emit: Emit): boolean {
    return (
      roomsOf(emit).some((room) => this.#wasSurelyIn(room, emit)) &&
      !emit.except.some((room) => this.#mayHaveBeenIn(room, emit, TOLERANCE_MS))
    );
  }

  #isAlien(emit: Emit): boolean {
    const { skewMs } = this.#sharpness;
    const slack = skewMs > 0 ? Math.max(TOLERANCE_MS, 2 * skewMs) : 0;
    const included = roomsOf(emit).some((room) => this.#mayHaveBeenIn(room, emit, slack));
    return !included || emit.except.some((room) => this.#wasSurelyIn(room, emit, slack));
  }

  /** Joined before the emit was called, and not left before it was done, in whatever order the instances see it. */
  #wasSurelyIn(room: string, { called, resolved }: Emit, slackMs = 0): boolean {
    const { joins, leaves } = this.#stays(room);
    const unsure = joins.some(({ began, resolved: done }) => before(began, called) && !before(done, called));
    if (unsure) return false;
    return joins.some(
      (join) =>
        join.effective &&
        before(join.resolved, called, slackMs) &&
        leaves.every(
          (leave) => before(leave.resolved, join.began) || before(resolved, leave.called, slackMs),
        ),
    );
  }

  #mayHaveBeenIn(room: string, { called, resolved }: Emit, slackMs: number): boolean {
    const { joins, leaves } = this.#stays(room);
    return joins.some(
      (join) =>
        !before(resolved, join.began, slackMs) &&
        !leaves.some(
          (leave) => before(join.resolved, leave.began) && before(leave.resolved, called, slackMs),
        ),
    );
  }

  #stays(room: string): { joins: Change[]; leaves: Change[] } {
    const { joins, leaves } = this.#ledger.stayOf(this.#session.sid);
    const inRoom = (change: Change): boolean => change.room === room;
    return { joins: joins.filter(inRoom), leaves: leaves.filter(inRoom) };
  }

  #reasonToRepeat(emit: Emit): Reason | undefined {
    const { called } = emit;
    const { sid, pid, resumes } = this.#session;
    const near = TOLERANCE_MS + 2 * this.#sharpness.skewMs;
    // Each log of its rooms is judged by itself: one that was never told is enough for it to come again.
    const rooms = roomsOf(emit).filter((room) => this.#mayHaveBeenIn(room, emit, near));
    const done = latestEnd(emit, rooms);
    if (!done) return "diedEmitter";
    if (this.#ledger.missed.get(emit.n)?.has(sid)) return "missed";
    const ends = this.#ledger.wentLive.get(pid) ?? [];
    const during = resumes.some(({ asked }) => {
      const end = ends.find((one) => before(asked, one));
      return before(asked, done) && !before(end, called);
    });
    if (during) return "duringResume";
    const overlapped = resumes.some(({ from }) => {
      const last = from === undefined ? undefined : this.#ledger.emits.get(from);
      if (!last) return false;
      const lastDone = latestEnd(last, roomsOf(last))?.ms ?? Infinity;
      return last.called.ms - near <= done.ms && lastDone + near >= called.ms;
    });
    return overlapped ? "overlapped" : undefined;
  }
}

const roomsOf = ({ rooms }: Emit): readonly string[] => (rooms.length === 0 ? [EVERYBODY] : rooms);

/** When the last of these rooms' logs was told that all posts had been answered; undefined if one of them never was. */
function latestEnd({ done }: Emit, rooms: readonly string[]): Moment | undefined {
  let latest: Moment | undefined;
  for (const room of rooms) {
    const end = done.get(room);
    if (!end) return undefined;
    if (!latest || end.place > latest.place) latest = end;
  }
  return latest;
}

/** `earlier` is sure to have been before `later`; what has not happened is before nothing, and after everything. */
function before(earlier: Moment | undefined, later: Moment | undefined, slackMs = 0): boolean {
  if (!earlier) return false;
  if (!later) return true;
  return earlier.place < later.place && (slackMs === 0 || earlier.ms + slackMs < later.ms);
}

/** Clients that came back and were not given what they had, or were although they had left. */
export function wrongReturns(ledger: Ledger, client: RecoveryClient): string[] {
  return client.returns.flatMap(({ asked, session, recovered }) => {
    const { joins } = ledger.stayOf(session.sid);
    const known = joins.some(
      ({ room, effective, resolved }) => room === EVERYBODY && effective && before(resolved, asked),
    );
    if (!recovered && known && !session.left) return [`${session.sid} was not recovered`];
    if (recovered && before(ledger.left.get(session.sid), asked)) return [`${session.sid} had left`];
    return [];
  });
}
