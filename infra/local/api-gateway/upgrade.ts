import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type ServerOptions, WebSocketServer } from "ws";
import type { ApiModel } from "../model.ts";
import { authorizeConnect } from "./authorizer.ts";
import { Connection } from "./connection.ts";
import type { GatewayContext } from "./context.ts";
import { endConnection } from "./disconnect.ts";
import { type ConnectionFacts, connectEvent } from "./events.ts";
import { newId } from "./ids.ts";
import { callIntegration, type IntegrationResult } from "./integration.ts";
import { MAX_MESSAGE_BYTES, MAX_URL_CHARS } from "./limits.ts";
import { receiveMessages } from "./messages.ts";
import { type Refusal, refuse } from "./refusal.ts";
import { functionIdOf, routeOf } from "./routes.ts";

type ConnectResult = { readonly protocol: string | undefined } | Refusal;

const FORBIDDEN: Refusal = { status: 403, errorType: "ForbiddenException", message: "Forbidden" };

/** The upgrade requests of all stages: each is pending until its $connect integration has returned. */
export class Upgrades {
  readonly #context: GatewayContext;
  readonly #server: WebSocketServer;
  /** The subprotocol that $connect chose for a request, until `ws` asks for it. */
  readonly #protocols = new WeakMap<IncomingMessage, string>();

  constructor(context: GatewayContext) {
    this.#context = context;
    // Named, because `closeTimeout` is missing in the types of `ws`.
    const options: ServerOptions & { closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      // AWS does not say that it ever compresses; a client that offers it must do without.
      perMessageDeflate: false,
      maxPayload: MAX_MESSAGE_BYTES,
      // How long a close may wait for the client's close frame before the socket is cut.
      closeTimeout: 1000,
      handleProtocols: (_offered, request) => this.#protocols.get(request) ?? false,
    };
    this.#server = new WebSocketServer(options);
  }

  /** Takes over the socket of an upgrade request, to the end of the connection. */
  async handle(
    apis: readonly ApiModel[],
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): Promise<void> {
    // Without a listener, a client that gives up while it waits would end the process.
    socket.on("error", () => socket.destroy());
    const api = apis.find(({ stage }) => isStagePath(request, stage));
    const refusal = this.#refusal(api, request);
    if (api === undefined || refusal !== undefined) return refuse(socket, refusal ?? FORBIDDEN);

    const facts = await this.#authorize(api, factsOf(api, request), request);
    if ("status" in facts) return refuse(socket, facts);
    const connection = new Connection(facts, api);
    const result = await this.#connect(connection, request);
    if ("status" in result) return refuse(socket, result);
    if (result.protocol !== undefined) this.#protocols.set(request, result.protocol);
    this.#open(connection, request, socket, head);
  }

  #refusal(api: ApiModel | undefined, request: IncomingMessage): Refusal | undefined {
    if ((request.url?.length ?? 0) > MAX_URL_CHARS) {
      return { status: 414, errorType: "RequestURITooLong", message: "Request URI too long" };
    }
    // "WebSocket APIs do not support URL paths besides stage name":
    // https://github.com/aws-samples/serverless-samples/tree/main/apigw-ws-integrations
    if (api === undefined) return FORBIDDEN;
    // Before $connect runs, so that a request which `ws` would refuse never becomes a connection of the application.
    if (!isWebSocketHandshake(request)) {
      return { status: 400, errorType: "BadRequestException", message: "Bad Request" };
    }
    if (!this.#context.newConnections.take() || !this.#context.admit(api)) {
      return { status: 429, errorType: "LimitExceededException", message: "Too Many Requests" };
    }
    return undefined;
  }

  /** With what an authorizer says of the client; its refusal, if it does not let it in. */
  async #authorize(
    api: ApiModel,
    facts: ConnectionFacts,
    request: IncomingMessage,
  ): Promise<ConnectionFacts | Refusal> {
    const authorizer = routeOf(api, "$connect")?.authorizer;
    if (authorizer === undefined) return facts;
    const verdict = await authorizeConnect(this.#context, api, authorizer, facts, request);
    if ("allowed" in verdict) return { ...facts, authorizer: verdict.allowed };
    const { refusal, why } = verdict;
    this.#context.emit(facts.connectionId, {
      operation: "connect",
      functionId: authorizer.functionId,
      bytes: 0,
      status: refusal.status,
      body: why,
    });
    return refusal;
  }

  async #connect(connection: Connection, request: IncomingMessage): Promise<ConnectResult> {
    const context = this.#context;
    const route = routeOf(connection.api, "$connect");
    // Without a $connect route everyone may connect.
    const result = route
      ? await callIntegration(context, connection, route, connectEvent(connection.facts, request))
      : undefined;
    const outcome = result ? connectResult(context, result) : { protocol: undefined };
    context.emit(connection, {
      operation: "connect",
      functionId: functionIdOf(route),
      bytes: 0,
      status: "status" in outcome ? outcome.status : 101,
      body: undefined,
    });
    return outcome;
  }

  #open(connection: Connection, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { registry, behavior, chaos } = this.#context;
    registry.add(connection);
    receiveMessages(this.#context, connection, socket, (opened) =>
      this.#server.handleUpgrade(request, socket, head, (webSocket) => {
        const delayMs = behavior.openDelayMs + chaos.delayMs("lateOpenMs");
        connection.open(webSocket, performance.now() + delayMs);
        opened(webSocket);
      }),
    );
    // The client went away while it waited, and `ws` did not even begin. The application thinks that it is connected.
    if (connection.socket === undefined) {
      socket.destroy();
      endConnection(this.#context, connection, { code: 1006, reason: "" });
    }
  }
}

/** `/<stage>` or `/<stage>/`: engine.io clients append the slash, and API Gateway takes both. */
function isStagePath(request: IncomingMessage, stage: string): boolean {
  const path = request.url?.split("?", 1)[0];
  return path === `/${stage}` || path === `/${stage}/`;
}

function isWebSocketHandshake(request: IncomingMessage): boolean {
  const { upgrade, "sec-websocket-key": key, "sec-websocket-version": version } = request.headers;
  return (
    request.method === "GET" &&
    upgrade?.toLowerCase() === "websocket" &&
    /^[+/0-9A-Za-z]{22}==$/.test(key ?? "") &&
    version === "13"
  );
}

function factsOf(api: ApiModel, request: IncomingMessage): ConnectionFacts {
  const userAgent = request.headers["user-agent"];
  return {
    connectionId: newId(),
    apiId: api.apiId,
    stage: api.stage,
    domainName: request.headers.host ?? "",
    connectedAt: Date.now(),
    identity: {
      ...(userAgent !== undefined && { userAgent }),
      sourceIp: request.socket.remoteAddress ?? "",
    },
  };
}

function connectResult(context: GatewayContext, result: IntegrationResult): ConnectResult {
  if (result.ok && result.statusCode >= 200 && result.statusCode < 300) {
    return { protocol: subprotocol(result.headers) };
  }
  // The status code of the function is passed on, its body is not.
  // https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-connect-route-subprotocol.html
  if (result.ok) return { status: result.statusCode, errorType: "", message: "" };
  const internal = { errorType: "InternalServerErrorException", message: "Internal server error" };
  switch (result.cause) {
    case "timed out":
      return { status: 504, errorType: "GatewayTimeoutException", message: "Endpoint request timed out" };
    case "failed":
      return { status: context.behavior.connectFailureStatus, ...internal };
    case "malformed":
    case "refused":
    case "throttled":
      return { status: 500, ...internal };
    default:
      return result.cause satisfies never;
  }
}

function subprotocol(headers: Readonly<Record<string, unknown>>): string | undefined {
  const [, value] =
    Object.entries(headers).find(([name]) => name.toLowerCase() === "sec-websocket-protocol") ?? [];
  return typeof value === "string" ? value : undefined;
}
