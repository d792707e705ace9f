import type { Aside, LeaseChange, Pieces, SharedLease, SharedStore } from "../ports/shared.ts";
import { newLeaseToken } from "./await-lease.ts";

/**
 * What the lease's row holds of changes, in bytes. DynamoDB bills the whole row for each turn that is taken and given up; a row for
 * each piece beside it costs a request more.
 */
const REDO_BYTES = 2_048;

/** Content of the table: rows, and what lies over them. */
export interface Standing {
  readonly base: string | undefined;
  /** What rows do not hold: the redo, and what is aside. */
  readonly pending: Pieces;
  readonly aside: Aside | undefined;
  readonly notes: readonly string[];
}

export interface CommitPorts {
  readonly store: Pick<SharedStore, "putPieces" | "putAside" | "dropAside">;
  /** Writes the lease's row, if the turn is still this one's. */
  readonly write: (change: Omit<LeaseChange, "until">) => Promise<boolean>;
  readonly nsp: string;
  readonly place: number;
  /** Names the commit: the same one may be made again. */
  readonly version: string;
  /** It is kept whatever comes now; what fails after this is tidied by the next. */
  readonly onKept: (standing: Standing, version: string) => void;
}

/**
 * Keeps changes, in an order in which it may die between any two writes. What is committed already may go into its rows at any time;
 * a change that is too large for the lease's row is aside when the commit tells of it, and goes into rows only then.
 * @returns false if the turn was somebody else's: nothing of the changes is kept
 */
export async function commit(
  { store, write, nsp, place, version, onKept }: CommitPorts,
  { base, pending, aside, notes }: Standing,
  changes: Pieces,
  gives: boolean,
): Promise<boolean> {
  const both: Pieces = new Map([...pending, ...changes]);
  const isSmall = (pieces: Pieces): boolean => sizeOf(pieces) <= REDO_BYTES;
  if (!aside && isSmall(both)) {
    return await keep({ base, pending: both, aside, notes }, gives);
  }
  let rows = base;
  if (pending.size > 0) {
    await store.putPieces(nsp, place, pending);
    rows = newLeaseToken();
  }
  if (isSmall(changes)) {
    const kept = await keep({ base: rows, pending: changes, aside: undefined, notes }, gives);
    if (kept && aside) await store.dropAside(nsp, aside);
    return kept;
  }
  // One that no commit tells of, since its writer died here, is in nobody's way.
  const large = await store.putAside(nsp, newLeaseToken(), toJson(changes));
  if (!(await keep({ base: rows, pending: changes, aside: large, notes }, false))) {
    await store.dropAside(nsp, large);
    return false;
  }
  try {
    if (aside) await store.dropAside(nsp, aside);
    await store.putPieces(nsp, place, changes);
    const tidy = { base: newLeaseToken(), pending: new Map(), aside: undefined, notes };
    // By another name: a write of this that was refused must not be taken for made because the first was.
    const isTidy = await keep(tidy, gives, `${version}'`);
    if (isTidy) await store.dropAside(nsp, large);
  } catch {
    // It is kept. Whoever comes next finds it aside, and goes on from there.
  }
  return true;

  async function keep(standing: Standing, give: boolean, name = version): Promise<boolean> {
    const redo = standing.aside ? new Map() : standing.pending;
    const row = { version: name, redo, notes: standing.notes, ...stated(standing) };
    const kept = await write({ gives: give, commit: row });
    if (kept) onKept(standing, name);
    return kept;
  }
}

const stated = ({ base, aside }: Standing): Pick<SharedLease, "base" | "aside"> => ({
  ...(base !== undefined && { base }),
  ...(aside && { aside }),
});

const sizeOf = (pieces: Pieces): number => Buffer.byteLength(toJson(pieces));

const toJson = (pieces: Pieces): string => JSON.stringify([...pieces]);

/** Back from what was put aside. */
export function fromJson(json: string): Pieces {
  const entries: unknown = JSON.parse(json);
  if (!Array.isArray(entries)) throw new Error("what was put aside of shared variables cannot be read");
  return new Map(entries.map(([key, text]) => [String(key), text === null ? null : String(text)]));
}
