import type { DefaultEventsMap, EventsMap } from "../common/typed-events.ts";
import type { NamespaceCore } from "../declared/namespace-core.ts";
import { NamespaceBase } from "./namespace-base.ts";
import type { PublicTypes } from "./public-types.ts";
import type { Socket } from "./socket.ts";
import { AdapterStandIn, LocalSockets } from "./unavailable-maps.ts";

declare module "./public-types.ts" {
  interface PublicTypes<
    ListenEvents extends EventsMap,
    EmitEvents extends EventsMap,
    ServerSideEvents extends EventsMap,
    SocketData,
  > {
    readonly namespace: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  }
}

/** A group of sockets with its own listeners, rooms and middlewares, over the clients' one connection. */
export class Namespace<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  ServerSideEvents extends EventsMap = DefaultEventsMap,
  // biome-ignore lint/suspicious/noExplicitAny: an application that does not say what data it keeps may keep anything
  SocketData = any,
> extends NamespaceBase<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
  readonly #core: NamespaceCore;

  constructor(core: NamespaceCore) {
    super(core);
    this.#core = core;
  }

  get name(): string {
    return this.#core.name;
  }

  get server(): PublicTypes<ListenEvents, EmitEvents, ServerSideEvents, SocketData>["server"] {
    return this.#core.server.facade as PublicTypes<
      ListenEvents,
      EmitEvents,
      ServerSideEvents,
      SocketData
    >["server"];
  }

  /** The sockets of the running event; what would need the others throws and names the way out. */
  get sockets(): LocalSockets<Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>> {
    return new LocalSockets(this.#core);
  }

  /** There is none: its members throw and name the way out. */
  get adapter(): AdapterStandIn {
    return new AdapterStandIn();
  }
}

/**
 * A namespace that stands for all whose names a pattern matches or a function accepts. They inherit its middlewares and
 * listeners; what it emits reaches all of them, wherever their clients are connected, for one more read per emit. Its
 * sockets cannot be fetched, joined, asked or disconnected together: do that in the namespaces by name.
 */
export class ParentNamespace<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  ServerSideEvents extends EventsMap = DefaultEventsMap,
  // biome-ignore lint/suspicious/noExplicitAny: an application that does not say what data it keeps may keep anything
  SocketData = any,
> extends Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
  readonly #core: NamespaceCore;

  constructor(core: NamespaceCore) {
    super(core);
    this.#core = core;
  }

  /**
   * Those that the application has declared by name. Private on stock, where packages read it all the same. The ones that clients
   * asked for are not in it: no process knows which of them have clients.
   */
  get children(): Set<Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>> {
    const declared = [...this.#core.server.namespaces.values()];
    const facades = declared.filter(({ parent }) => parent === this.#core).map(({ facade }) => facade);
    return new Set(facades as unknown as Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>[]);
  }

  /**
   * Makes a namespace of this name, with what the parent has declared so far, whether or not the pattern matches it.
   * @throws SkysocketError inside a listener or handler
   */
  createChild(name: string): Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
    const child = this.#core.server.createChild(name, this.#core).facade;
    return child as unknown as Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  }
}
