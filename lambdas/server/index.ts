/** What an application imports from "skysocket". */
export { BroadcastOperator, type Rooms } from "./broadcast-operator.ts";
export type { Client, Conn } from "./conn.ts";
export type { NamespaceMatcher } from "./dynamic-namespaces.ts";
export type { Engine } from "./engine.ts";
export type { ConnectionError } from "./engine-core.ts";
export { type ErrorCode, SkysocketError } from "./errors.ts";
export type { Handshake } from "./handshake.ts";
export type { PacketMiddleware } from "./listeners.ts";
export { Namespace, ParentNamespace } from "./namespace.ts";
export type { ExtendedError } from "./namespace-core.ts";
export type { AllowedOrigin, CorsOptions, ServerOptions } from "./options.ts";
export type { DisconnectReason } from "./ports.ts";
export { RemoteSocket } from "./remote-socket.ts";
export { Server } from "./server.ts";
export { Socket } from "./socket.ts";
export type { DefaultEventsMap, Event, EventsMap } from "./typed-events.ts";
export type { UpgradeRequest } from "./upgrade-request.ts";
