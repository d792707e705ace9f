import { createRouter } from "../../lambdas/handlers/router.ts";
import type { Server } from "../../lambdas/server/index.ts";
import type { Gateway, Ports, Store, Task } from "../../lambdas/server/ports.ts";
import { coreOfServer } from "../../lambdas/server/server.ts";
import { createMemoryStore } from "../../lambdas/store/memory-store.ts";
import { Life, type Simulation } from "./simulation.ts";

/** How the cloud misbehaves: probabilities of each fault at each opportunity. */
export interface Faults {
  /** An invocation dies at a call to the outside, before or after it took effect. */
  readonly crash: number;
  /** A post to a living connection is answered 410. */
  readonly staleGone: number;
  /** $disconnect never comes. */
  readonly loseDisconnect: number;
}

export const NO_FAULTS: Faults = { crash: 0, staleGone: 0, loseDisconnect: 0 };

/** Milliseconds after which Lambda tries a failed asynchronous invocation again. */
const ASYNC_RETRY_MS = 60_000;
const FUNCTION_TIMEOUT_MS = 29_000;

export interface SimulatedConnection {
  readonly id: string;
  readonly connectedAt: number;
  readonly frames: string[];
  open: boolean;
}

/** The socket function, its store and its gateway in a {@link Simulation}; every invocation is a new instance. */
export class SimulatedCloud {
  readonly store: Store;
  readonly connections = new Map<string, SimulatedConnection>();
  readonly log: string[] = [];
  crashes = 0;
  readonly #simulation: Simulation;
  readonly #app: () => Server;
  readonly #faults: Faults;
  #count = 0;

  constructor(simulation: Simulation, app: () => Server, faults: Faults) {
    this.#simulation = simulation;
    this.#app = app;
    this.#faults = faults;
    this.store = createMemoryStore({ clock: { now: () => simulation.now } });
  }

  /** A client's upgrade; undefined if it is refused or its $connect dies. */
  async connect(): Promise<SimulatedConnection | undefined> {
    const connection: SimulatedConnection = {
      id: `C${this.#count++}=`,
      connectedAt: this.#simulation.now,
      frames: [],
      open: false,
    };
    this.connections.set(connection.id, connection);
    const outcome = await this.#invoke(event(connection, "CONNECT"));
    if (outcome !== "ok") return undefined;
    connection.open = true;
    return connection;
  }

  /**
   * One frame of a client: an invocation of its own, which nobody waits for. The gateway stamps it now, and hands it over
   * after `held` milliseconds; once for each of them.
   */
  send(connection: SimulatedConnection, body: string, held: readonly number[] = [0]): void {
    if (!connection.open) return;
    const { requestContext, ...rest } = event(connection, "MESSAGE");
    const stamps = { messageId: `M${this.#count++}=`, requestTimeEpoch: this.#simulation.now };
    const payload = { ...rest, requestContext: { ...requestContext, ...stamps }, body };
    for (const ms of held) {
      if (ms === 0) void this.#invoke(payload);
      else void this.#after(ms, payload);
    }
  }

  async #after(ms: number, payload: object): Promise<void> {
    await this.#simulation.clock(new Life()).sleep(ms);
    await this.#invoke(payload);
  }

  /** The client, or the network, closes. */
  close(connection: SimulatedConnection, code: number): void {
    if (!connection.open) return;
    connection.open = false;
    if (code !== 1005 && this.#simulation.chance(this.#faults.loseDisconnect)) return;
    void this.#invoke(event(connection, "DISCONNECT", code));
  }

  async #invoke(payload: object, attempt = 1): Promise<"ok" | "failed"> {
    const life = new Life();
    const server = coreOfServer(this.#app());
    if (!server) throw new Error("no server");
    const ports = this.#ports(life);
    const until = this.#simulation.now + FUNCTION_TIMEOUT_MS;
    const handler = createRouter({ server, ports, routeResponses: false });
    const remaining = { getRemainingTimeInMillis: () => until - this.#simulation.now };
    const died = new Promise<"failed">((resolve) => life.onDeath(() => resolve("failed")));
    const ran = handler(payload, remaining).then(
      ({ statusCode }) => (statusCode === 200 ? ("ok" as const) : ("failed" as const)),
      () => "failed" as const,
    );
    const outcome = await Promise.race([ran, died]);
    if (outcome === "failed" && "task" in payload && attempt < 3) {
      await this.#simulation.clock(new Life()).sleep(ASYNC_RETRY_MS * attempt);
      return await this.#invoke(payload, attempt + 1);
    }
    return outcome;
  }

  #ports(life: Life): Ports {
    const log = (code: string, message: string, details?: object): void => {
      this.log.push(`${code}: ${message} ${JSON.stringify(details ?? {})}`);
    };
    return {
      store: this.#scheduled(life, this.store),
      gateway: this.#scheduled(life, this.#gateway()),
      tasks: this.#scheduled(life, {
        start: async (task: Task) => void this.#invoke(JSON.parse(JSON.stringify(task))),
      }),
      clock: this.#simulation.clock(life),
      log: { error: log, warn: log },
      activeResources: () => [],
    };
  }

  #gateway(): Gateway {
    return {
      post: async (id, frame) => {
        const connection = this.connections.get(id);
        if (!connection?.open || this.#simulation.chance(this.#faults.staleGone)) return "gone";
        connection.frames.push(frame);
        return "ok";
      },
      close: async (id) => {
        const connection = this.connections.get(id);
        if (connection) this.close(connection, 1000);
      },
    };
  }

  /** Every method waits for its turn before it takes effect and before its answer arrives; either may be the last thing. */
  #scheduled<T extends object>(life: Life, target: T): T {
    const scheduled: Record<string, unknown> = {};
    for (const [name, method] of Object.entries(target)) {
      scheduled[name] = (...args: never[]) => {
        if (name === "listMembers") return this.#scheduledPages(life, method as never, args);
        return this.#turns(life, async () => (method as (...args: never[]) => unknown)(...args));
      };
    }
    return scheduled as T;
  }

  async *#scheduledPages<T>(
    life: Life,
    list: (...args: never[]) => AsyncIterable<T>,
    args: never[],
  ): AsyncIterable<T> {
    await this.#turns(life, async () => undefined);
    yield* list(...args);
  }

  async #turns<T>(life: Life, call: () => Promise<T>): Promise<T> {
    await this.#simulation.point(life);
    this.#perhapsCrash(life);
    if (!life.alive) return await new Promise(() => undefined);
    const result = await call();
    await this.#simulation.point(life);
    this.#perhapsCrash(life);
    return life.alive ? result : await new Promise(() => undefined);
  }

  #perhapsCrash(life: Life): void {
    if (!life.alive || !this.#simulation.chance(this.#faults.crash)) return;
    life.end();
    this.crashes++;
  }
}

const event = (connection: SimulatedConnection, eventType: string, code?: number) => ({
  requestContext: {
    eventType,
    connectionId: connection.id,
    connectedAt: connection.connectedAt,
    stage: "prod",
    identity: { sourceIp: "127.0.0.1" },
    ...(code !== undefined && { disconnectStatusCode: code }),
  },
  multiValueQueryStringParameters: { EIO: ["4"], transport: ["websocket"] },
  isBase64Encoded: false,
});
