import type { Session, SoakClient } from "./client.ts";
import { type Change, type Emit, EVERYBODY, type Ledger } from "./ledger.ts";

/** What lies closer together than this is not decided by comparing times, in milliseconds. */
const TOLERANCE_MS = 100;
/** An end whose instance has died is done again after a minute (Lambda's retry, the heartbeat): until then nobody posts. */
const LATE_MS = 10_000;
/** For so long after `connect` the resume may still be going on, in milliseconds. */
const RESUMING_MS = 3_000;

/** The result of one round. */
export interface Counts {
  cycles: number;
  emits: number;
  owed: number;
  received: number;
  lost: number;
  disordered: number;
  /** Events of rooms that the socket was not in. */
  alien: number;
  /** Received again, by why that may be. */
  emitterDied: number;
  duringResume: number;
  overlappedOffset: number;
  missed: number;
  unexplained: number;
  /** Owed events that a client got only after {@link LATE_MS}, or after a cut, although it was connected all that time. */
  late: number;
  /** Sessions that were not given back. */
  refused: number;
  /** Times that a client waited in vain for its `40`. */
  stalled: number;
  letters: number;
  lettersLost: number;
  lettersAgain: number;
}

export const noCounts = (): Counts => ({
  ...{ cycles: 0, emits: 0, owed: 0, received: 0, lost: 0, disordered: 0, alien: 0 },
  ...{ emitterDied: 0, duringResume: 0, overlappedOffset: 0, missed: 0, unexplained: 0 },
  ...{ late: 0, refused: 0, stalled: 0, letters: 0, lettersLost: 0, lettersAgain: 0 },
});

/** Adds up numbers of the same names. */
export function add(sum: Counts, more: Counts): Counts {
  const names = Object.keys(sum) as (keyof Counts)[];
  return Object.fromEntries(names.map((name) => [name, sum[name] + more[name]])) as unknown as Counts;
}

/** What must never happen. */
export const faultsOf = ({ lost, disordered, alien, unexplained, refused, lettersLost }: Counts) => ({
  ...{ lost, disordered, alien, unexplained, refused, lettersLost },
});

/** What a session is owed and has not got. Nothing of one that is over: nobody comes back for it. */
export function lostOf(ledger: Ledger, session: Session): Emit[] {
  const received = new Set(session.received);
  return owedTo(ledger, session).filter(({ id }) => !received.has(id));
}

const owedTo = (ledger: Ledger, session: Session): Emit[] =>
  [...ledger.emits.values()].filter((emit) => emit.resolved !== undefined && isItsOwn(session, emit));

function lateOf(ledger: Ledger, session: Session): Emit[] {
  return owedTo(ledger, session).filter(({ id, called, resolved = 0 }) => {
    const arrived = session.arrivals.get(id) ?? Number.POSITIVE_INFINITY;
    const due = resolved + LATE_MS;
    return arrived > due && session.resumes.every(({ cut, back }) => cut > due || back < called);
  });
}

/** Resolved letters that nobody has got. */
export function lostLetters(ledger: Ledger, clients: readonly SoakClient[]): number[] {
  const received = new Set(clients.flatMap(({ letters }) => letters));
  const owed = [...ledger.letters.values()].filter(({ resolved }) => resolved !== undefined);
  return owed.filter(({ id }) => !received.has(id)).map(({ id }) => id);
}

export function judge(ledger: Ledger, clients: readonly SoakClient[]): Counts {
  const counts = noCounts();
  for (const client of clients) {
    counts.cycles += client.resumes;
    counts.refused += client.refused;
    counts.stalled += client.stalled;
    counts.lettersAgain += client.letters.length - new Set(client.letters).size;
    for (const session of client.sessions) {
      counts.received += session.received.length;
      counts.disordered += disorderedOf(ledger, session).length;
      counts.alien += aliensOf(ledger, session).length;
      for (const id of repeated(session)) counts[reasonToRepeat(ledger, session, id)]++;
    }
    if (!client.session) continue;
    counts.owed += owedTo(ledger, client.session).length;
    counts.lost += lostOf(ledger, client.session).length;
    counts.late += lateOf(ledger, client.session).length;
  }
  counts.emits = [...ledger.emits.values()].filter(({ resolved }) => resolved !== undefined).length;
  counts.letters = [...ledger.letters.values()].filter(({ resolved }) => resolved !== undefined).length;
  counts.lettersLost = lostLetters(ledger, clients).length;
  return counts;
}

/** Emits of one handler that came first after a later one of it. */
export function disorderedOf(ledger: Ledger, session: Session): Emit[] {
  const latest = new Map<number, number>();
  const disordered: Emit[] = [];
  for (const id of new Set(session.received)) {
    const emit = ledger.emits.get(id);
    if (!emit || !isItsOwn(session, emit)) continue;
    const before = latest.get(emit.handler) ?? 0;
    latest.set(emit.handler, Math.max(before, id));
    if (id < before) disordered.push(emit);
  }
  return disordered;
}

export function aliensOf(ledger: Ledger, session: Session): number[] {
  return [...new Set(session.received)].filter((id) => {
    const emit = ledger.emits.get(id);
    if (!emit) return true;
    // A second run reaches who is in the rooms then.
    const { resolved: _, ...open } = emit;
    const span = emit.runs > 1 ? open : emit;
    const included = roomsOf(emit).some((room) => mayHaveBeenIn(session, room, span));
    return !included || emit.except.some((room) => wasSurelyIn(session, room, span));
  });
}

/** Each repetition counts. */
function repeated({ received }: Session): number[] {
  const seen = new Set<number>();
  return received.filter((id) => seen.size === seen.add(id).size);
}

export function reasonToRepeat(
  ledger: Ledger,
  { resumes }: Session,
  id: number,
): "emitterDied" | "missed" | "duringResume" | "overlappedOffset" | "unexplained" {
  const emit = ledger.emits.get(id);
  if (emit?.resolved === undefined || emit.runs > 1) return "emitterDied";
  const { called, resolved } = emit;
  const during = resumes.some(
    ({ cut, back }) => cut - TOLERANCE_MS <= resolved && called <= back + RESUMING_MS,
  );
  if (during) return "duringResume";
  const overlapped = resumes.some(({ last }) => {
    const offset = last === undefined ? undefined : ledger.emits.get(last);
    if (!offset) return false;
    const { resolved: until = Number.POSITIVE_INFINITY } = offset;
    return offset.called - TOLERANCE_MS <= resolved && until + TOLERANCE_MS >= called;
  });
  if (overlapped) return "overlappedOffset";
  return ledger.refused.has(id) ? "missed" : "unexplained";
}

const roomsOf = ({ rooms }: Emit): readonly string[] => (rooms.length === 0 ? [EVERYBODY] : rooms);

const isItsOwn = (session: Session, emit: Emit): boolean =>
  roomsOf(emit).some((room) => wasSurelyIn(session, room, emit)) &&
  !emit.except.some((room) => mayHaveBeenIn(session, room, emit));

/** Joined before the emit was called, and not left before it was done, in whatever order the instances saw it. */
function wasSurelyIn(
  session: Session,
  room: string,
  { called, resolved = Number.POSITIVE_INFINITY }: Emit,
): boolean {
  const joins = session.joins.filter((join) => join.room === room);
  const leaves = session.leaves.filter((leave) => leave.room === room);
  const ends = ({ resolved: end = Number.POSITIVE_INFINITY }: Change): number => end;
  if (joins.some((join) => join.began < called && ends(join) >= called)) return false;
  return joins.some(
    (join) =>
      ends(join) < called && leaves.every((leave) => ends(leave) < join.began || resolved < leave.began),
  );
}

function mayHaveBeenIn(session: Session, room: string, { called, resolved }: Emit): boolean {
  const leaves = session.leaves.filter((leave) => leave.room === room);
  return session.joins.some(
    (join) =>
      join.room === room &&
      join.began <= (resolved ?? Number.POSITIVE_INFINITY) + TOLERANCE_MS &&
      !leaves.some(
        ({ began, resolved: end }) =>
          join.resolved !== undefined &&
          join.resolved < began &&
          end !== undefined &&
          end + TOLERANCE_MS < called,
      ),
  );
}
