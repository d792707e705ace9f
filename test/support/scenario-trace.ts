/** What one client saw, in order, and waiting for what it is still to see. */

/** `["on", event, ...args]`, `["ack", event, ...args]`, `["connect"]`, `["disconnect", reason]`, `["frame", text]`, … */
export type Entry = readonly [kind: string, ...details: unknown[]];

/** Generous, since the first event on a cold cloud waits for several cold starts on a busy machine. */
export const PATIENCE_MS = 5 * 60_000;

interface Waiter {
  readonly matches: (entry: Entry) => boolean;
  readonly resolve: (entry: Entry) => void;
}

export class Trace {
  readonly #owner: string;
  readonly #entries: { readonly entry: Entry; claimed: boolean }[] = [];
  readonly #waiters = new Set<Waiter>();
  #closed = false;

  constructor(owner: string) {
    this.#owner = owner;
  }

  get entries(): readonly Entry[] {
    return this.#entries.map((row) => row.entry);
  }

  /** What arrived without anybody waiting for it: a scenario that leaves such entries depends on timing. */
  get unclaimed(): readonly Entry[] {
    return this.#entries.filter((row) => !row.claimed).map((row) => row.entry);
  }

  push(entry: Entry): void {
    if (this.#closed) return;
    const row = { entry, claimed: false };
    this.#entries.push(row);
    for (const waiter of this.#waiters) {
      if (!waiter.matches(entry)) continue;
      row.claimed = true;
      this.#waiters.delete(waiter);
      waiter.resolve(entry);
      return;
    }
  }

  /** The first entry that matches and that nobody has taken yet, now or when it comes. Throws with the trace if it never does. */
  next(what: string, matches: (entry: Entry) => boolean): Promise<Entry> {
    const seen = this.#entries.find((row) => !row.claimed && matches(row.entry));
    if (seen) {
      seen.claimed = true;
      return Promise.resolve(seen.entry);
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        matches,
        resolve: (entry) => {
          clearTimeout(timer);
          resolve(entry);
        },
      };
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        reject(new Error(this.#complaint(what)));
      }, PATIENCE_MS);
      this.#waiters.add(waiter);
    });
  }

  /** Forgets what has come so far. */
  clear(): void {
    this.#entries.length = 0;
  }

  /** Takes no more entries: what the end of a scenario causes is not part of it. */
  close(): void {
    this.#closed = true;
  }

  #complaint(what: string): string {
    const lines = this.#entries.map((row) => `  ${row.claimed ? " " : "*"} ${show(row.entry)}`);
    return [
      `${this.#owner} waited ${PATIENCE_MS / 1000} s in vain for ${what}.`,
      `Its trace (* = nobody waited for it):`,
      ...(lines.length > 0 ? lines : ["    nothing at all"]),
    ].join("\n");
  }
}

function show(entry: Entry): string {
  const text = JSON.stringify(entry, (_key, value: unknown) => (value === undefined ? "<undefined>" : value));
  return text.length > 300 ? `${text.slice(0, 300)}… (${text.length} characters)` : text;
}
