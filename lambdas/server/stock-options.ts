/**
 * Options of Socket.IO's that cannot mean anything here; leaving them out of account harms nobody. API Gateway speaks
 * WebSocket only, decides about compression, limits and times by itself, and its path is the stage.
 */
export interface IgnoredOptions {
  readonly path?: string | undefined;
  readonly transports?: readonly string[] | undefined;
  readonly serveClient?: boolean | undefined;
  readonly pingInterval?: number | undefined;
  readonly pingTimeout?: number | undefined;
  readonly connectTimeout?: number | undefined;
  readonly upgradeTimeout?: number | undefined;
  readonly maxHttpBufferSize?: number | undefined;
  readonly allowUpgrades?: boolean | undefined;
  readonly perMessageDeflate?: boolean | object | undefined;
  readonly httpCompression?: boolean | object | undefined;
  readonly wsEngine?: unknown;
  readonly cookie?: boolean | object | undefined;
  readonly cleanupEmptyChildNamespaces?: boolean | undefined;
  readonly addTrailingSlash?: boolean | undefined;
  readonly destroyUpgrade?: boolean | undefined;
  readonly destroyUpgradeTimeout?: number | undefined;
  readonly initialPacket?: unknown;
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
  readonly adapter?: unknown;
  readonly allowEIO3?: boolean | undefined;
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
