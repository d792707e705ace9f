import type { Codec } from "../../protocol/codec.ts";
import type { Effect } from "../common/effect.ts";
import type { Invocation } from "../invocation/invocation.ts";
import type { OutsideCalls } from "../invocation/outside-calls.ts";
import type { Participant } from "../invocation/participant.ts";
import type { SocketRecord } from "../ports/sockets.ts";
import { SharedVariables } from "../shared/variables.ts";
import type { EngineCore } from "./engine-core.ts";
import type { ResolvedOptions } from "./options.ts";
import type { SocketFacade } from "./socket-facade.ts";
import type { WrittenChildren } from "./written-children.ts";

/** Called with what the application sees of a socket: api/ knows its type. */
export type ConnectionListener = (socket: SocketFacade) => unknown;

/** An error that a middleware refuses a connection with; `data` reaches the client. */
export interface ExtendedError extends Error {
  // biome-ignore lint/suspicious/noExplicitAny: whatever the application wants to tell its client
  data?: any;
}
export type Middleware = (socket: SocketFacade, next: (error?: ExtendedError) => void) => unknown;

/** The two names of the same event; listeners of `connect` run first, as on stock. */
export type ConnectionEvent = "connect" | "connection";

/** In which invocation, and how, a call of `io.…` takes effect. */
export interface Acting {
  readonly invocation: Invocation;
  readonly mode: "live" | "replay";
  /** The socket on whose behalf it is called, if any: it keeps the record of its connection listeners. */
  readonly socket?: Participant;
}

/** Makes what the application sees. Given by api/, which is above all that uses it. */
export interface Facades {
  readonly socket: (core: Participant) => SocketFacade;
  readonly namespace: (core: NamespaceCore) => object;
}

/** What a namespace, and whoever has one, may ask of its server: ServerCore is one. */
export interface NamespaceServer {
  readonly options: ResolvedOptions;
  readonly codec: Codec;
  readonly engine: EngineCore;
  readonly facades: Facades;
  readonly facade: object;
  readonly writtenChildren: WrittenChildren;
  readonly outside: OutsideCalls;
  /** Those that the application named while its module was loaded. */
  readonly namespaces: ReadonlyMap<string, NamespaceCore>;
  /** The namespace of a socket's row: clients connect only to those that have listeners here. */
  declared(row: Pick<SocketRecord, "nsp" | "place">): NamespaceCore | undefined;
  makeNamespace(name: string, declared: boolean, parent: NamespaceCore | undefined): NamespaceCore;
  /** A child of a dynamic namespace that the application makes itself, so that it is there before a client asks for it. */
  createChild(name: string, parent: NamespaceCore): NamespaceCore;
  /** Who calls `io.…`; undefined where no event is running. */
  acting(): Acting | undefined;
  /** What is called on `io` where there is no event: is done for itself, where the process is connected. */
  actOutside<T>(what: string, work: (invocation: Invocation) => Promise<T>): Effect<T>;
  /** What somebody gets who calls `io.…` where there is no event, and it needs one or the process is not connected. */
  refuseCall<T>(what: string): Effect<T>;
  /** Says once in the life of this process that something of the application's has no effect here. */
  notice(what: string, why: string): void;
  /** @throws SkysocketError inside an event: a warm instance would register it once for every event it has served */
  assertDeclaring(what: string): void;
}

export interface NamespaceCoreOptions {
  readonly name: string;
  readonly server: NamespaceServer;
  readonly declared: boolean;
  /** What it inherits from: a child starts with what its parent has at that moment, as on stock. */
  readonly parent?: NamespaceCore | undefined;
  /** It is a parent itself: its place among the dynamic namespaces that the application declared. */
  readonly place?: number;
}

/** What an application declared of a namespace when its module was loaded. */
export class NamespaceCore {
  readonly name: string;
  readonly server: NamespaceServer;
  /**
   * False for a namespace that first appeared inside an event (`io.of(name).emit(…)`): this instance is the only one that
   * knows it, so no client may connect to it here either.
   */
  readonly declared: boolean;
  readonly parent: NamespaceCore | undefined;
  readonly place: number | undefined;
  readonly middlewares: Middleware[];
  readonly listeners: Record<ConnectionEvent, ConnectionListener[]>;
  /** What the application sees of it. */
  facade!: object;
  #shared: SharedVariables | undefined;

  constructor({ name, server, declared, parent, place }: NamespaceCoreOptions) {
    this.name = name;
    this.server = server;
    this.declared = declared;
    this.parent = parent;
    this.place = place;
    this.middlewares = [...(parent?.middlewares ?? [])];
    this.listeners = {
      connect: [...(parent?.listeners.connect ?? [])],
      connection: [...(parent?.listeners.connection ?? [])],
    };
  }

  /** Its shared variables, if it has any. */
  get shared(): SharedVariables | undefined {
    return this.#shared;
  }

  /** Declares a shared variable. @throws SkysocketError */
  share<T extends object>(name: string, initial: T): T {
    this.#shared ??= new SharedVariables(this.name);
    return this.#shared.declare(name, initial);
  }

  get connectionListeners(): readonly ConnectionListener[] {
    return [...this.listeners.connect, ...this.listeners.connection];
  }
}
