import { Effect } from "./effect.ts";
import { SkysocketError } from "./errors.ts";
import { Invocation, type InvocationOptions } from "./invocation.ts";
import type { Namespace } from "./namespace.ts";
import { NamespaceCore } from "./namespace-core.ts";
import type { ResolvedOptions } from "./options.ts";
import type { Log } from "./ports.ts";
import { scopes } from "./scope.ts";
import type { Socket } from "./socket.ts";
import type { SocketCore } from "./socket-core.ts";

/** How the core makes what the application sees; given by server.ts, so that the core does not import its own facades. */
export interface Facades {
  readonly socket: (core: SocketCore) => Socket;
  readonly namespace: (core: NamespaceCore) => Namespace;
}

/** In which invocation, and how, a call of `io.…` takes effect. */
export interface Acting {
  readonly invocation: Invocation;
  readonly mode: "live" | "replay";
  /** The socket on whose behalf it is called, if any: it keeps the record of its connection listeners. */
  readonly socket?: SocketCore;
}

/** What an application's module declared, and which invocations are running. It remembers nothing of clients. */
export class ServerCore {
  readonly options: ResolvedOptions;
  readonly facades: Facades;
  readonly log: Log;
  readonly namespaces = new Map<string, NamespaceCore>();
  readonly #running = new Set<Invocation>();

  constructor(options: ResolvedOptions, facades: Facades, log: Log) {
    this.options = options;
    this.facades = facades;
    this.log = log;
  }

  /** The namespace, made known if it is not. A missing leading slash is added, as on stock. */
  of(name: string): NamespaceCore {
    const full = name.startsWith("/") ? name : `/${name}`;
    const known = this.namespaces.get(full);
    if (known) return known;
    const namespace = new NamespaceCore(full, this, scopes.getStore() === undefined);
    namespace.facade = this.facades.namespace(namespace);
    this.namespaces.set(full, namespace);
    return namespace;
  }

  /** The namespace that a client may connect to. */
  declared(name: string): NamespaceCore | undefined {
    const namespace = this.namespaces.get(name);
    return namespace?.declared ? namespace : undefined;
  }

  begin(options: Omit<InvocationOptions, "lingerMs">): Invocation {
    const invocation = new Invocation({ ...options, lingerMs: this.options.lingerTimeout });
    this.#running.add(invocation);
    return invocation;
  }

  end(invocation: Invocation): void {
    this.#running.delete(invocation);
  }

  /** Who calls `io.…`: the running event by its context, else the only one that is running (RULES.md A1). */
  acting(): Acting | undefined {
    const scope = scopes.getStore();
    if (scope && this.#running.has(scope.invocation)) return scope;
    const [only, another] = this.#running;
    return only && !another ? { invocation: only, mode: only.mode } : undefined;
  }

  /** What somebody gets who calls `io.…` where there is no event. */
  refuse<T>(what: string): Effect<T> {
    const error = new SkysocketError(
      "SKY_NO_INVOCATION",
      `${what} outside of an event: nothing is connected to this process. Call it in a handler, a middleware or a listener.`,
    );
    return Effect.of(Promise.reject(error), () => this.log.error(error.code, error.message));
  }

  /** @throws SkysocketError inside an event: a warm instance would register it once for every event it has served */
  assertDeclaring(what: string): void {
    if (scopes.getStore() === undefined) return;
    throw new SkysocketError(
      "SKY_LATE_REGISTRATION",
      `${what} inside a listener or handler would be repeated at each event, and be unknown to other instances. Call it once, when the module is loaded.`,
    );
  }
}

/** An effect that has been done already. */
export const resolved = <T>(value: T): Effect<T> => Effect.of(Promise.resolve(value), () => undefined);
