import type { Simulation } from "./simulation.ts";

/** When something happened: its place among all that the ledger notes, and the real time in milliseconds. */
export interface Moment {
  readonly place: number;
  readonly ms: number;
}

/** What an emit was called with; no rooms means everyone. */
export interface Target {
  readonly rooms: readonly string[];
  readonly except: readonly string[];
}

/** One emit of one number. */
export interface Emit extends Target {
  readonly n: number;
  /** Numbers of one handler are in order. */
  readonly handler: number;
  readonly called: Moment;
  /** Absent while its promise has not resolved: it never does if the emitter died. */
  resolved?: Moment;
  /**
   * By room: when its log was told that all posts had been answered. The promise may resolve before that, where a connection takes
   * the packet slowly. It never comes if the emitter died, for all rooms or for those that it had not told yet.
   */
  readonly done: Map<string, Moment>;
}

/** A join or a leave of one socket. */
export interface Change {
  readonly room: string;
  /** Before this nothing of it can have had an effect, or have been read. */
  readonly began: Moment;
  readonly called: Moment;
  resolved?: Moment;
  /**
   * The store has it. A join that resolves has had no effect if the socket had ended, its CONNECT came to nothing, or it was in the
   * room by another join.
   */
  effective?: boolean;
}

export interface Stays {
  readonly joins: Change[];
  readonly leaves: Change[];
}

/** The room of everyone, in the ledger. */
export const EVERYBODY = "(everyone)";

/** What an application did and what became of it, noted outside of all instances: what the clients' sessions are judged by. */
export class Ledger {
  readonly emits = new Map<number, Emit>();
  /** By socket id. */
  readonly stays = new Map<string, Stays>();
  /** Sockets whose `41` has been handled. */
  readonly left = new Map<string, Moment>();
  /** By number: sockets that the emitter knows not to have got it. */
  readonly missed = new Map<number, Set<string>>();
  /** When a session's resume came to its end, by its pid. */
  readonly wentLive = new Map<string, Moment[]>();
  readonly #simulation: Simulation;
  #places = 0;
  #numbers = 0;
  #handlers = 0;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  now(): Moment {
    return { place: this.#places++, ms: this.#simulation.now };
  }

  number(): number {
    return ++this.#numbers;
  }

  handler(): number {
    return ++this.#handlers;
  }

  stayOf(socketId: string): Stays {
    const stays = this.stays.get(socketId) ?? { joins: [], leaves: [] };
    this.stays.set(socketId, stays);
    return stays;
  }

  /** Notes an emit, and when its promise resolves. */
  emitted(emit: Target & { n: number; handler: number }, call: () => PromiseLike<unknown>): void {
    const noted: Emit = { ...emit, called: this.now(), done: new Map() };
    this.emits.set(emit.n, noted);
    this.#follow(noted, call());
  }

  /** The log of one of its rooms says that all posts have been answered, and that some sockets have not taken it. */
  finished(n: number, room: string, missed: readonly string[]): void {
    this.missed.set(n, new Set([...(this.missed.get(n) ?? []), ...missed]));
    this.emits.get(n)?.done.set(room, this.now());
  }

  joined(socketId: string, room: string, began: Moment, call: () => PromiseLike<unknown>): void {
    const noted: Change = { room, began, called: this.now() };
    this.stayOf(socketId).joins.push(noted);
    this.#follow(noted, call());
  }

  /** The store has put the socket into rooms. */
  added(socketId: string, rooms: readonly string[]): void {
    for (const join of this.stayOf(socketId).joins) {
      if (rooms.includes(join.room) && !join.resolved) join.effective = true;
    }
  }

  leftRoom(socketId: string, room: string, began: Moment, call: () => PromiseLike<unknown>): void {
    const noted: Change = { room, began, called: this.now() };
    this.stayOf(socketId).leaves.push(noted);
    this.#follow(noted, call());
  }

  /** What began to join before this has joined by now, although nobody was told. */
  settleJoins(socketId: string, rooms: readonly string[], before: Moment): void {
    for (const join of this.stayOf(socketId).joins) {
      if (rooms.includes(join.room) && join.began.place < before.place) join.resolved ??= this.now();
    }
  }

  #follow(noted: { resolved?: Moment }, effect: PromiseLike<unknown>): void {
    void effect.then(
      () => {
        noted.resolved = this.now();
      },
      () => undefined, // it had no effect, or one that nobody is owed
    );
  }
}
