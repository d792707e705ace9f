/** `alone`: no other of this kind runs beside it (see Tenure.alone). `batch`: no code, but between some of it. */
export type StayKind = "code" | "alone" | "batch";

/** Where code stays: Tenure is one. */
export interface StayOwner {
  enter(what: string, kind?: StayKind): Promise<Stay>;
  retake(): Promise<void>;
  leave(stay: Stay): void;
  beginAsk(): () => void;
  has(what: string): boolean;
  note(what: string): void;
}

/** Code of the application's that runs and may read and change shared variables, from its beginning until all of it has settled. */
export class Stay {
  readonly owner: StayOwner;
  /** As the log says it. */
  readonly what: string;
  readonly kind: StayKind;
  /** Somebody else had the lease before: what was read before that may be old. */
  waited = false;
  #since = Number.POSITIVE_INFINITY;
  #left = false;
  #acked = false;
  #warned = false;
  /** Answers of clients that the code waits for. */
  #asking = 0;
  /** Something of it goes on beside that. */
  #goesOn = true;

  constructor(owner: StayOwner, what: string, kind: StayKind) {
    this.owner = owner;
    this.what = what;
    this.kind = kind;
  }

  /** Does it need the lease at the moment? Not while it waits for clients' answers. */
  get active(): boolean {
    return !this.#left && (this.#asking === 0 || this.#goesOn);
  }

  /** Is it within something that has not been acknowledged: what it has changed so far must not be kept by itself. */
  get isHalf(): boolean {
    return this.active && this.kind !== "batch" && !this.#acked;
  }

  noteAcked(): void {
    this.#acked = true;
  }

  /** The lease is there. */
  begin(now: number): void {
    this.#since = now;
  }

  leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.owner.leave(this);
  }

  /** Has it been active for so long, and nobody was told? */
  isLong(now: number, ms: number): boolean {
    if (this.#warned || !this.active || now - this.#since < ms) return false;
    this.#warned = true;
    return true;
  }

  /**
   * Waits for a client's answer without the lease, and has it again when that is there.
   * @param turn resolves when all that the answer leads to at once has run
   */
  async pauseFor<T>(answer: () => Promise<T>, turn: () => Promise<void>): Promise<T> {
    this.#asking++;
    this.#goesOn = false;
    const end = this.owner.beginAsk();
    try {
      return await answer();
    } finally {
      end();
      this.#asking--;
      this.#goesOn = true;
      await this.owner.retake();
      if (this.#asking > 0) void this.#waitOn(turn);
    }
  }

  /** What this answer has led to is over; it still waits for others. */
  async #waitOn(turn: () => Promise<void>): Promise<void> {
    await turn();
    if (this.#asking === 0) return;
    this.#goesOn = false;
    this.owner.beginAsk()(); // the lease may rest
  }
}
