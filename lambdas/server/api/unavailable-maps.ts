import type { AnyFunction } from "../common/typed-events.ts";
import { notAvailable } from "../common/unavailable.ts";
import type { NamespaceCore, NamespaceServer } from "../declared/namespace-core.ts";
import type { SocketFacade } from "../declared/socket-facade.ts";
import { socketsOf } from "../socket/socket-core.ts";

/** The sockets of a namespace that take part in the running event, by id. */
function present(server: NamespaceServer, nsp: NamespaceCore, id: string): SocketFacade | undefined {
  const acting = server.acting();
  const sockets = acting ? socketsOf(acting.invocation) : [];
  // The latest: a session that was taken over has ended one with the same id.
  return sockets.findLast((socket) => socket.id === id && socket.nsp.name === nsp.name)?.facade;
}

/**
 * What is left of Socket.IO's Map `nsp.sockets`: the sockets of the running event. Everything that would need the others
 * throws, since an empty or partial Map would be a wrong answer. Typed as that Map, so that an application which moves over
 * compiles and gets the error that names the way out.
 */
export class LocalSockets<AppSocket = SocketFacade> {
  readonly #nsp: NamespaceCore;

  constructor(nsp: NamespaceCore) {
    this.#nsp = nsp;
  }

  /** @throws SkysocketError for a socket that is not part of the running event */
  get(id: string): AppSocket {
    const socket = present(this.#nsp.server, this.#nsp, id);
    if (socket) return socket as unknown as AppSocket;
    throw this.#unknown(
      "get() of another socket",
      "const [socket] = await nsp.in(id).fetchSockets(), and nsp.to(id).emit()",
    );
  }

  /** @throws SkysocketError for a socket that is not part of the running event */
  has(id: string): true {
    if (present(this.#nsp.server, this.#nsp, id)) return true;
    throw this.#unknown("has() of another socket", "(await nsp.in(id).fetchSockets()).length === 1");
  }

  get size(): number {
    throw this.#unknown("size", "(await nsp.fetchSockets()).length, or a counter in your database");
  }

  forEach(_callback?: (socket: AppSocket, id: string) => unknown): void {
    throw this.#unknown("forEach()", "for (const socket of await nsp.fetchSockets())");
  }

  keys(): IterableIterator<string> {
    throw this.#unknown("keys()", "await nsp.allSockets()");
  }

  values(): IterableIterator<AppSocket> {
    throw this.#unknown("values()", "await nsp.fetchSockets()");
  }

  entries(): IterableIterator<[string, AppSocket]> {
    throw this.#unknown("entries()", "await nsp.fetchSockets()");
  }

  /** @throws always */
  [Symbol.iterator](): IterableIterator<[string, AppSocket]> {
    throw this.#unknown("iterating", "for (const socket of await nsp.fetchSockets())");
  }

  #unknown(what: string, instead: string) {
    return notAvailable(
      `nsp.sockets: ${what}`,
      `no process has the other sockets, and only the table knows them. Use ${instead}.`,
    );
  }
}

/** What is left of `nsp.adapter`: who is where stands in the table, and answers take a request. */
export class AdapterStandIn {
  get rooms(): Map<string, Set<string>> {
    throw this.#missing("rooms", "await nsp.in(room).allSockets()");
  }

  get sids(): Map<string, Set<string>> {
    throw this.#missing("sids", "(await nsp.in(id).fetchSockets())[0]?.rooms");
  }

  socketRooms(_id?: string): Set<string> | undefined {
    throw this.#missing("socketRooms()", "(await nsp.in(id).fetchSockets())[0]?.rooms");
  }

  sockets(_rooms?: Set<string>): Promise<Set<string>> {
    throw this.#missing("sockets()", "await nsp.in(rooms).allSockets()");
  }

  /** Rooms are made and emptied by many instances at once, and none of them sees all of it. */
  on(event: string, _listener?: AnyFunction): this {
    throw this.#missing(
      `on(${JSON.stringify(event)})`,
      "the code that calls socket.join() and socket.leave()",
    );
  }

  once(event: string, listener?: AnyFunction): this {
    return this.on(event, listener);
  }

  #missing(what: string, instead: string) {
    return notAvailable(
      `nsp.adapter.${what}`,
      `rooms are kept in the table, not in this process. Use ${instead}.`,
    );
  }
}
