import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import {
  ApiGatewayManagementApiClient,
  PostToConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";
import WebSocket, { type ClientOptions } from "ws";
import { ApiGateway, type ApiGatewayOptions } from "../../infra/local/api-gateway/api-gateway.ts";
import type { ApiModel, CloudEvent, LambdaIntegration, RouteModel } from "../../infra/local/model.ts";
import { FakeLambda } from "./fake-lambda.ts";

export const REGION = "us-east-1";
export const ACCOUNT = "000000000000";

/** To a function. */
export function route(
  routeKey: string,
  overrides: Partial<RouteModel & Omit<LambdaIntegration, "kind">> = {},
): RouteModel {
  const { functionId = "fn", timeoutMs = 29_000, ...rest } = overrides;
  const integration = { kind: "lambda", functionId, timeoutMs } as const;
  return { routeKey, integration, returnsResponse: false, ...rest };
}

export function api(overrides: Partial<ApiModel> = {}): ApiModel {
  return {
    logicalId: "Api",
    apiId: "a1b2c3d4e5",
    stage: "prod",
    routeSelectionExpression: "$request.body.action",
    routes: [route("$connect"), route("$disconnect"), route("$default")],
    throttle: undefined,
    ...overrides,
  };
}

/** The emulated API Gateway alone, on a free port, over a Lambda that the test plays. */
export async function startGateway(options: Partial<ApiGatewayOptions> = {}) {
  const lambda = new FakeLambda();
  const events: CloudEvent[] = [];
  const errors: unknown[] = [];
  const gateway = new ApiGateway({
    region: REGION,
    account: ACCOUNT,
    apis: [api()],
    lambda,
    authorize: () => ({ allowed: true, caller: { functionId: "fn", statements: [] } }),
    onEvent: (event) => events.push(event),
    onError: (error) => errors.push(error),
    ...options,
  });
  const server = createServer((request, response) => {
    gateway.handleRequest(request, response).then(
      (handled) => {
        if (!handled) response.writeHead(404).end();
      },
      (error: unknown) => errors.push(error),
    );
  });
  server.on("upgrade", (request, socket, head) => gateway.handleUpgrade(request, socket, head));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port }: AddressInfo = addressOf(server);
  const clients: WireClient[] = [];
  const origin = `127.0.0.1:${port}`;
  const sdk = new ApiGatewayManagementApiClient({
    region: REGION,
    endpoint: `http://${origin}/prod`,
    credentials: { accessKeyId: "k", secretAccessKey: "s" },
    maxAttempts: 1,
  });
  return {
    gateway,
    lambda,
    events,
    errors,
    sdk,
    origin,
    /** A client whose upgrade may be refused, or pending. */
    dial(path = "/prod", options: ClientOptions & { protocols?: string[] } = {}): WireClient {
      const { protocols = [], ...rest } = options;
      const client = new WireClient(new WebSocket(`ws://${origin}${path}`, protocols, rest));
      clients.push(client);
      return client;
    },
    async post(connectionId: string, data: string): Promise<void> {
      await sdk.send(new PostToConnectionCommand({ ConnectionId: connectionId, Data: data }));
    },
    /** A call of `@connections` without an SDK in between. */
    async raw(method: string, connectionId: string, body: string) {
      const url = `http://${origin}/prod/@connections/${encodeURIComponent(connectionId)}`;
      const response = await fetch(url, { method, body });
      const errorType = response.headers.get("x-amzn-errortype");
      return { status: response.status, errorType, body: await response.text() };
    },
    async stop(): Promise<void> {
      for (const { socket } of clients) socket.terminate();
      await gateway.stop();
      lambda.stop();
      await gateway.drained();
      sdk.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function addressOf(server: Server): AddressInfo {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port");
  return address;
}

/** A plain WebSocket client that buffers what it receives. */
export class WireClient {
  readonly socket: WebSocket;
  /** Resolves when open; rejects with the HTTP status when the upgrade is refused. */
  readonly opened: Promise<void>;
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #received: { text: string; isBinary: boolean }[] = [];
  readonly #waiting: ((frame: { text: string; isBinary: boolean }) => void)[] = [];

  constructor(socket: WebSocket) {
    this.socket = socket;
    this.opened = new Promise((resolve, reject) => {
      socket.once("open", () => resolve());
      socket.once("unexpected-response", (_request, response) => {
        response.setEncoding("utf8");
        let body = "";
        response.on("data", (chunk: string) => {
          body += chunk;
        });
        response.on("end", () => reject(new Refused(response.statusCode ?? 0, response.headers, body)));
      });
      socket.on("error", reject);
    });
    // Tests of refusals await it; to the others a refusal shows as a failing expectation.
    this.opened.catch(() => {});
    this.closed = new Promise((resolve) => {
      socket.once("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    socket.on("message", (data, isBinary) => {
      const frame = { text: data.toString(), isBinary };
      const waiting = this.#waiting.shift();
      if (waiting) waiting(frame);
      else this.#received.push(frame);
    });
  }

  async next(): Promise<{ text: string; isBinary: boolean }> {
    const frame = this.#received.shift();
    return frame ?? (await new Promise((resolve) => this.#waiting.push(resolve)));
  }

  /** Frames that came and were not asked for. */
  get unread(): readonly string[] {
    return this.#received.map(({ text }) => text);
  }
}

export class Refused extends Error {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;

  constructor(status: number, headers: NodeJS.Dict<string | string[]>, body: string) {
    super(`Upgrade refused with ${status}: ${body}`);
    this.status = status;
    this.headers = headers;
    this.body = body;
  }
}
