/** Milliseconds of this process, whatever the clocks of the instances say. */
export const now = (): number => performance.now();

/** What an emit was sent to; no rooms means everyone. */
export interface Emit {
  readonly id: number;
  readonly rooms: readonly string[];
  readonly except: readonly string[];
  /** Emits of one handler are in the order of their ids. */
  readonly handler: number;
  /** Not before this. */
  readonly called: number;
  /** Not after this; absent if its promise has not resolved: its instance may have died. */
  resolved?: number;
  /** How often it was begun: twice, if its instance died in the first run. The second one may come any time later. */
  runs: number;
}

/** A letter to an inbox. */
export interface Letter {
  readonly id: number;
  readonly inbox: string;
  resolved?: number;
}

/** A join or a leave. */
export interface Change {
  readonly room: string;
  readonly began: number;
  resolved?: number;
}

/** The room of everyone. */
export const EVERYBODY = "(everyone)";

/** What the application was asked for and what became of it, by its log: what the clients are judged by. */
export class Ledger {
  readonly emits = new Map<number, Emit>();
  readonly letters = new Map<number, Letter>();
  /** Emits a post of which was not answered with 200. */
  readonly refused = new Set<number>();
  readonly #open = new Map<number, { resolved?: number }>();
  readonly #waiting = new Set<() => void>();
  #handlers = 0;

  handler(): number {
    return ++this.#handlers;
  }

  emit(emit: Emit): void {
    this.emits.set(emit.id, emit);
    this.#open.set(emit.id, emit);
  }

  letter(letter: Letter): void {
    this.letters.set(letter.id, letter);
    this.#open.set(letter.id, letter);
  }

  change(id: number, change: Change): void {
    this.#open.set(id, change);
  }

  /** A line of a function's log. */
  take(line: string): void {
    const [, what, id] = /^soak (run|done) (\d+)$/.exec(line) ?? [];
    if (id === undefined) return;
    if (what === "run") {
      const emit = this.emits.get(Number(id));
      if (emit) emit.runs++;
      return;
    }
    const entry = this.#open.get(Number(id));
    if (!entry) return;
    entry.resolved = now();
    this.#open.delete(Number(id));
    this.news();
  }

  /** Something has arrived or been done. */
  news(): void {
    for (const look of this.#waiting) look();
  }

  /** Resolves with true as soon as this holds, or with false after so many milliseconds without. */
  async until(holds: () => boolean, limitMs: number): Promise<boolean> {
    if (holds()) return true;
    return await new Promise<boolean>((resolve) => {
      const settle = (result: boolean): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(result);
      };
      const look = (): void => {
        if (holds()) settle(true);
      };
      const timer = setTimeout(() => settle(holds()), limitMs);
      this.#waiting.add(look);
    });
  }
}
