import { once } from "node:events";
import { createServer, type Server as HttpServer, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { setImmediate as turn, setTimeout as wait } from "node:timers/promises";
import { ApiGateway } from "../../infra/local/api-gateway/api-gateway.ts";
import type { ApiModel } from "../../infra/local/model.ts";
import { createRouter, type Handler } from "../../lambdas/handlers/router.ts";
import { coreOfServer } from "../../lambdas/server/api/server.ts";
import { consoleLog } from "../../lambdas/server/common/console-log.ts";
import type { ServerCore } from "../../lambdas/server/declared/server-core.ts";
import type { Clock, Log } from "../../lambdas/server/ports/environment.ts";
import type { Gateway } from "../../lambdas/server/ports/gateway.ts";
import type { Ports } from "../../lambdas/server/ports/ports.ts";
import type { Store } from "../../lambdas/server/ports/store.ts";
import { createMemoryStore } from "../../lambdas/store/memory/store.ts";
import { InProcessFunction } from "./in-process-function.ts";
import { OwnResources } from "./own-resources.ts";

export interface HostOptions {
  /** The clients' option `path`, without slashes. @default "socket.io", which is that of clients */
  readonly path?: string;
  /** As in {@link InProcessFunction}. @default true */
  readonly ordered?: boolean;
  /** @default an empty one in memory */
  readonly store?: Store;
  /** @default the console */
  readonly log?: Log;
}

/** An application that is served in this very process. */
export interface Host {
  /** Of the HTTP server: what clients connect to. */
  readonly url: string;
  /** Disconnects all clients; no event is begun any more. Resolves when those that run have ended, or a second later. */
  close(): Promise<void>;
}

/** How long events that run may take to end when their host is closed, in milliseconds: they may wait for a client. */
const LAST_EVENTS_MS = 1_000;
const REGION = "local";
const ACCOUNT = "000000000000";

/**
 * Serves an application in this process on a port of its own: API Gateway and the socket function as in the local cloud, the
 * store in memory, no bundle and no worker. Clients need `transports: ["websocket"]`, and `forceBase64: true` to send binary.
 * @param app its `new Server()`; or a function that makes it, which is asked before each event: what a cold instance does, so that
 * nothing in memory outlives an event by luck
 */
export async function host(app: unknown, options: HostOptions = {}): Promise<Host> {
  const server = createServer((_request, response) => response.writeHead(404).end());
  const attached = attachHost(server, app, options);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    get url() {
      return attached.url;
    },
    async close() {
      await attached.close();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** The same on an HTTP server that is already there, and listens when it likes; it is not closed with the host. */
export function attachHost(server: HttpServer, app: unknown, options: HostOptions = {}): Host {
  const { path = "socket.io", ordered = true, log = consoleLog } = options;
  const core = coreOfApp(typeof app === "function" ? app() : app);
  const clock = hostClock();
  const store = options.store ?? createMemoryStore({ clock, ...keptBy(core) });
  const resources = new OwnResources();
  const api = apiAt(path);
  const lambda = new InProcessFunction({
    handler: (ports) =>
      typeof app === "function" ? coldHandler(() => coreOfApp(app()), ports) : routerOf(core, ports),
    codec: core.codec,
    ports: (tasks) => ({
      ...{ store, clock, log, tasks },
      gateway: gatewayOf(() => gateway, api),
      activeResources: () => resources.active(),
    }),
    resources,
    ordered,
  });
  const gateway: ApiGateway = new ApiGateway({
    ...{ region: REGION, account: ACCOUNT, apis: [api], lambda },
    authorize: () => ({ allowed: false, errorType: "ForbiddenException", message: "Forbidden" }),
    behavior: { openDelayMs: 0 },
  });
  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void =>
    gateway.handleUpgrade(request, socket, head);
  server.on("upgrade", upgrade);
  return {
    get url() {
      return urlOf(server);
    },
    async close() {
      lambda.stop();
      await gateway.stop();
      server.off("upgrade", upgrade);
      await within(LAST_EVENTS_MS, lambda.idle());
      resources.stop();
    },
  };
}

function coreOfApp(app: unknown): ServerCore {
  const core = coreOfServer(app);
  if (!core) throw new Error("host(): the application is no `new Server()`, and no function that makes one");
  core.alone = false;
  return core;
}

const routerOf = (server: ServerCore, ports: Ports): Handler =>
  createRouter({ server, ports, routeResponses: false });

/** A server for each event. */
const coldHandler =
  (make: () => ServerCore, ports: Ports): Handler =>
  (event, context) =>
    routerOf(make(), ports)(event, context);

const keptBy = ({ options: { recovery } }: ServerCore): { keepEndedMs?: number } =>
  recovery ? { keepEndedMs: recovery.keepEndedMs } : {};

/** Whatever waits does not keep a process alive whose tests are over. */
const hostClock = (): Clock => ({
  now: Date.now,
  sleep: (ms, signal) =>
    wait(ms, undefined, { ref: false, ...(signal && { signal }) }).catch(() => undefined),
  turn: () => turn(),
});

function apiAt(stage: string): ApiModel {
  const integration = { kind: "lambda", functionId: "socket", timeoutMs: 29_000 } as const;
  const route = (routeKey: string) => ({ routeKey, integration, returnsResponse: false });
  return {
    ...{ logicalId: "Api", apiId: "local", stage, routeSelectionExpression: "$request.body.action" },
    routes: [route("$connect"), route("$disconnect"), route("$default")],
    throttle: undefined,
  };
}

/** What the socket function sends through `@connections`. */
function gatewayOf(gateway: () => ApiGateway, api: ApiModel): Gateway {
  return {
    async post(connectionId, frame) {
      const { status, body } = await gateway().manage({
        ...{ api, method: "POST", connectionId, body: Buffer.from(frame) },
      });
      if (status === 200) return "ok";
      if (status === 410) return "gone";
      throw new Error(`API Gateway answers ${status} to a post: ${JSON.stringify(body)}`);
    },
    async close(connectionId) {
      await gateway().manage({ api, method: "DELETE", connectionId, body: Buffer.alloc(0) });
    },
  };
}

function urlOf(server: HttpServer): string {
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the HTTP server does not listen yet");
  return `http://127.0.0.1:${address.port}`;
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  const over = new AbortController();
  await Promise.race([work, wait(ms, undefined, { signal: over.signal }).catch(() => undefined)]);
  over.abort();
}
