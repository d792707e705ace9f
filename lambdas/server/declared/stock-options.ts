/**
 * Options of Socket.IO's that cannot mean anything here; leaving them out of account harms nobody. API Gateway speaks
 * WebSocket only, decides about compression, limits and times by itself, and its path is the stage.
 */
export interface IgnoredOptions {
  path?: string | undefined;
  transports?: readonly string[] | undefined;
  serveClient?: boolean | undefined;
  pingInterval?: number | undefined;
  pingTimeout?: number | undefined;
  connectTimeout?: number | undefined;
  upgradeTimeout?: number | undefined;
  maxHttpBufferSize?: number | undefined;
  allowUpgrades?: boolean | undefined;
  perMessageDeflate?: boolean | object | undefined;
  httpCompression?: boolean | object | undefined;
  wsEngine?: unknown;
  cookie?: boolean | object | undefined;
  cleanupEmptyChildNamespaces?: boolean | undefined;
  addTrailingSlash?: boolean | undefined;
  destroyUpgrade?: boolean | undefined;
  destroyUpgradeTimeout?: number | undefined;
  initialPacket?: unknown;
}

const IGNORED: Readonly<Record<keyof IgnoredOptions, true>> = {
  path: true,
  transports: true,
  serveClient: true,
  pingInterval: true,
  pingTimeout: true,
  connectTimeout: true,
  upgradeTimeout: true,
  maxHttpBufferSize: true,
  allowUpgrades: true,
  perMessageDeflate: true,
  httpCompression: true,
  wsEngine: true,
  cookie: true,
  cleanupEmptyChildNamespaces: true,
  addTrailingSlash: true,
  destroyUpgrade: true,
  destroyUpgradeTimeout: true,
  initialPacket: true,
};

export const isIgnored = (name: string): name is keyof IgnoredOptions => Object.hasOwn(IGNORED, name);

/** Options that compile, since applications that move over have them, and are refused with the way out. */
export interface RefusedOptions {
  adapter?: unknown;
  allowEIO3?: boolean | undefined;
}

/** What to do instead of an option that is refused; empty for one that nobody knows. */
export function wayOutOf(name: string): string {
  switch (name) {
    case "adapter":
      return ": all instances share the table, as servers share an adapter. Remove the option.";
    case "allowEIO3":
      return ": clients of Socket.IO 2 speak another protocol. Update them to version 3 or later.";
    default:
      return ". Look for a misspelling, or remove it.";
  }
}
