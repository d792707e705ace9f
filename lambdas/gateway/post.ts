import {
  type ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  PostToConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";
import { MAX_POST_BYTES } from "../protocol/limits.ts";
import type { Clock, Gateway } from "../server/ports.ts";
import { Slots } from "../server/slots.ts";
import { withBackoff } from "./backoff.ts";
import { PARALLEL_POSTS } from "./clients.ts";
import { GatewayError } from "./errors.ts";
import { classify, type Failure } from "./failures.ts";

export interface GatewayOptions {
  /** Should not retry by itself ({@link connectionsClient} makes such a one). */
  readonly client: Pick<ApiGatewayManagementApiClient, "send">;
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
  const { client, clock, deadlineMs = 5_000, random = Math.random } = options;

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
      const data = encode(connectionId, frame);
      return await send(connectionId, "post to", () =>
        client.send(new PostToConnectionCommand({ ConnectionId: connectionId, Data: data })),
      );
    },
    async close(connectionId) {
      await send(connectionId, "close", () =>
        client.send(new DeleteConnectionCommand({ ConnectionId: connectionId })),
      );
    },
  };
}

function encode(connectionId: string, frame: string): Uint8Array {
  if (frame === "") {
    throw new GatewayError(
      "GATEWAY_EMPTY_FRAME",
      `An empty frame was to be posted to connection ${connectionId}. It is no Engine.IO packet, and clients cut the ` +
        "connection when they get one. Post at least a packet type.",
    );
  }
  const data = Buffer.from(frame, "utf8");
  if (data.byteLength > MAX_POST_BYTES) throw tooLarge(connectionId, data.byteLength);
  return data;
}

function tooLarge(connectionId: string, bytes: number): GatewayError {
  return new GatewayError(
    "GATEWAY_FRAME_TOO_LARGE",
    `A packet of ${bytes} bytes cannot be sent to connection ${connectionId}: API Gateway takes up to ${MAX_POST_BYTES} bytes ` +
      "of UTF-8 at once. Split it over several events, or send a link to it. Binary data grows by a third on the way.",
  );
}

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
