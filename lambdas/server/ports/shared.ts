/** Variables that all instances share: the row of a namespace's lease, and rows with the values. */

/** Texts of values by the names of their pieces; null: the piece is gone. */
export type Pieces = ReadonlyMap<string, string | null>;

/** A change that is too large for the lease's row, in rows of its own. */
export interface Aside {
  readonly id: string;
  /** Of its rows. */
  readonly count: number;
}

/** The row of a namespace's lease. Places in line are numbers, of which each is given away once. */
export interface SharedLease {
  /** Whose turn it is. Never goes back. */
  readonly place: number;
  /** The next one that is given away: all from `place` on to this one have the turn, or wait for it. */
  readonly next: number;
  /** Whether who is at `place` has taken the turn. */
  readonly taken: boolean;
  /** Until then the turn is theirs, in milliseconds since the epoch. */
  readonly until: number;
  /** Names the last commit; absent before the first. */
  readonly version?: string;
  /** Names what the rows hold; absent while there are none. */
  readonly base?: string;
  /** What is laid over the rows. */
  readonly redo: Pieces;
  /** What is laid over both. */
  readonly aside?: Aside;
  /** What has been committed last, for those who would do it again. */
  readonly notes: readonly string[];
}

/** The turn of whoever made up this token. */
export interface LeaseClaim {
  readonly token: string;
  readonly until: number;
}

export type SharedCommit = Pick<SharedLease, "base" | "redo" | "aside" | "notes"> & {
  readonly version: string;
};

/** What a holder writes. */
export interface LeaseChange {
  /** The turn goes to the next in line, who has until `until` to take it; else the holder keeps it until then. */
  readonly gives: boolean;
  readonly until: number;
  readonly commit?: SharedCommit;
}

export interface SharedStore {
  /** Takes a place and the turn where nobody has it or waits for it; undefined elsewhere. */
  takeLease(nsp: string, claim: LeaseClaim): Promise<SharedLease | undefined>;
  /** Takes a place at the end of the line. */
  standInLine(nsp: string): Promise<number>;
  /** Undefined where nobody has ever had the lease. */
  readLease(nsp: string): Promise<SharedLease | undefined>;
  /** Takes the turn for a place, if the lease is still as it was seen. */
  claimLease(
    nsp: string,
    seen: Pick<SharedLease, "place" | "until">,
    claim: LeaseClaim & { readonly place: number },
  ): Promise<SharedLease | undefined>;
  /** False if the turn is somebody else's by now. The same commit again is true. */
  writeLease(nsp: string, token: string, change: LeaseChange): Promise<boolean>;
  /** Writes pieces into their rows, each unless a later place has written it. */
  putPieces(nsp: string, place: number, pieces: Pieces): Promise<void>;
  /** Those that are there. */
  readPieces(nsp: string): Promise<ReadonlyMap<string, string>>;
  putAside(nsp: string, id: string, text: string): Promise<Aside>;
  readAside(nsp: string, aside: Aside): Promise<string>;
  dropAside(nsp: string, aside: Aside): Promise<void>;
}
