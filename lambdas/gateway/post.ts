import { withBackoff } from "../aws/backoff.ts";
import type { Service } from "../aws/service.ts";
import { Limiter } from "../server/common/limiter.ts";
import type { Clock } from "../server/ports/environment.ts";
import type { Gateway } from "../server/ports/gateway.ts";
import { PARALLEL_POSTS } from "./clients.ts";
import type { Closer } from "./connections-client.ts";
import { GatewayError } from "./errors.ts";
import { type Failure, failureOf } from "./failures.ts";
import { Frames } from "./frames.ts";
import { Refusals } from "./refusals.ts";

/**
 * A client for which API Gateway takes nothing for so long, in milliseconds, while it takes what is for others, does not read: stock
 * closes it too, when it leaves a ping without an answer.
 */
const SLOW_MS = 1_000;

export interface GatewayOptions {
  /** The stage's `@connections`, for posts. Sends each once. */
  readonly service: Pick<Service, "post">;
  /** For closing connections; asked for when there is one to close. Does not retry by itself. */
  readonly closer: () => Promise<Pick<Closer, "close">>;
  readonly clock: Pick<Clock, "now" | "sleep">;
  /**
   * For how long to try again when API Gateway is busy or failing, in milliseconds.
   * @default 5000
   */
  readonly deadlineMs?: number;
  /**
   * In [0, 1), for the jitter of retries.
   * @default Math.random
   */
  readonly random?: () => number;
}

/** The connections of one stage, through the API Gateway Management API. */
export function createGateway(options: GatewayOptions): Gateway {
  const { service, closer, clock, deadlineMs = 5_000, random = Math.random } = options;

  const frames = new Frames();
  const refusals = new Refusals();
  const limiter = new Limiter(PARALLEL_POSTS);

  // A place for each try, not for the waits between: one slow reader must not hold up the others.
  const persist = (call: () => Promise<unknown>, retries: (failure: Failure) => boolean) =>
    withBackoff(() => limiter.run(call), {
      clock,
      deadlineMs,
      random,
      retries: (error) => retries(failureOf(error)),
    });

  return {
    async post(connectionId, frame, { once = false, onSlow } = {}) {
      const request = { path: pathOf(connectionId), headers: HEADERS, ...frames.encode(connectionId, frame) };
      const watch = refusals.watch();
      let refusedSince: number | undefined;
      const retries = (failure: Failure): boolean => {
        if (!isWorthARetry(failure)) return false;
        watch.refused();
        if (once) return false;
        refusedSince ??= clock.now();
        const others = watch.others();
        if (others !== "refused") onSlow?.();
        return others !== "taken" || clock.now() - refusedSince < SLOW_MS;
      };
      try {
        await persist(() => service.post(request), retries);
        watch.taken();
        return "ok";
      } catch (error) {
        const failure = failureOf(error);
        if (failure === "gone") return failure;
        const others = watch.others();
        if (isWorthARetry(failure) && (once || others === "taken")) return "refused";
        if (failure === "busy" && others === "unknown") return "refused";
        throw translate(failure, error, `post to connection ${connectionId}`);
      }
    },
    async close(connectionId) {
      const { close } = await closer();
      try {
        await persist(() => close(connectionId), isWorthARetry);
      } catch (error) {
        const failure = failureOf(error);
        if (failure !== "gone") throw translate(failure, error, `close connection ${connectionId}`);
      }
    },
  };
}

const isWorthARetry = (failure: Failure): boolean => failure === "busy" || failure === "passing";

const HEADERS = { "content-type": "application/octet-stream" };

/** Ids hold "=" (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html). */
const pathOf = (connectionId: string): string => `/@connections/${encodeURIComponent(connectionId)}`;

function translate(failure: Exclude<Failure, "gone">, error: unknown, action: string): GatewayError {
  const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  switch (failure) {
    case "busy":
      return new GatewayError(
        "GATEWAY_BUSY",
        `Could not ${action}: API Gateway refused every try (${said}), and tries for others too: the account's ` +
          "request rate is used up. Send less often, or have the account's limit raised.",
        { cause: error },
      );
    case "forbidden":
      return new GatewayError(
        "GATEWAY_FORBIDDEN",
        `Could not ${action}: not allowed (${said}). The function's role needs execute-api:ManageConnections on the ` +
          "connections of this stage, and CALLBACK_URL has to be the stage's own URL, not a custom domain.",
        { cause: error },
      );
    case "too-large":
      return new GatewayError("GATEWAY_FRAME_TOO_LARGE", `Could not ${action}: too large (${said}).`, {
        cause: error,
      });
    case "passing":
    case "other":
      return new GatewayError("GATEWAY_FAILED", `Could not ${action}: API Gateway failed (${said}).`, {
        cause: error,
      });
    default:
      return failure satisfies never;
  }
}
