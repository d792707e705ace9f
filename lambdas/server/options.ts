import { SkysocketError } from "./errors.ts";
import type { Log } from "./ports.ts";
import { type IgnoredOptions, isIgnored, type RefusedOptions, wayOutOf } from "./stock-options.ts";
import type { AnyFunction } from "./typed-events.ts";
import type { UpgradeRequest } from "./upgrade-request.ts";

type FixedOrigin = boolean | string | RegExp | readonly (boolean | string | RegExp)[];

/**
 * Which pages may connect: an origin, a pattern, a list of them, `true` or `"*"` for all, `false` for none; or a function
 * that decides by the Origin header.
 */
export type AllowedOrigin =
  | FixedOrigin
  | ((origin: string | undefined, callback: (error: Error | null, origin?: FixedOrigin) => void) => void);

/** Socket.IO's options, and a few of our own. What is known and has no effect here is accepted with a notice. */
export interface ServerOptions extends IgnoredOptions, RefusedOptions {
  /** Socket.IO's `cors`: only `origin` means something on a WebSocket. Requests without an Origin header pass. Default: all. */
  readonly cors?: CorsOptions | AnyFunction | undefined;
  /** Decides about each new connection, at $connect: `fn(null, true)` lets it in, everything else answers 403. */
  allowRequest?(
    request: UpgradeRequest,
    fn: (error: string | null | undefined, success: boolean) => void,
  ): void;
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

/** As the `cors` package has them. All but `origin` belong to answers that a WebSocket does not have. */
export interface CorsOptions {
  readonly origin?: AllowedOrigin | undefined;
  readonly methods?: string | string[] | undefined;
  readonly allowedHeaders?: string | string[] | undefined;
  readonly exposedHeaders?: string | string[] | undefined;
  readonly credentials?: boolean | undefined;
  readonly maxAge?: number | undefined;
  readonly preflightContinue?: boolean | undefined;
  readonly optionsSuccessStatus?: number | undefined;
}

export interface ResolvedOptions {
  readonly origin: AllowedOrigin;
  readonly allowRequest: ServerOptions["allowRequest"] | undefined;
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

const KNOWN = new Set(["cors", "allowRequest", "handshakeHeaders", "maxRoomsPerSocket", "lingerTimeout"]);

/**
 * Fills in the defaults.
 * @throws SkysocketError for an option whose absence would change what the application does
 */
export function resolveOptions(options: ServerOptions, log: Pick<Log, "warn">): ResolvedOptions {
  for (const [name, value] of Object.entries(options)) {
    if (KNOWN.has(name) || value === undefined) continue;
    if (!isIgnored(name)) {
      throw new SkysocketError(
        "SKY_NOT_AVAILABLE",
        `the server option ${name} is not available in Skysocket${wayOutOf(name)}`,
      );
    }
    log.warn(
      "SKY_OPTION_IGNORED",
      `the server option ${name} has no meaning behind API Gateway and is ignored`,
    );
  }
  const { cors, allowRequest } = options;
  if (typeof cors === "function") {
    throw new SkysocketError(
      "SKY_NOT_AVAILABLE",
      "the server option cors is a function: give { origin: (origin, callback) => … }, or decide in allowRequest, which gets the request",
    );
  }
  return {
    origin: cors?.origin ?? true,
    allowRequest: allowRequest?.bind(options),
    handshakeHeaders: (options.handshakeHeaders ?? DEFAULT_HEADERS).map((name) => name.toLowerCase()),
    maxRoomsPerSocket: options.maxRoomsPerSocket ?? 500,
    lingerTimeout: options.lingerTimeout ?? 5_000,
  };
}

/** Does the rule let this Origin header in? A function that calls back with an error, or with nothing, does not. */
export async function originAllowed(rule: AllowedOrigin, origin: string): Promise<boolean> {
  if (typeof rule !== "function") return matches(rule, origin);
  return await new Promise((resolve) =>
    rule(origin, (error, allowed) => resolve(!error && allowed !== undefined && matches(allowed, origin))),
  );
}

function matches(rule: FixedOrigin, origin: string): boolean {
  if (typeof rule === "boolean") return rule;
  if (typeof rule === "string") return rule === "*" || rule === origin;
  if (rule instanceof RegExp) return origin.search(rule) !== -1; // `test` remembers where a /g stopped
  return rule.some((entry) => matches(entry, origin));
}
