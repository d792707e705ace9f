import { randomUUID } from "node:crypto";
import type { Member, RoomName } from "../../lambdas/server/ports/rooms.ts";
import type { ConnectionRecord, NewSocket, SocketKey } from "../../lambdas/server/ports/sockets.ts";
import type { Store } from "../../lambdas/server/ports/store.ts";

export const HOUR = 60 * 60 * 1000;
export const MINUTE = 60 * 1000;

type Commit = Parameters<Store["openSocket"]>[2];

export interface OpenSocket {
  readonly key: SocketKey;
  readonly id: string;
  readonly connection: ConnectionRecord;
}

/** The store under test with a clock that only tests move, and rows to start from. All names are fresh: tests share the table. */
export class StoreBench {
  #store: Store | undefined;
  #now = 1_800_000_000_000;

  readonly clock = { now: () => this.#now };

  use(store: Store): void {
    this.#store = store;
  }

  get store(): Store {
    if (this.#store === undefined) throw new Error("the store has not been started");
    return this.#store;
  }

  pass(ms: number): void {
    this.#now += ms;
  }

  name(prefix: string): string {
    return `${prefix}-${randomUUID()}`;
  }

  async connection(connectionId = this.name("conn")): Promise<ConnectionRecord> {
    const record: ConnectionRecord = {
      connectionId,
      sid: this.name("sid"),
      connectedAt: this.#now,
      handshake: JSON.stringify({ headers: { host: "example.org" }, query: { EIO: "4" } }),
    };
    await this.store.putConnection(record);
    return record;
  }

  newSocket(connectionId: string, nsp = "/"): NewSocket {
    return {
      connectionId,
      nsp,
      id: this.name("socket"),
      deadline: this.#now + 25_000,
      auth: JSON.stringify({ user: "ada" }),
      token: this.name("token"),
      expiresAt: this.#now + 2 * HOUR,
    };
  }

  async connecting(nsp = "/"): Promise<NewSocket> {
    const { connectionId } = await this.connection();
    const socket = this.newSocket(connectionId, nsp);
    if (!(await this.store.beginSocket(socket))) throw new Error("a fresh socket was refused");
    return socket;
  }

  commit(changes: Partial<Commit> = {}): Commit {
    return {
      rooms: {},
      data: {},
      props: {},
      rerunMiddlewares: false,
      running: this.#now + 25_000,
      ...changes,
    };
  }

  async open(changes: Partial<Commit> = {}, nsp = "/"): Promise<OpenSocket> {
    const connection = await this.connection();
    return this.openOn(connection, changes, nsp);
  }

  async openOn(connection: ConnectionRecord, changes: Partial<Commit> = {}, nsp = "/"): Promise<OpenSocket> {
    const socket = this.newSocket(connection.connectionId, nsp);
    const key = { connectionId: connection.connectionId, nsp };
    if (!(await this.store.beginSocket(socket))) throw new Error("a fresh socket was refused");
    if (!(await this.store.openSocket(key, socket.id, this.commit(changes)))) {
      throw new Error("a connecting socket was refused");
    }
    return { key, id: socket.id, connection };
  }

  member(room: RoomName, changes: Partial<Member> = {}): Member {
    return {
      nsp: "/",
      room,
      id: this.name("socket"),
      connectionId: this.name("conn"),
      connectedAt: this.#now,
      token: this.name("token"),
      ...changes,
    };
  }

  async members(nsp: string, room: RoomName): Promise<readonly Member[]> {
    return (await this.pages(nsp, room)).flat();
  }

  async pages(nsp: string, room: RoomName): Promise<readonly (readonly Member[])[]> {
    const pages: (readonly Member[])[] = [];
    for await (const page of this.store.listMembers(nsp, room)) pages.push(page);
    return pages;
  }
}

/** Runs the same call several times at once. */
export function atOnce<T>(times: number, call: (i: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: times }, (_, i) => call(i)));
}

export function countOf<T>(all: readonly T[], value: T): number {
  return all.filter((entry) => entry === value).length;
}

/** JSON text of about this many bytes. */
export function largeJson(bytes: number, fill = "x"): string {
  return JSON.stringify(fill.repeat(bytes));
}
