import type { Namespace } from "./namespace.ts";
import type { ServerCore } from "./server-core.ts";
import type { Socket } from "./socket.ts";

export type ConnectionListener = (socket: Socket) => unknown;

/** An error that a middleware refuses a connection with; `data` reaches the client. */
export interface ExtendedError extends Error {
  // biome-ignore lint/suspicious/noExplicitAny: whatever the application wants to tell its client
  data?: any;
}
export type Middleware = (socket: Socket, next: (error?: ExtendedError) => void) => unknown;

/** The two names of the same event; listeners of `connect` run first, as on stock. */
export type ConnectionEvent = "connect" | "connection";

export interface NamespaceCoreOptions {
  readonly name: string;
  readonly server: ServerCore;
  readonly declared: boolean;
  /** What it inherits from: a child starts with what its parent has at that moment, as on stock. */
  readonly parent?: NamespaceCore | undefined;
  /** It is a parent itself: its place among the dynamic namespaces that the application declared. */
  readonly place?: number;
}

/** What an application declared of a namespace when its module was loaded. */
export class NamespaceCore {
  readonly name: string;
  readonly server: ServerCore;
  /**
   * False for a namespace that first appeared inside an event (`io.of(name).emit(…)`): this instance is the only one that
   * knows it, so no client may connect to it here either.
   */
  readonly declared: boolean;
  readonly parent: NamespaceCore | undefined;
  readonly place: number | undefined;
  readonly middlewares: Middleware[];
  readonly listeners: Record<ConnectionEvent, ConnectionListener[]>;
  facade!: Namespace;

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

  get connectionListeners(): readonly ConnectionListener[] {
    return [...this.listeners.connect, ...this.listeners.connection];
  }
}
