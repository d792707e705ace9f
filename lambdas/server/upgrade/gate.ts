import type { AnyFunction } from "../common/typed-events.ts";
import type { UpgradeRequest } from "../common/upgrade-request.ts";
import type { ConnectionError } from "../declared/engine-core.ts";
import type { NamespaceServer } from "../declared/namespace-core.ts";
import { originAllowed } from "../declared/options.ts";
import { decided } from "../invocation/ask-application.ts";
import type { Invocation } from "../invocation/invocation.ts";
import { scopes } from "../invocation/scope.ts";
import { type EndedResponse, UpgradeResponse } from "./response.ts";

/** The answer to a refused upgrade. */
export type Refusal = EndedResponse;

interface Fault {
  /** Engine.IO's error code. */
  readonly code: number;
  readonly context: Readonly<Record<string, unknown>>;
  /** Instead of what the code stands for. */
  readonly answer?: EndedResponse;
}

/** Engine.IO's codes, with the status that its HTTP requests get: API Gateway can give it to a WebSocket too. */
const ERRORS: Readonly<Record<number, { readonly statusCode: 400 | 403; readonly message: string }>> = {
  0: { statusCode: 400, message: "Transport unknown" },
  1: { statusCode: 400, message: "Session ID unknown" },
  3: { statusCode: 400, message: "Bad request" },
  4: { statusCode: 403, message: "Forbidden" },
  5: { statusCode: 400, message: "Unsupported protocol version" },
};
const BAD_REQUEST = 3;
const FORBIDDEN = 4;

/** Lets an upgrade request through, or says with what it is refused: engine middlewares first, as on stock. */
export async function passGate(
  server: NamespaceServer,
  invocation: Invocation,
  request: UpgradeRequest,
): Promise<Refusal | undefined> {
  const fault =
    (await runEngineMiddlewares(server, invocation, request)) ??
    checkProtocol(request) ??
    (await checkOrigin(server, invocation, request)) ??
    (await askAllowRequest(server, invocation, request));
  return fault && refuseUpgrade(server, invocation, request, fault);
}

/**
 * The id that the application gives to a connection.
 * @returns undefined without a function that makes ids, or a refusal if it fails or stays silent
 */
export async function generateId(
  server: NamespaceServer,
  invocation: Invocation,
  request: UpgradeRequest,
): Promise<string | Refusal | undefined> {
  const { generateId: generate } = server.engine;
  if (!generate) return undefined;
  const id = await decided<string>(invocation, "io.engine.generateId", async (decide) =>
    decide(String(await generate(request))),
  );
  const fault = { code: BAD_REQUEST, context: { name: "ID_GENERATION_ERROR" } };
  return id ?? refuseUpgrade(server, invocation, request, fault);
}

function refuseUpgrade(
  server: NamespaceServer,
  invocation: Invocation,
  request: UpgradeRequest,
  fault: Fault,
): Refusal {
  const { code, context } = fault;
  const { statusCode, message } = ERRORS[code] ?? { statusCode: 400, message: "Bad request" };
  report(server, invocation, { req: request, code, message, context });
  return fault.answer ?? { statusCode, body: JSON.stringify({ code, message: context.message ?? message }) };
}

/** Engine.IO's checks of a handshake. */
function checkProtocol(request: UpgradeRequest): Fault | undefined {
  const { transport, EIO, sid } = request._query;
  if (transport !== "websocket") return { code: 0, context: { transport } };
  if (EIO !== "4") return { code: 5, context: { protocol: EIO } };
  return sid === undefined ? undefined : { code: 1, context: { sid } };
}

async function checkOrigin(
  server: NamespaceServer,
  invocation: Invocation,
  { headers }: UpgradeRequest,
): Promise<Fault | undefined> {
  const { origin } = headers;
  const rule = server.options.origin;
  if (origin === undefined) return undefined;
  const ask = (): Promise<boolean> => originAllowed(rule, origin);
  const allowed =
    typeof rule === "function"
      ? await decided<boolean>(invocation, "the function of cors.origin", (decide) => ask().then(decide))
      : await ask();
  return allowed ? undefined : { code: FORBIDDEN, context: { origin } };
}

async function askAllowRequest(
  server: NamespaceServer,
  invocation: Invocation,
  request: UpgradeRequest,
): Promise<Fault | undefined> {
  const { allowRequest } = server.options;
  if (!allowRequest) return undefined;
  const refusal = await decided<{ readonly message?: string } | true>(invocation, "allowRequest", (decide) =>
    allowRequest(request, (message, success) =>
      decide(success ? true : { ...(message != null && { message: String(message) }) }),
    ),
  );
  if (refusal === true) return undefined;
  const { message } = ERRORS[FORBIDDEN] ?? {};
  // 400 as all that stock refuses a WebSocket with; 403 is what its HTTP requests get.
  const body = JSON.stringify({ code: FORBIDDEN, message: refusal?.message ?? message });
  return { code: FORBIDDEN, context: refusal ?? {}, answer: { statusCode: 400, body } };
}

async function runEngineMiddlewares(
  { engine }: NamespaceServer,
  invocation: Invocation,
  request: UpgradeRequest,
): Promise<Fault | undefined> {
  if (engine.middlewares.length === 0) return undefined;
  const response = new UpgradeResponse();
  for (const middleware of engine.middlewares) {
    const passed = await runMiddleware(invocation, middleware, request, response);
    if (passed === "next") continue;
    const context = { name: "MIDDLEWARE_FAILURE" };
    return { code: BAD_REQUEST, context, ...(passed !== "failed" && { answer: passed }) };
  }
  // Middlewares that wait for it write what they have now (sessions do).
  response.writeHead();
  return undefined;
}

async function runMiddleware(
  invocation: Invocation,
  middleware: AnyFunction,
  request: UpgradeRequest,
  response: UpgradeResponse,
): Promise<"next" | "failed" | EndedResponse> {
  const outcome = await decided<"next" | "failed" | EndedResponse>(
    invocation,
    "an engine middleware",
    (decide) => {
      void response.ended.then(decide);
      return middleware(request, response, (error?: unknown) => decide(error ? "failed" : "next"));
    },
  );
  return outcome ?? "failed";
}

function report({ engine }: NamespaceServer, invocation: Invocation, error: ConnectionError): void {
  for (const listener of engine.errorListeners) {
    void invocation.track(
      'a listener of "connection_error"',
      scopes.run({ invocation, mode: "live" }, async () => {
        await listener(error);
      }),
    );
  }
}
