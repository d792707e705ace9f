import type { Namespace } from "./namespace.ts";
import type { ServerCore } from "./server-core.ts";
import type { Socket } from "./socket.ts";

export type ConnectionListener = (socket: Socket) => unknown;

/** An error that a middleware refuses a connection with; `data` reaches the client. */
export interface ExtendedError extends Error {
  data?: unknown;
}
export type Middleware = (socket: Socket, next: (error?: ExtendedError) => void) => unknown;

/** What an application declared of a namespace when its module was loaded. */
export class NamespaceCore {
  readonly name: string;
  readonly server: ServerCore;
  /**
   * False for a namespace that first appeared inside an event (`io.of(name).emit(…)`): this instance is the only one that
   * knows it, so no client may connect to it here either.
   */
  readonly declared: boolean;
  readonly middlewares: Middleware[] = [];
  readonly connectionListeners: ConnectionListener[] = [];
  facade!: Namespace;

  constructor(name: string, server: ServerCore, declared: boolean) {
    this.name = name;
    this.server = server;
    this.declared = declared;
  }
}
