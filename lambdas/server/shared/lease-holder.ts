import type { Ports } from "../ports/ports.ts";
import type { LeaseChange, Pieces, SharedLease } from "../ports/shared.ts";
import { awaitLease, GRANT_MS, LEASE_MS } from "./await-lease.ts";
import { commit, fromJson, type Standing } from "./commit.ts";
import { noteOf, withNotes } from "./notes.ts";
import type { SharedVariables } from "./variables.ts";

/** The lease is renewed when less is left, in milliseconds. */
const RENEW_BELOW_MS = 5_000;

/** What shares the lease does so for no longer than this, if it can be parted, in milliseconds. */
const SHARED_FOR_MS = 1_000;

export interface HolderHost {
  readonly ports: Pick<Ports, "store" | "clock">;
  /** Of the event, in milliseconds since the epoch. */
  readonly deadline: number;
  /** Waits as the clock does; it is no work of the application's. */
  pause(ms: number, signal?: AbortSignal): Promise<void>;
}

/** What a holder is to keep. */
export interface Keeping {
  readonly changes: Pieces | undefined;
  /** Remembered with the changes. */
  readonly notes: Iterable<string>;
  /** The lease is given up with it. */
  readonly gives: boolean;
  /** Names the commit: the same one may be made again. */
  readonly version: string;
}

/** Has the lease of a namespace, from taking it to giving it up. */
export class LeaseHolder {
  /** Somebody else had it before. */
  readonly waited: boolean;
  readonly #host: HolderHost;
  readonly #variables: SharedVariables;
  readonly #token: string;
  readonly #place: number;
  readonly #over = new AbortController();
  readonly #since: number;
  #until: number;
  #standing: Standing;
  #lease: SharedLease;

  private constructor(
    host: HolderHost,
    variables: SharedVariables,
    { token, lease, waited }: Awaited<ReturnType<typeof awaitLease>>,
  ) {
    this.#host = host;
    this.#variables = variables;
    this.#token = token;
    this.#lease = lease;
    this.#place = lease.place;
    this.#until = lease.until;
    this.#since = host.ports.clock.now();
    this.waited = waited;
    const { base, redo, aside, notes } = lease;
    this.#standing = { base, pending: redo, aside, notes };
  }

  /** Waits for the lease. @throws SkysocketError when there is none to be had */
  static async take(host: HolderHost, variables: SharedVariables): Promise<LeaseHolder> {
    const { store, clock } = host.ports;
    const pause = (ms: number): Promise<void> => host.pause(ms);
    const taken = await awaitLease({ store, clock, pause }, variables.nsp, host.deadline);
    return new LeaseHolder(host, variables, taken);
  }

  /** Others that wait should have their turn. */
  get isOld(): boolean {
    return this.#host.ports.clock.now() - this.#since > SHARED_FOR_MS;
  }

  /** Aborted when it has been given up, or lost. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Was that committed already, as far as the last hundred commits tell? */
  has(what: string): boolean {
    return this.#standing.notes.includes(noteOf(what));
  }

  /** Brings the variables to where the table is: nothing to read if they are there, or if all that has changed is in the lease. */
  async load(): Promise<void> {
    const { store } = this.#host.ports;
    const { redo, aside, base, version, notes } = this.#lease;
    const text = aside && (await store.readAside(this.#variables.nsp, aside));
    const pending = text === undefined ? redo : new Map([...redo, ...fromJson(text)]);
    this.#standing = { base, pending, aside, notes };
    if (this.#variables.isAt(version)) return;
    const rows = this.#variables.restsOn(base) ? undefined : await this.#rows(base);
    this.#variables.load(rows, { redo: pending, version, base });
    this.#variables.restore();
  }

  /**
   * Keeps changes, if there are any, and gives the lease up if it shall.
   * @returns false if it was somebody else's: nothing is kept
   */
  async keep({ changes, notes, gives, version }: Keeping): Promise<boolean> {
    if (!changes) return await this.#write({ gives });
    const onKept = (standing: Standing, name: string): void => {
      this.#standing = standing;
      this.#variables.noteKept(changes, name, standing.base);
    };
    const write = (change: Omit<LeaseChange, "until">): Promise<boolean> => this.#write(change);
    const { store } = this.#host.ports;
    const standing = { ...this.#standing, notes: withNotes(this.#standing.notes, notes) };
    const ports = { store, write, nsp: this.#variables.nsp, place: this.#place, version, onKept };
    const kept = await commit(ports, standing, changes, gives);
    // What was tidied after the commit may have failed.
    if (kept && gives && !this.over.aborted) await this.#write({ gives });
    return kept;
  }

  /** With nothing to keep. */
  async giveUp(): Promise<void> {
    await this.#write({ gives: true });
  }

  /** Makes it last if it is about to run out. @returns false if it is somebody else's */
  async renew(): Promise<boolean> {
    const left = this.#until - this.#host.ports.clock.now();
    return left >= RENEW_BELOW_MS || (await this.#write({ gives: false }));
  }

  /** It is had no more. */
  end(): void {
    this.#over.abort();
  }

  async #write(change: Omit<LeaseChange, "until">): Promise<boolean> {
    const { store, clock } = this.#host.ports;
    const until = clock.now() + (change.gives ? GRANT_MS : LEASE_MS);
    const written = await store.writeLease(this.#variables.nsp, this.#token, { ...change, until });
    if (!written) return false;
    this.#until = until;
    if (change.gives) this.end();
    return true;
  }

  async #rows(base: string | undefined): Promise<ReadonlyMap<string, string>> {
    return base === undefined ? new Map() : await this.#host.ports.store.readPieces(this.#variables.nsp);
  }
}
