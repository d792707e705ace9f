import type { EventsMap } from "../common/typed-events.ts";

/**
 * The public classes name each other, as Socket.IO's do: `socket.nsp.server`. Each file imports only those below it, and adds
 * its own class here, by which those below can name it.
 */
// biome-ignore-start lint/correctness/noUnusedVariables: the declarations that are merged with this one use them
// biome-ignore-start lint/suspicious/noEmptyInterface: filled by namespace.ts and server.ts
export interface PublicTypes<
  ListenEvents extends EventsMap,
  EmitEvents extends EventsMap,
  ServerSideEvents extends EventsMap,
  SocketData,
> {}
// biome-ignore-end lint/suspicious/noEmptyInterface: filled by namespace.ts and server.ts
// biome-ignore-end lint/correctness/noUnusedVariables: the declarations that are merged with this one use them
