import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { Chaos } from "../chaos.ts";
import { FAULTLESS, type Faults } from "../faults.ts";
import type { ApiModel, CloudListener, LambdaService } from "../model.ts";
import type { QueueSender } from "../sqs/sender.ts";
import { type Authorize, GatewayContext } from "./context.ts";
import { CLOSE, DEFAULT_BEHAVIOR, type GatewayBehavior } from "./limits.ts";
import { type Answer, type Call, handleManagement, perform } from "./management.ts";
import { Upgrades } from "./upgrade.ts";

export interface ApiGatewayOptions {
  readonly region: string;
  readonly account: string;
  readonly apis: readonly ApiModel[];
  readonly lambda: LambdaService;
  /** @default there are none, and every send is refused */
  readonly queues?: QueueSender | undefined;
  /** Checks the callers of `@connections`. */
  readonly authorize: Authorize;
  /** @default everything off */
  readonly chaos?: Chaos | undefined;
  /** Happen to the instances that post. @default none */
  readonly faults?: Faults | undefined;
  /** What AWS does not document. @default DEFAULT_BEHAVIOR */
  readonly behavior?: Partial<GatewayBehavior> | undefined;
  /** How many times faster than the clock the idle and maximum durations run. @default 1 */
  readonly timeScale?: number | undefined;
  readonly onEvent?: CloudListener | undefined;
  /** A fault of the emulator itself. @default rethrown, which ends the process */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/**
 * API Gateway's WebSocket APIs on somebody's HTTP server: the stages take upgrades at `/<stage>`, and `@connections`
 * below them. As strict as AWS where that is known, so that what works here works there.
 */
export class ApiGateway {
  readonly #context: GatewayContext;
  readonly #upgrades: Upgrades;
  #apis: readonly ApiModel[] = [];

  constructor(options: ApiGatewayOptions) {
    this.#context = new GatewayContext({
      region: options.region,
      account: options.account,
      lambda: options.lambda,
      queues: options.queues ?? NO_QUEUES,
      authorize: options.authorize,
      chaos: options.chaos ?? new Chaos(),
      faults: options.faults ?? FAULTLESS,
      behavior: { ...DEFAULT_BEHAVIOR, ...options.behavior },
      timeScale: options.timeScale ?? 1,
      onEvent: options.onEvent ?? (() => {}),
      onError: options.onError ?? rethrow,
    });
    this.#upgrades = new Upgrades(this.#context);
    this.deploy(options.apis);
  }

  /** Takes the routes and throttles of these APIs from now on, for the open connections too: as a deployment does. */
  deploy(apis: readonly ApiModel[]): void {
    const stages = apis.map(({ stage }) => stage);
    const twice = stages.find((stage, at) => stages.indexOf(stage) !== at);
    if (twice !== undefined) {
      throw new Error(
        `Two WebSocket APIs have a stage called "${twice}". On this machine they share one host, so give each stage a name of its own.`,
      );
    }
    this.#apis = apis;
    this.#context.throttle(apis);
    for (const connection of this.#context.registry.all()) {
      const api = apis.find(({ apiId }) => apiId === connection.facts.apiId);
      if (api) connection.deploy(api);
    }
  }

  /** For the HTTP server's "upgrade" event. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#context.track(this.#upgrades.handle(this.#apis, request, socket, head));
  }

  /** Answers a plain request that is meant for a stage; whether it was. */
  async handleRequest(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    if (await handleManagement(this.#context, this.#apis, request, response)) return true;
    const stage = request.url?.split(/[/?]/, 2)[1];
    if (!this.#apis.some((api) => api.stage === stage)) return false;
    // What AWS answers to a GET without an upgrade is not documented; this is what HTTP has for it.
    response.writeHead(426, { upgrade: "websocket", "content-type": "application/json" });
    response.end(JSON.stringify({ message: "Upgrade Required" }));
    return true;
  }

  /** A call of `@connections` from this very process, which needs no request and no signature. */
  async manage(call: Call): Promise<Answer> {
    return await perform(this.#context, call);
  }

  /** Closes every connection with 1012, without $disconnect; resolves when the sockets are closed. */
  async stop(): Promise<void> {
    this.#context.stop();
    const { registry } = this.#context;
    await Promise.all(
      registry.all().map(async (connection) => {
        registry.remove(connection);
        connection.markEnded();
        const { socket } = connection;
        if (socket === undefined) return;
        const closed = new Promise((resolve) => socket.once("close", resolve));
        socket.close(CLOSE.restart.code, CLOSE.restart.reason);
        await closed;
      }),
    );
  }

  /** Resolves when no invocation is under way any more. */
  async drained(): Promise<void> {
    await this.#context.drained();
  }
}

/** What SQS says of a queue that is not there. */
const NO_QUEUES: QueueSender = {
  send: () => ({
    error: {
      status: 400,
      code: "AWS.SimpleQueueService.NonExistentQueue",
      message: "The specified queue does not exist.",
    },
  }),
};

function rethrow(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
