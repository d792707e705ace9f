import { Codec } from "../../protocol/codec.ts";
import { Effect } from "../common/effect.ts";
import { describeError, SkysocketError } from "../common/errors.ts";
import { Invocation, type InvocationOptions } from "../invocation/invocation.ts";
import { OutsideCalls } from "../invocation/outside-calls.ts";
import { type Scope, scopes } from "../invocation/scope.ts";
import { callingTimer, stopCallingTimer } from "../invocation/timers.ts";
import type { Log } from "../ports/environment.ts";
import type { Ports } from "../ports/ports.ts";
import type { SocketRecord } from "../ports/sockets.ts";
import { reportOutside } from "../shared/reports.ts";
import { DynamicNamespaces } from "./dynamic-namespaces.ts";
import { EngineCore } from "./engine-core.ts";
import { type Acting, type Facades, NamespaceCore, type NamespaceServer } from "./namespace-core.ts";
import type { ResolvedOptions } from "./options.ts";
import { Seldom } from "./seldom.ts";
import { WrittenChildren } from "./written-children.ts";

/** What an application's module declared, and which invocations are running. It remembers nothing of clients. */
export class ServerCore implements NamespaceServer {
  readonly options: ResolvedOptions;
  readonly facades: Facades;
  readonly codec: Codec;
  /** Those that the application named while its module was loaded. */
  readonly namespaces = new Map<string, NamespaceCore>();
  readonly dynamic = new DynamicNamespaces(this);
  readonly writtenChildren = new WrittenChildren();
  readonly seldom = new Seldom();
  readonly engine: EngineCore;
  readonly outside: OutsideCalls;
  /** Listeners of `new_namespace`. */
  readonly namespaceListeners: ((namespace: object) => unknown)[] = [];
  /** What the application sees of it. */
  facade!: object;
  /**
   * Nothing but this server and its application runs in the process: code without a context belongs to the event that runs.
   * Where a test runs beside it, or another server, such code may be theirs.
   */
  alone = true;
  #log: Log;
  /** All events of this server, also those that are over. */
  readonly #events = new WeakSet<Invocation>();
  readonly #running = new Set<Invocation>();
  readonly #noticed = new Set<string>();

  constructor(options: ResolvedOptions, facades: Facades, log: Log) {
    this.options = options;
    this.facades = facades;
    this.#log = log;
    this.codec = new Codec(options.parser);
    this.engine = new EngineCore(this);
    this.outside = new OutsideCalls(options.fanOutThreshold);
  }

  /** What composition roots know: from here on its calls have an effect, and its warnings go to that log. */
  connect(ports: Ports): void {
    this.#log = ports.log;
    this.outside.connect(ports);
  }

  get log(): Log {
    return this.#log;
  }

  /** The namespace, made known if it is not. A missing leading slash is added, as on stock. */
  of(name: string): NamespaceCore {
    const full = name.startsWith("/") ? name : `/${name}`;
    const known = this.namespaces.get(full);
    if (known) return known;
    if (this.#scope === undefined) {
      const declared = this.makeNamespace(full, true, this.dynamic.patternFor(full));
      this.namespaces.set(full, declared);
      return declared;
    }
    return this.named(full);
  }

  /** The same without making it known: for what is about a namespace that this application may not declare. */
  named(name: string): NamespaceCore {
    const known = this.namespaces.get(name) ?? this.dynamic.child(name, undefined);
    return known ?? this.dynamic.remember(name, () => this.makeNamespace(name, false, undefined));
  }

  /** The namespace of a socket's row: clients connect only to those that have listeners here. */
  declared({ nsp, place }: Pick<SocketRecord, "nsp" | "place">): NamespaceCore | undefined {
    return this.namespaces.get(nsp) ?? this.dynamic.child(nsp, place);
  }

  /** The namespace that a client asks for, if it may connect there. */
  async admit(
    invocation: Invocation,
    name: string,
    auth: Readonly<Record<string, unknown>>,
  ): Promise<NamespaceCore | undefined> {
    // Parsers other than Socket.IO's own let any name through. Ones without a slash are ours (broadcast/child-namespaces.ts).
    if (!name.startsWith("/")) return undefined;
    return this.namespaces.get(name) ?? (await this.dynamic.admit(invocation, name, auth));
  }

  makeNamespace(name: string, declared: boolean, parent: NamespaceCore | undefined): NamespaceCore {
    const namespace = new NamespaceCore({ name, server: this, declared, parent });
    namespace.facade = this.facades.namespace(namespace);
    if (!declared || name === "/") return namespace;
    // Outside of any event: what they declare belongs to the namespace, not to the client that happened to ask for it first.
    scopes.exit(() => {
      for (const listener of this.namespaceListeners) this.#announce(listener, namespace);
    });
    return namespace;
  }

  /** A child of a dynamic namespace that the application makes itself, so that it is there before a client asks for it. */
  createChild(name: string, parent: NamespaceCore): NamespaceCore {
    this.assertDeclaring("createChild()");
    const child = this.makeNamespace(name, true, parent);
    this.namespaces.set(name, child);
    return child;
  }

  begin(options: Omit<InvocationOptions, "lingerMs">): Invocation {
    const { lingerTimeout: lingerMs, fanOutThreshold } = this.options;
    const invocation = new Invocation({ ...options, lingerMs, fanOutThreshold, beside: this.outside });
    this.#events.add(invocation);
    this.#running.add(invocation);
    return invocation;
  }

  end(invocation: Invocation): void {
    this.#running.delete(invocation);
    for (const { shared } of this.namespaces.values())
      if (shared) reportOutside(invocation.ports.log, shared);
  }

  /** Who calls `io.…`: the running event by its context, else the only one that is running (docs/ARCHITECTURE.md, Replay 1). */
  acting(): Acting | undefined {
    const scope = this.#scope;
    if (scope && this.#running.has(scope.invocation)) return scope;
    // The context of an event that is over: of a timer it left behind, which stops, or of a pool that was made in it.
    if (scope && stopCallingTimer()) return { invocation: scope.invocation, mode: scope.mode };
    if (!this.alone) return undefined;
    const [only, another] = [...this.#running].filter(({ ended }) => !ended);
    if (!only || another || only.ending) return undefined;
    // A timer of the module's is none of the event's: those have its context.
    if (!scope && callingTimer()) return undefined;
    return { invocation: only, mode: only.mode };
  }

  /** What is called on `io` where there is no event: is done for itself, where the process is connected. */
  actOutside<T>(what: string, work: (invocation: Invocation) => Promise<T>): Effect<T> {
    return this.outside.run(what, work) ?? this.refuseCall(what);
  }

  /** What somebody gets who calls `io.…` where there is no event, and the process is not connected. */
  refuseCall<T>(what: string): Effect<T> {
    const error = new SkysocketError(
      "SKY_NO_INVOCATION",
      `${what} outside of an event: this process is not connected. A program that is not the socket function calls connect(io) of "skysocket/outside" first; a module that is still being loaded waits. Or call it in a handler, a middleware or a listener.`,
    );
    return Effect.of(Promise.reject(error), () => this.log.error(error.code, error.message));
  }

  /** Says once in the life of this process that something of the application's has no effect here. */
  notice(what: string, why: string): void {
    if (this.#noticed.has(what)) return;
    this.#noticed.add(what);
    this.log.warn("SKY_OPTION_IGNORED", `${what} has no effect: ${why}`);
  }

  /** @throws SkysocketError inside an event: a warm instance would register it once for every event it has served */
  assertDeclaring(what: string): void {
    if (this.#scope === undefined) return;
    throw new SkysocketError(
      "SKY_LATE_REGISTRATION",
      `${what} inside a listener or handler would be repeated at each event, and be unknown to other instances. Call it once, when the module is loaded.`,
    );
  }

  /** The context of the running code, where it is that of an event of this server: a process may have several. */
  get #scope(): (Scope & Pick<Acting, "invocation">) | undefined {
    const scope = scopes.getStore();
    const invocation = scope?.invocation;
    return scope && invocation instanceof Invocation && this.#events.has(invocation)
      ? { ...scope, invocation }
      : undefined;
  }

  #announce(listener: (namespace: object) => unknown, namespace: NamespaceCore): void {
    try {
      listener(namespace.facade);
    } catch (error) {
      this.log.error("SKY_LISTENER_FAILED", "a listener of new_namespace failed", {
        nsp: namespace.name,
        error: describeError(error),
      });
    }
  }
}
