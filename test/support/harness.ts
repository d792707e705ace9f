import { randomBytes } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { setImmediate as turn, setTimeout as wait } from "node:timers/promises";
import { createRouter } from "../../lambdas/handlers/router.ts";
import type { Server } from "../../lambdas/server/api/index.ts";
import { coreOfServer } from "../../lambdas/server/api/server.ts";
import type { Clock } from "../../lambdas/server/ports/environment.ts";
import type { Gateway } from "../../lambdas/server/ports/gateway.ts";
import type { Ports } from "../../lambdas/server/ports/ports.ts";
import type { Store } from "../../lambdas/server/ports/store.ts";
import type { Task } from "../../lambdas/server/ports/tasks.ts";
import { createMemoryStore } from "../../lambdas/store/memory/store.ts";
import { activeResources } from "./active-resources.ts";
import { proxyResponse } from "./proxy-response.ts";

/** Milliseconds until a frame that must come counts as missing, however busy the machine is. */
const PATIENCE_MS = 5 * 60_000;

export interface LogEntry {
  readonly level: "error" | "warn";
  readonly code: string;
  readonly message: string;
}

export const realClock: Clock = {
  now: Date.now,
  sleep: (ms, signal) => wait(ms, undefined, { ...(signal && { signal }) }).catch(() => undefined),
  turn: () => turn(),
};

export interface HarnessOptions {
  /** Makes the application's server anew: what a cold instance does. */
  readonly app: () => Server;
  /** One instance for all invocations (warm), or a new one for each (default: nothing may survive by luck). */
  readonly warm?: boolean;
  readonly routeResponses?: boolean;
  readonly ports?: Partial<Ports>;
  /** Milliseconds an invocation has, as Lambda tells it. */
  readonly timeoutMs?: number;
}

/**
 * The socket function on a memory store and a gateway made of arrays: every frame is an invocation of its own, and no network
 * or bundle is involved. For tests of what single invocations do; the local cloud is the place for whole systems.
 */
export class Harness {
  readonly log: LogEntry[] = [];
  readonly store: Store;
  readonly clock: Clock;
  readonly wires = new Map<string, Wire>();
  /** How often each method of the store was called, in order. */
  readonly storeCalls: string[] = [];
  /** Name and arguments of each call that is no read, as text. */
  readonly writes: string[] = [];
  posts = 0;
  readonly #options: HarnessOptions;
  readonly #warm: Server;
  readonly #running = new Set<Promise<unknown>>();

  constructor(options: HarnessOptions) {
    this.#options = options;
    this.clock = options.ports?.clock ?? realClock;
    this.store = this.#counting(options.ports?.store ?? createMemoryStore({ clock: this.clock }));
    this.#warm = options.app();
  }

  /** A client whose upgrade has been accepted, with the open packet on its wire. */
  async connect(query: Record<string, string> = {}): Promise<Wire> {
    const wire = new Wire(this);
    this.wires.set(wire.connectionId, wire);
    const response = await this.invoke(connectEvent(wire, query));
    if (response.statusCode !== 200) throw new Error(`refused: ${response.statusCode} ${response.body}`);
    await wire.next((frame) => frame.startsWith("0"));
    return wire;
  }

  /** A client that is connected to a namespace. */
  async join(nsp = "/", auth?: object): Promise<Wire> {
    const wire = await this.connect();
    await wire.send(`40${nsp === "/" ? "" : `${nsp},`}${auth ? JSON.stringify(auth) : ""}`);
    return wire;
  }

  /** Runs the function once; resolves when it has answered. */
  async invoke(event: unknown): Promise<{ statusCode: number; body?: string }> {
    const server = coreOfServer(this.#options.warm ? this.#warm : this.#options.app());
    if (!server) throw new Error("no server");
    const handler = createRouter({
      server,
      ports: this.ports(),
      routeResponses: this.#options.routeResponses ?? false,
    });
    const timeout = this.#options.timeoutMs ?? 29_000;
    const until = this.clock.now() + timeout;
    return await this.track(
      handler(event, { getRemainingTimeInMillis: () => until - this.clock.now() }).then(proxyResponse),
    );
  }

  /** Waits for all invocations, also those that invocations started. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  errors(code?: string): readonly LogEntry[] {
    return this.log.filter((entry) => code === undefined || entry.code === code);
  }

  track<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work);
    void work.finally(() => this.#running.delete(work)).catch(() => undefined);
    return work;
  }

  /** What each invocation gets. */
  ports(): Ports {
    const gateway: Gateway = {
      post: async (connectionId, frame) => {
        this.posts++;
        await Promise.resolve();
        const wire = this.wires.get(connectionId);
        if (!wire?.open) return "gone";
        wire.receive(frame);
        return "ok";
      },
      close: async (connectionId) => {
        await Promise.resolve();
        this.wires.get(connectionId)?.closed();
      },
    };
    return {
      store: this.store,
      gateway,
      tasks: {
        start: async (task: Task) => {
          void this.track(new Promise((resolve) => setImmediate(resolve)).then(() => this.invoke(task)));
        },
      },
      clock: this.clock,
      log: {
        error: (code, message) => this.log.push({ level: "error", code, message }),
        warn: (code, message) => this.log.push({ level: "warn", code, message }),
      },
      activeResources,
      ...this.#options.ports,
      ...(this.#options.ports?.store && { store: this.store }),
    };
  }

  #counting(store: Store): Store {
    const counting: Record<string, unknown> = {};
    for (const [name, method] of Object.entries(store)) {
      counting[name] = (...args: never[]) => {
        this.storeCalls.push(name);
        if (!/^(read|list)/.test(name)) this.writes.push(`${name} ${JSON.stringify(args)}`);
        return (method as (...args: never[]) => unknown)(...args);
      };
    }
    return counting as unknown as Store;
  }
}

/** One client's end of a connection: the frames it got, and the means to send one. */
export class Wire {
  readonly connectionId = `${randomBytes(8).toString("base64url")}=`;
  readonly connectedAt: number;
  readonly frames: string[] = [];
  open = true;
  /** The client is gone without API Gateway having noticed: posts are accepted, and arrive nowhere. */
  deaf = false;
  readonly #harness: Harness;
  readonly #news = new EventEmitter();
  #read = 0;

  constructor(harness: Harness) {
    this.#harness = harness;
    this.connectedAt = harness.clock.now();
  }

  /** Sends a frame; resolves when its invocation is done. */
  async send(frame: string, stamp: Partial<Stamp> = {}): Promise<{ statusCode: number; body?: string }> {
    return await this.#harness.invoke(messageEvent(this, frame, { ...this.#stamp(), ...stamp }));
  }

  #stamp(): Stamp {
    return {
      messageId: `${randomBytes(11).toString("base64url")}=`,
      requestTimeEpoch: this.#harness.clock.now(),
    };
  }

  /** Emits an event to the server. */
  async emit(event: string, ...args: unknown[]): Promise<void> {
    await this.send(`42${JSON.stringify([event, ...args])}`);
  }

  /** The next frame that fits, from where the last call left off. */
  async next(fits: (frame: string) => boolean = () => true): Promise<string> {
    for (;;) {
      while (this.#read < this.frames.length) {
        const frame = this.frames[this.#read++];
        if (frame !== undefined && fits(frame)) return frame;
      }
      await once(this.#news, "frame", { signal: AbortSignal.timeout(PATIENCE_MS) });
    }
  }

  /** The events received that ask for no answer, as `[name, ...args]`. */
  get events(): unknown[][] {
    return this.frames.filter((frame) => frame.startsWith("42[")).map((frame) => JSON.parse(frame.slice(2)));
  }

  /** The socket id of the namespace "/". */
  get id(): string {
    const frame = this.frames.find((one) => one.startsWith("40{"));
    return frame === undefined ? "" : JSON.parse(frame.slice(2)).sid;
  }

  /** The client closes: API Gateway runs $disconnect, after the connection is gone. */
  async close(code = 1005): Promise<void> {
    this.open = false;
    await this.#harness.invoke(disconnectEvent(this, code));
  }

  receive(frame: string): void {
    if (this.deaf) return;
    this.frames.push(frame);
    this.#news.emit("frame");
  }

  closed(): void {
    this.open = false;
    this.#news.emit("frame");
  }
}

const context = (wire: Wire, eventType: string): object => ({
  eventType,
  connectionId: wire.connectionId,
  connectedAt: wire.connectedAt,
  stage: "prod",
  identity: { sourceIp: "127.0.0.1" },
});

const connectEvent = (wire: Wire, query: Record<string, string>): object => {
  const parameters = { EIO: "4", transport: "websocket", ...query };
  return {
    headers: { Host: "localhost" },
    queryStringParameters: parameters,
    multiValueQueryStringParameters: Object.fromEntries(
      Object.entries(parameters).map(([name, value]) => [name, [value]]),
    ),
    requestContext: { ...context(wire, "CONNECT"), routeKey: "$connect" },
    isBase64Encoded: false,
  };
};

/** What API Gateway says of a frame. */
export interface Stamp {
  readonly messageId: string;
  readonly requestTimeEpoch: number;
}

const messageEvent = (wire: Wire, body: string, stamp: Stamp): object => ({
  requestContext: { ...context(wire, "MESSAGE"), routeKey: "$default", ...stamp },
  body,
  isBase64Encoded: false,
});

const disconnectEvent = (wire: Wire, code: number): object => ({
  requestContext: {
    ...context(wire, "DISCONNECT"),
    routeKey: "$disconnect",
    disconnectStatusCode: code,
    disconnectReason: "",
  },
  isBase64Encoded: false,
});
