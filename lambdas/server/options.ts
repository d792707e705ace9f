import { SkysocketError } from "./errors.ts";
import type { Log } from "./ports.ts";

/** Which pages may connect: an origin, a pattern, a list of them, `true` or `"*"` for all, `false` for none. */
export type AllowedOrigin = boolean | string | RegExp | readonly (string | RegExp)[];

export interface ServerOptions {
  /** Socket.IO's `cors`: only `origin` means something on a WebSocket. Requests without an Origin header pass. Default: all. */
  readonly cors?: { readonly origin?: AllowedOrigin };
  /**
   * Header names (lower case) kept for `socket.handshake.headers`, most important first. They are stored in the table with
   * the connection, encrypted at rest, until it ends.
   * @default cookie, authorization, host, origin, user-agent, accept-language, referer, x-forwarded-for, x-forwarded-proto
   */
  readonly handshakeHeaders?: readonly string[];
  /** Rooms a socket may be in at the same time, beside everyone's. @default 500 */
  readonly maxRoomsPerSocket?: number;
  /** How long work that nobody awaits (a timer, a floating promise) may hold an invocation, in milliseconds. @default 5000 */
  readonly lingerTimeout?: number;
}

export interface ResolvedOptions {
  readonly origin: AllowedOrigin;
  readonly handshakeHeaders: readonly string[];
  readonly maxRoomsPerSocket: number;
  readonly lingerTimeout: number;
}

const DEFAULT_HEADERS = [
  "cookie",
  "authorization",
  "host",
  "origin",
  "user-agent",
  "accept-language",
  "referer",
  "x-forwarded-for",
  "x-forwarded-proto",
];

/** Options of Socket.IO's that cannot mean anything here; leaving them out of account harms nobody. */
const WITHOUT_MEANING = new Set([
  "path",
  "transports",
  "serveClient",
  "pingInterval",
  "pingTimeout",
  "upgradeTimeout",
  "maxHttpBufferSize",
  "allowUpgrades",
  "perMessageDeflate",
  "httpCompression",
  "wsEngine",
  "cookie",
  "connectTimeout",
  "cleanupEmptyChildNamespaces",
  "addTrailingSlash",
  "destroyUpgrade",
  "destroyUpgradeTimeout",
  "initialPacket",
]);
const KNOWN = new Set(["cors", "handshakeHeaders", "maxRoomsPerSocket", "lingerTimeout"]);

/**
 * Fills in the defaults.
 * @throws SkysocketError for an option whose absence would change what the application does
 */
export function resolveOptions(options: ServerOptions, log: Pick<Log, "warn">): ResolvedOptions {
  for (const [name, value] of Object.entries(options)) {
    if (KNOWN.has(name) || value === undefined) continue;
    if (!WITHOUT_MEANING.has(name)) {
      throw new SkysocketError(
        "SKY_NOT_AVAILABLE",
        `the server option ${name} is not available in Skysocket`,
      );
    }
    log.warn(
      "SKY_OPTION_IGNORED",
      `the server option ${name} has no meaning behind API Gateway and is ignored`,
    );
  }
  return {
    origin: options.cors?.origin ?? true,
    handshakeHeaders: (options.handshakeHeaders ?? DEFAULT_HEADERS).map((name) => name.toLowerCase()),
    maxRoomsPerSocket: options.maxRoomsPerSocket ?? 500,
    lingerTimeout: options.lingerTimeout ?? 5_000,
  };
}

/** Does the rule let this Origin header in? */
export function originAllowed(rule: AllowedOrigin, origin: string): boolean {
  if (typeof rule === "boolean") return rule;
  if (typeof rule === "string") return rule === "*" || rule === origin;
  if (rule instanceof RegExp) return rule.test(origin);
  return rule.some((entry) => originAllowed(entry, origin));
}
