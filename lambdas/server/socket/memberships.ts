import { randomBytes } from "node:crypto";
import { EVERYONE, type RoomName } from "../ports/rooms.ts";
import type { LeftRoom, SocketRecord } from "../ports/sockets.ts";

/** A new token tells a join from earlier ones of the same room. */
export const newMembershipToken = (): string => randomBytes(6).toString("base64url");

/** What a socket is a member of in one invocation: its rooms and everyone, each under the token of its member row. */
export class Memberships {
  /** `socket.rooms` of the application: changes at once, while rows are still to be written. */
  readonly rooms: Set<string>;
  readonly #tokens: Map<string, string>;
  #everyone: string;
  #left: readonly LeftRoom[];

  constructor({ token, rooms, left = [] }: Pick<SocketRecord, "token" | "rooms" | "left">) {
    this.#everyone = token;
    this.#tokens = new Map(Object.entries(rooms));
    this.rooms = new Set(this.#tokens.keys());
    this.#left = left;
  }

  /** Of the membership in everyone. */
  get token(): string {
    return this.#everyone;
  }

  /** By room. */
  get tokens(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#tokens);
  }

  /** Rooms it has left, as far as recovery must know of them. */
  get left(): readonly LeftRoom[] {
    return this.#left;
  }

  /** Everything that has a member row. */
  *all(): Iterable<readonly [RoomName, string]> {
    yield [EVERYONE, this.#everyone];
    yield* this.#tokens;
  }

  tokenOf(room: string): string | undefined {
    return this.#tokens.get(room);
  }

  enter(tokens: Iterable<readonly [string, string]>): void {
    for (const [room, token] of tokens) {
      this.rooms.add(room);
      this.#tokens.set(room, token);
    }
  }

  /** Other tokens for memberships; those that it has left meanwhile stay left. */
  renew(tokens: Iterable<readonly [RoomName, string]>): void {
    for (const [room, token] of tokens) {
      if (room === EVERYONE) this.#everyone = token;
      else if (this.#tokens.has(room)) this.#tokens.set(room, token);
    }
  }

  leave(rooms: Iterable<string>): void {
    for (const room of rooms) {
      this.rooms.delete(room);
      this.#tokens.delete(room);
    }
  }

  /** The application sees these rooms no more. Their tokens stay: the member rows may still have to be deleted. */
  hide(rooms: Iterable<string> = [...this.rooms]): void {
    for (const room of rooms) this.rooms.delete(room);
  }

  /** For `disconnecting`, which sees once more what the socket was in: what its row says, beside what it joined before a commit. */
  showLast({ rooms, phase, id }: Pick<SocketRecord, "rooms" | "phase" | "id">): void {
    if (phase === "open") this.hide();
    this.enter(Object.entries(rooms));
    if (phase !== "open") this.rooms.add(id);
  }

  clear(): void {
    this.rooms.clear();
    this.#tokens.clear();
  }

  /** @param forget those of before for which there is no place beside them */
  noteLeft(left: readonly LeftRoom[], forget: readonly LeftRoom[] = []): void {
    const forgotten = new Set(forget);
    this.#left = [...this.#left.filter((one) => !forgotten.has(one)), ...left];
  }
}
