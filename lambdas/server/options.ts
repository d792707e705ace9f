import type { Parser } from "../protocol/codec.ts";
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
   * Socket.IO's `parser`: what packets are written with, the same as that of the clients. With one whose packets are binary,
   * socket.io-msgpack-parser above all, clients must set `forceBase64: true`, since API Gateway closes at a binary frame.
   * Default: socket.io-parser, JSON.
   */
  readonly parser?: Parser | undefined;
  /**
   * Socket.IO's connection state recovery: a client that comes back gets its id, its rooms, its data and all it missed. An empty
   * object turns it on. Off by default: it costs two small writes for each room that is sent to.
   */
  readonly connectionStateRecovery?: RecoveryOptions | undefined;
  /**
   * Header names (lower case) kept for `socket.handshake.headers`, most important first. They are stored in the table with
   * the connection, encrypted at rest, until it ends.
   * @default cookie, authorization, host, origin, user-agent, accept-language, referer, x-forwarded-for, x-forwarded-proto
   */
  readonly handshakeHeaders?: readonly string[];
  /** How long an event waits in an inbox for its acknowledgement, in milliseconds. @default 604800000, which is 7 days */
  readonly inboxTtl?: number;
  /** Rooms a socket may be in at the same time, beside everyone's. @default 500 */
  readonly maxRoomsPerSocket?: number;
  /**
   * Sockets that an event posts to itself; a room with more is served by workers, about as many sockets each. They start within
   * a second, but what an event sends to such a room has no order with what others send.
   * @default 500
   */
  readonly fanOutThreshold?: number;
  /** How long work that nobody awaits (a timer, a floating promise) may hold an invocation, in milliseconds. @default 5000 */
  readonly lingerTimeout?: number;
}

export interface RecoveryOptions {
  /** How long a client may be away, in milliseconds; days are possible. @default 120000 */
  readonly maxDisconnectionDuration?: number;
  /** Whether a socket that comes back passes the middlewares again. @default true: it does not */
  readonly skipMiddlewares?: boolean;
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

/** How recovery works, and for how long what it needs is kept; all in milliseconds. */
export interface RecoveryTimes extends Required<RecoveryOptions> {
  /** Rows of ended sockets and packets in the logs: longer than a client may be away, since its end is noticed late. */
  readonly keepEndedMs: number;
}

export interface ResolvedOptions {
  readonly origin: AllowedOrigin;
  readonly allowRequest: ServerOptions["allowRequest"] | undefined;
  readonly parser: Parser | undefined;
  /** Undefined: it is off. */
  readonly recovery: RecoveryTimes | undefined;
  readonly inboxTtl: number;
  readonly handshakeHeaders: readonly string[];
  readonly maxRoomsPerSocket: number;
  readonly fanOutThreshold: number;
  readonly lingerTimeout: number;
}

/**
 * Posts take about 15 ms and 64 go at once, so these take an eighth of a second: as long as it takes to start workers. And they
 * are a page that one read brings.
 */
export const DEFAULT_FAN_OUT_THRESHOLD = 500;

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

const KNOWN = new Set([
  "cors",
  "allowRequest",
  "parser",
  "connectionStateRecovery",
  "inboxTtl",
  "handshakeHeaders",
  "maxRoomsPerSocket",
  "fanOutThreshold",
  "lingerTimeout",
]);

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
    parser: options.parser,
    recovery: resolveRecovery(options.connectionStateRecovery),
    inboxTtl: resolveInboxTtl(options.inboxTtl),
    handshakeHeaders: (options.handshakeHeaders ?? DEFAULT_HEADERS).map((name) => name.toLowerCase()),
    maxRoomsPerSocket: options.maxRoomsPerSocket ?? 500,
    fanOutThreshold: resolveFanOutThreshold(options.fanOutThreshold),
    lingerTimeout: options.lingerTimeout ?? 5_000,
  };
}

function resolveFanOutThreshold(threshold: number = DEFAULT_FAN_OUT_THRESHOLD): number {
  if (threshold >= 1 && (Number.isInteger(threshold) || threshold === Number.POSITIVE_INFINITY))
    return threshold;
  throw new SkysocketError(
    "SKY_OPTION_INVALID",
    `fanOutThreshold is ${threshold}: give a whole number of sockets from 1 on, or Infinity for no workers`,
  );
}

/** DynamoDB keeps rows for as long as we like; more than this is a mistake in the unit. */
const MAX_AWAY_MS = 366 * 24 * 60 * 60 * 1_000;

/** A dead connection is noticed by a post, a ping or API Gateway within this time, in milliseconds, and clocks differ. */
const END_NOTICED_MS = 20 * 60 * 1_000;

function resolveRecovery(options: ServerOptions["connectionStateRecovery"]): ResolvedOptions["recovery"] {
  if (!options) return undefined;
  const { maxDisconnectionDuration = 120_000, skipMiddlewares = true } = options;
  if (maxDisconnectionDuration >= 0 && maxDisconnectionDuration <= MAX_AWAY_MS) {
    const keepEndedMs = maxDisconnectionDuration + END_NOTICED_MS;
    return { maxDisconnectionDuration, skipMiddlewares, keepEndedMs };
  }
  throw new SkysocketError(
    "SKY_OPTION_INVALID",
    `connectionStateRecovery.maxDisconnectionDuration is ${maxDisconnectionDuration}: give milliseconds from 0 to ${MAX_AWAY_MS} (a year)`,
  );
}

function resolveInboxTtl(inboxTtl = 7 * 24 * 60 * 60 * 1_000): number {
  if (inboxTtl > 0 && inboxTtl <= MAX_AWAY_MS) return inboxTtl;
  throw new SkysocketError(
    "SKY_OPTION_INVALID",
    `inboxTtl is ${inboxTtl}: give milliseconds from 1 to ${MAX_AWAY_MS} (a year)`,
  );
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
