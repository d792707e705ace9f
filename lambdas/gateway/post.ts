import { withBackoff } from "../aws/backoff.ts";
import type { Service } from "../aws/service.ts";
import type { Clock, Gateway } from "../server/ports.ts";
import { Slots } from "../server/slots.ts";
import { PARALLEL_POSTS } from "./clients.ts";
import type { Closer } from "./connections-client.ts";
import { GatewayError } from "./errors.ts";
import { classify, type Failure } from "./failures.ts";
import { Frames } from "./frames.ts";

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
  const slots = new Slots(PARALLEL_POSTS);

  const send = async (connectionId: string, action: string, call: () => Promise<unknown>) => {
    try {
      // A place for each try, not for the waits between: one slow reader must not hold up the others.
      await withBackoff(() => slots.run(call), {
        clock,
        deadlineMs,
        random,
        retries: (error) => ["busy", "passing"].includes(classify(error)),
      });
      return "ok";
    } catch (error) {
      const failure = classify(error);
      if (failure === "gone") return failure;
      throw translate(failure, error, `${action} connection ${connectionId}`);
    }
  };

  return {
    async post(connectionId, frame) {
      const request = { path: pathOf(connectionId), headers: HEADERS, ...frames.encode(connectionId, frame) };
      return await send(connectionId, "post to", () => service.post(request));
    },
    async close(connectionId) {
      const { close } = await closer();
      await send(connectionId, "close", () => close(connectionId));
    },
  };
}

const HEADERS = { "content-type": "application/octet-stream" };

/** Ids hold "=" (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html). */
const pathOf = (connectionId: string): string => `/@connections/${encodeURIComponent(connectionId)}`;

function translate(failure: Exclude<Failure, "gone">, error: unknown, action: string): GatewayError {
  const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  switch (failure) {
    case "busy":
      return new GatewayError(
        "GATEWAY_BUSY",
        `Could not ${action}: API Gateway refused every try (${said}). Either the account's request rate is used up, or ` +
          "this client reads more slowly than it is sent to. Send less often, or have the account's limit raised.",
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
