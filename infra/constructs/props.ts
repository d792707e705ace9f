import type { Duration, RemovalPolicy } from "aws-cdk-lib";
import type { ThrottleSettings } from "aws-cdk-lib/aws-apigatewayv2";
import type { RetentionDays } from "aws-cdk-lib/aws-logs";
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
   * Answers a client's event with the route's response where that saves a post. AWS documents neither the order of such a
   * response among posts nor what an empty one sends, hence off.
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
   * Requests a second and burst that the stage accepts, new connections and messages together.
   * @default - only the limits of the account
   */
  readonly throttle?: ThrottleSettings;

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
