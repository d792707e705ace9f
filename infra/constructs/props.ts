import { type Duration, type RemovalPolicy, Token } from "aws-cdk-lib";
import type { ThrottleSettings } from "aws-cdk-lib/aws-apigatewayv2";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import type { RetentionDays } from "aws-cdk-lib/aws-logs";
import type { AccessLogProps } from "./access-log.ts";
import { SkysocketConfigError } from "./errors.ts";

export interface SkysocketApiProps {
  /** The application: a module that default-exports its `Server`. Absolute, or relative to the working directory. */
  readonly entry: string;

  /**
   * Name of the stage, which is the `path` of every client (`/prod`). Letters, digits, `-` and `_`.
   * @default "prod"
   */
  readonly stageName?: string;

  /**
   * Memory of the socket function in MiB. CPU grows with it.
   * @default 512
   */
  readonly memorySize?: number;

  /**
   * The frames of each connection go through an SQS FIFO queue: the events of a client are handled one after the other, in their
   * order, and wait where Lambda throttles. Without it each frame is an invocation of its own at once; those of one client run side
   * by side, and a throttled one ends its connection.
   * @default true
   */
  readonly ordered?: boolean;

  /**
   * Answers a client's event with the route's response where that saves a post. AWS documents neither the order of such a
   * response among posts nor what an empty one sends, hence off. It cannot be had together with `ordered`.
   * @default false
   */
  readonly routeResponses?: boolean;

  /**
   * How often each connection is pinged, so that API Gateway does not close it after 10 minutes without a message: 1 to 8
   * whole minutes. Clients are told; one whose ping is 2 minutes late connects again. A ping and its answer are two messages
   * on the bill, and an invocation.
   * @default Duration.minutes(8)
   */
  readonly pingInterval?: Duration;

  /**
   * Requests a second and burst that the stage accepts, new connections and messages together. Beyond it upgrades get 429, and
   * messages end their connection (1008); clients come back. Posts to clients do not count.
   * @default { rateLimit: 100, burstLimit: 500 }
   */
  readonly throttle?: ThrottleSettings;

  /**
   * How many invocations of the socket function run at once at most. It has as many for itself, whatever else runs in the account;
   * what is over is refused as by a throttle. 0 stops everything. An account has 1,000 in a Region, or 10 while it is new, and has
   * to leave 100 (or those 10) unreserved: a new one cannot reserve any, and deployment fails.
   * @default - as many as the account has left
   */
  readonly reservedConcurrency?: number;

  /**
   * The same for the workers that post to large rooms. What is over waits, for up to five minutes.
   * @default - as many as the account has left
   */
  readonly fanOutReservedConcurrency?: number;

  /**
   * The same for the heartbeat, so that connections are pinged, and do not end, while the rest of the account is busy. It needs one,
   * and for a moment a second one.
   * @default - 2 if `reservedConcurrency` is set, since the account can reserve then; else as many as the account has left
   */
  readonly heartbeatReservedConcurrency?: number;

  /**
   * A Lambda function that says who may connect, before the socket function is started: who it refuses costs neither a message nor an
   * invocation of that. It sees query and headers; Socket.IO's `auth` comes later, and is for `io.use`.
   * @default - everyone may connect, and the application decides
   */
  readonly connectAuthorizer?: ConnectAuthorizer;

  /**
   * A log of connections, messages and disconnections: who, when, which route, and how it ended.
   * @default - none: it needs a role that is set for the whole account
   */
  readonly accessLog?: AccessLogProps;

  /**
   * Continuous backups of the table, which restore it to any second of the last 35 days.
   * @default true
   */
  readonly pointInTimeRecovery?: boolean;

  /**
   * What becomes of the table and the logs when they leave the stack.
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy;

  /**
   * How long CloudWatch keeps the logs.
   * @default RetentionDays.ONE_MONTH
   */
  readonly logRetention?: RetentionDays;

  /**
   * Ships a source map and has Node read it, so that stack traces name the lines of the sources. It costs some cold start.
   * @default false
   */
  readonly sourceMap?: boolean;
}

export interface ConnectAuthorizer {
  /**
   * Answers with a policy, as a REQUEST authorizer of a WebSocket API does: `{ principalId, policyDocument, context? }`.
   * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html
   */
  readonly handler: IFunction;

  /**
   * What a request must have to be worth asking, such as `route.request.querystring.token` or `route.request.header.Cookie`. Without any
   * of them the answer is 401 at once. Browsers cannot send headers of their own.
   * @default - none
   */
  readonly identitySource?: readonly string[];
}

/**
 * What a new account and a careless month survive. Lambda takes 10 requests a second for each concurrent execution of an account,
 * and new accounts have 10: 100 a second. A hundred echoed events a second, day and night, come to about $25 a day (docs, "The
 * worst bill"), which somebody notices; who really has so many has looked at the prices and sets more. The burst costs nothing in
 * the long run, and lets a hundred or two clients come back at once, with three requests each.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
 */
export const DEFAULT_THROTTLE = { rateLimit: 100, burstLimit: 500 } as const satisfies ThrottleSettings;

/** A run of the heartbeat may take as long as the time between two. */
const HEARTBEAT_CONCURRENCY = 2;

/** How many invocations of each function run at once at most; of those that are missing as many as the account has left. */
export interface Concurrency {
  readonly socket?: number;
  readonly fanOut?: number;
  readonly heartbeat?: number;
}

/** @throws SkysocketConfigError for what is no number of invocations */
export function concurrencyOf(props: SkysocketApiProps): Concurrency {
  const { reservedConcurrency, fanOutReservedConcurrency, heartbeatReservedConcurrency } = props;
  const heartbeat =
    heartbeatReservedConcurrency ?? (reservedConcurrency === undefined ? undefined : HEARTBEAT_CONCURRENCY);
  const all = { reservedConcurrency, fanOutReservedConcurrency, heartbeatReservedConcurrency };
  for (const [name, value] of Object.entries(all)) checkConcurrency(name, value);
  return {
    ...(reservedConcurrency !== undefined && { socket: reservedConcurrency }),
    ...(fanOutReservedConcurrency !== undefined && { fanOut: fanOutReservedConcurrency }),
    ...(heartbeat !== undefined && { heartbeat }),
  };
}

function checkConcurrency(name: string, value: number | undefined): void {
  if (value === undefined || Token.isUnresolved(value) || (Number.isInteger(value) && value >= 0)) return;
  throw new SkysocketConfigError(
    "CONCURRENCY_INVALID",
    `${name} cannot be ${value}. Allowed: whole numbers from 0, which lets nothing run. ` +
      "Leave it out for as many as the account has left.",
  );
}

/** Of the prop `ordered`. */
const ORDERED_BY_DEFAULT = true;

/**
 * Whether frames go through the line.
 * @throws SkysocketConfigError when events would have to be answered by route responses as well
 */
export function orderedOf({
  ordered = ORDERED_BY_DEFAULT,
  routeResponses = false,
}: SkysocketApiProps): boolean {
  if (!ordered || !routeResponses) return ordered;
  throw new SkysocketConfigError(
    "ROUTE_RESPONSES_ORDERED",
    "routeResponses cannot be true while ordered is, as by default: events in order come through a queue, and nothing that reads a queue can " +
      "respond to a route. Leave routeResponses out, or set ordered to false.",
  );
}

/** @see https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-stages.html */
const STAGE_NAME = /^[A-Za-z0-9_-]{1,128}$/;

/** @throws SkysocketConfigError when API Gateway would refuse the name at deployment */
export function checkStageName(name: string): string {
  if (STAGE_NAME.test(name)) return name;
  throw new SkysocketConfigError(
    "STAGE_NAME_INVALID",
    `API Gateway takes no stage called "${name}". Allowed: 1 to 128 letters, digits, "-" and "_". ` +
      'For the path "/socket.io" map a custom domain with the key "socket.io" to the stage.',
  );
}

/** With the schedule's minute and the run's, 8 minutes come to API Gateway's 10. */
const MAX_PING_INTERVAL_MINUTES = 8;

/** @throws SkysocketConfigError when connections could not be pinged so, or not in time */
export function checkPingInterval(interval: Duration): Duration {
  const minutes = interval.toMinutes({ integral: false });
  if (Number.isInteger(minutes) && minutes >= 1 && minutes <= MAX_PING_INTERVAL_MINUTES) return interval;
  throw new SkysocketConfigError(
    "PING_INTERVAL_INVALID",
    `Connections cannot be pinged every ${minutes} minutes. Allowed: 1 to ${MAX_PING_INTERVAL_MINUTES} whole minutes. ` +
      "The heartbeat runs every minute, and API Gateway closes a connection after 10 minutes without a message.",
  );
}
