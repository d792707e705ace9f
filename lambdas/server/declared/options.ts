import type { Parser } from "../../protocol/codec.ts";
import { SkysocketError } from "../common/errors.ts";
import type { AnyFunction } from "../common/typed-events.ts";
import type { UpgradeRequest } from "../common/upgrade-request.ts";
import { DEFAULT_FAN_OUT_THRESHOLD } from "../invocation/invocation.ts";
import type { Log } from "../ports/environment.ts";
import { type IgnoredOptions, isIgnored, type RefusedOptions, wayOutOf } from "./stock-options.ts";

type FixedOrigin = boolean | string | RegExp | readonly (boolean | string | RegExp)[];

/**
 * Which pages may connect: an origin, a pattern, a list of them, `true` or `"*"` for all, `false` for none; or a function
 * that decides by the Origin header.
 */
export type AllowedOrigin =
  | FixedOrigin
  | ((origin: string | undefined, callback: (error: Error | null, origin?: FixedOrigin) => void) => void);

/**
 * Socket.IO's options, and a few of our own. What is known and has no effect here is accepted with a notice. Not readonly: as
 * on stock, applications put theirs together one by one.
 */
export interface ServerOptions extends IgnoredOptions, RefusedOptions {
  /** Socket.IO's `cors`: only `origin` means something on a WebSocket. Requests without an Origin header pass. Default: all. */
  cors?: CorsOptions | AnyFunction | undefined;
  /** Decides about each new connection, at $connect: `fn(null, true)` lets it in, everything else answers 400. */
  allowRequest?(
    request: UpgradeRequest,
    fn: (error: string | null | undefined, success: boolean) => void,
  ): void;
  /**
   * Socket.IO's `parser`: what packets are written with, the same as that of the clients. With one whose packets are binary,
   * socket.io-msgpack-parser above all, clients must set `forceBase64: true`, since API Gateway closes at a binary frame.
   * Default: socket.io-parser, JSON.
   */
  parser?: Parser | undefined;
  /**
   * Socket.IO's connection state recovery: a client that comes back gets its id, its rooms, its data and all it missed. An empty
   * object turns it on. Off by default: it costs two small writes for each room that is sent to.
   */
  connectionStateRecovery?: RecoveryOptions | undefined;
  /**
   * Header names (lower case) kept for `socket.handshake.headers`, most important first. They are stored in the table with
   * the connection, encrypted at rest, until it ends.
   * @default cookie, authorization, host, origin, user-agent, accept-language, referer, x-forwarded-for, x-forwarded-proto
   */
  handshakeHeaders?: readonly string[];
  /** How long an event waits in an inbox for its acknowledgement, in milliseconds. @default 604800000, which is 7 days */
  inboxTtl?: number;
  /** Rooms a socket may be in at the same time, beside everyone's. @default 500 */
  maxRoomsPerSocket?: number;
  /**
   * Namespaces that a client may be connected to over one connection, those included that it has left in the last five minutes (with
   * recovery on, also those that it could still come back to). Each event reads a row of each. One more is refused with
   * `connect_error`. @default 32
   */
  maxNamespacesPerConnection?: number;
  /**
   * Size of a client's `auth`, in bytes of JSON; a larger one is refused with `connect_error`. Over 2 KB it costs each of its
   * namespace's events a read more. @default 16384
   */
  maxAuthBytes?: number;
  /**
   * Sockets that an event posts to itself; a room with more is served by workers, about as many sockets each. They start within
   * a second, but what an event sends to such a room has no order with what others send.
   * @default 500
   */
  fanOutThreshold?: number;
  /**
   * How long an event's handlers hold back the next event of the same client, in milliseconds: what takes longer overlaps, as on
   * stock. Only where the stack is `ordered`. @default 250
   */
  orderHoldMs?: number;
  /** How long work that nobody awaits (a timer, a floating promise) may hold an invocation, in milliseconds. @default 5000 */
  lingerTimeout?: number;
}

export interface RecoveryOptions {
  /** How long a client may be away, in milliseconds; days are possible. @default 120000 */
  maxDisconnectionDuration?: number;
  /** Whether a socket that comes back passes the middlewares again. @default true: it does not */
  skipMiddlewares?: boolean;
  /**
   * How often a session may be resumed in a minute: each time costs as many reads and posts as the client says it has missed. After
   * that the client starts afresh, with `recovered: false`. @default 20
   */
  maxResumesPerMinute?: number;
}

/** As the `cors` package has them. All but `origin` belong to answers that a WebSocket does not have. */
export interface CorsOptions {
  origin?: AllowedOrigin | undefined;
  methods?: string | string[] | undefined;
  allowedHeaders?: string | string[] | undefined;
  exposedHeaders?: string | string[] | undefined;
  credentials?: boolean | undefined;
  maxAge?: number | undefined;
  preflightContinue?: boolean | undefined;
  optionsSuccessStatus?: number | undefined;
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
  readonly maxNamespacesPerConnection: number;
  readonly maxAuthBytes: number;
  readonly fanOutThreshold: number;
  readonly orderHoldMs: number;
  readonly lingerTimeout: number;
}

/** An invocation takes 29 s at most, and may have ten events to work through. */
const MAX_ORDER_HOLD_MS = 10_000;

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
  "maxNamespacesPerConnection",
  "maxAuthBytes",
  "fanOutThreshold",
  "orderHoldMs",
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
  const { cors } = options;
  if (typeof cors === "function") {
    throw new SkysocketError(
      "SKY_NOT_AVAILABLE",
      "the server option cors is a function: give { origin: (origin, callback) => … }, or decide in allowRequest, which gets the request",
    );
  }
  // Stock takes these for no rule at all, so that the one page that was meant would be all pages.
  if (typeof cors === "string" || Array.isArray(cors))
    throw invalid("cors", cors, `an object, { origin: ${shown(cors)} }`);
  return {
    origin: cors?.origin ?? true,
    allowRequest: resolveAllowRequest(options),
    parser: options.parser,
    recovery: resolveRecovery(options.connectionStateRecovery),
    inboxTtl: resolveInboxTtl(options.inboxTtl),
    handshakeHeaders: resolveHeaders(options.handshakeHeaders),
    maxRoomsPerSocket: resolveMost("maxRoomsPerSocket", options.maxRoomsPerSocket, 500),
    maxNamespacesPerConnection: resolveMost(
      "maxNamespacesPerConnection",
      options.maxNamespacesPerConnection,
      32,
    ),
    maxAuthBytes: resolveMost("maxAuthBytes", options.maxAuthBytes, 16_384),
    fanOutThreshold: resolveFanOutThreshold(options.fanOutThreshold),
    orderHoldMs: resolveOrderHold(options.orderHoldMs),
    lingerTimeout: resolveLingerTimeout(options.lingerTimeout),
  };
}

/** @param needed what may be given, as the end of a sentence */
const invalid = (option: string, value: unknown, needed: string): SkysocketError =>
  new SkysocketError("SKY_OPTION_INVALID", `${option} is ${shown(value)}: give ${needed}`);

const shown = (value: unknown): string =>
  typeof value === "string" || Array.isArray(value) ? JSON.stringify(value) : String(value);

function resolveAllowRequest(options: ServerOptions): ResolvedOptions["allowRequest"] {
  const allowRequest: unknown = options.allowRequest ?? undefined;
  if (allowRequest === undefined || typeof allowRequest === "function")
    return options.allowRequest?.bind(options);
  throw invalid("allowRequest", allowRequest, "a function (request, fn) => …");
}

function resolveHeaders(names: unknown = DEFAULT_HEADERS): readonly string[] {
  if (Array.isArray(names) && names.every((name) => typeof name === "string"))
    return names.map((name) => name.toLowerCase());
  throw invalid("handshakeHeaders", names, "a list of header names");
}

function resolveMost(option: string, given: number | undefined, most: number): number {
  const number = given ?? most;
  if (number === Number.POSITIVE_INFINITY || (Number.isInteger(number) && number >= 1)) return number;
  throw invalid(option, number, "a whole number from 1 on, or Infinity");
}

function resolveOrderHold(given = 250): number {
  if (Number.isInteger(given) && given >= 0 && given <= MAX_ORDER_HOLD_MS) return given;
  throw invalid("orderHoldMs", given, `milliseconds from 0 to ${MAX_ORDER_HOLD_MS.toLocaleString("en")}`);
}

function resolveLingerTimeout(ms = 5_000): number {
  if (typeof ms === "number" && ms >= 0) return ms;
  throw invalid("lingerTimeout", ms, "milliseconds from 0 on");
}

function resolveFanOutThreshold(threshold: number = DEFAULT_FAN_OUT_THRESHOLD): number {
  if (threshold >= 1 && (Number.isInteger(threshold) || threshold === Number.POSITIVE_INFINITY))
    return threshold;
  throw new SkysocketError(
    "SKY_OPTION_INVALID",
    `fanOutThreshold is ${threshold}: give a whole number of sockets, 1 or more, or Infinity for no workers`,
  );
}

/** DynamoDB keeps rows for as long as we like; more than this is a mistake in the unit. */
const MAX_AWAY_MS = 366 * 24 * 60 * 60 * 1_000;

/**
 * A dead connection is noticed within this time, in milliseconds: by a post or a ping, as a rule, but something in between may go
 * on taking what is sent, until API Gateway closes the connection when it is two hours old. And clocks differ.
 */
const END_NOTICED_MS = (2 * 60 + 20) * 60 * 1_000;

function resolveRecovery(options: ServerOptions["connectionStateRecovery"]): ResolvedOptions["recovery"] {
  if (!options) return undefined;
  const { maxDisconnectionDuration = 120_000, skipMiddlewares = true } = options;
  const name = "connectionStateRecovery.maxResumesPerMinute";
  const maxResumesPerMinute = resolveMost(name, options.maxResumesPerMinute, 20);
  if (maxDisconnectionDuration >= 0 && maxDisconnectionDuration <= MAX_AWAY_MS) {
    const keepEndedMs = maxDisconnectionDuration + END_NOTICED_MS;
    return { maxDisconnectionDuration, skipMiddlewares, maxResumesPerMinute, keepEndedMs };
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
