import { toFanOutEvent } from "../../lambdas/handlers/fan-out/event.ts";
import { handleFanOut } from "../../lambdas/handlers/fan-out/fan-out.ts";
import { createRouter } from "../../lambdas/handlers/router.ts";
import type { Server } from "../../lambdas/server/api/index.ts";
import { coreOfServer } from "../../lambdas/server/api/server.ts";
import { scopes } from "../../lambdas/server/invocation/scope.ts";
import type { FanOutStore, FanOutTask } from "../../lambdas/server/ports/fan-out.ts";
import type { Gateway } from "../../lambdas/server/ports/gateway.ts";
import type { Ports } from "../../lambdas/server/ports/ports.ts";
import type { Store } from "../../lambdas/server/ports/store.ts";
import type { Task } from "../../lambdas/server/ports/tasks.ts";
import { createMemoryStore } from "../../lambdas/store/memory/store.ts";
import { Life, type Simulation } from "./simulation.ts";

/** How the cloud misbehaves: probabilities of each fault at each opportunity. */
export interface Faults {
  /** An invocation dies at a call to the outside, before or after it took effect. */
  readonly crash: number;
  /** Only at calls of these names. @default at all */
  readonly crashAt?: (name: string) => boolean;
  /** A post to a living connection is answered 410. */
  readonly staleGone: number;
  /** $disconnect never comes. */
  readonly loseDisconnect: number;
  /** A post is the first of a spell of some seconds in which the living connection is answered 410. */
  readonly staleSpell?: number;
  /** A client reads slowly: a post to it takes up to some seconds, and may be refused then. */
  readonly slowReader?: number;
  /** An invocation stops at a call to the outside, for 0.1 s or more; its timeout goes on. */
  readonly freeze?: number;
  /** Only at calls of this name. @default at all */
  readonly freezeAt?: string;
  /** How long at most, in milliseconds. @default 20000 */
  readonly longestFreezeMs?: number;
  /** An asynchronous invocation comes twice. */
  readonly twice?: number;
  /** How far the clock of an invocation may be off at most, in milliseconds. */
  readonly skewMs?: number;
}

export const NO_FAULTS: Faults = { crash: 0, staleGone: 0, loseDisconnect: 0 };

/** Milliseconds after which Lambda tries a failed asynchronous invocation again. */
const ASYNC_RETRY_MS = 60_000;
const FUNCTION_TIMEOUT_MS = 29_000;
/** Longer than any simulated client is away, in milliseconds. */
const KEEP_ENDED_MS = 3 * 60 * 60 * 1_000;
const SHORTEST_FREEZE_MS = 100;
const LONGEST_SPELL_MS = 8_000;
const SLOWEST_POST_MS = 3_000;
/** How many of the posts to a slow reader are refused in the end. */
const REFUSED = 0.2;

/** Who is at the other end: told of each frame as it arrives, and when the server closes. */
export interface Peer {
  receive(frame: string): void;
  closed(): void;
}

export interface SimulatedConnection {
  readonly id: string;
  readonly connectedAt: number;
  readonly frames: string[];
  open: boolean;
  /** The client is not there any more, but the gateway has not noticed: posts are accepted, and nobody gets them. */
  cut: boolean;
  readonly peer: Peer | undefined;
  /** Until when it is answered 410 although it lives. */
  staleUntil: number;
}

type Outside = Pick<Ports, "store" | "tasks" | "gateway">;

export interface CloudOptions {
  /** What an invocation sees in place of the store, the tasks and the gateway: for tests of what a broken rule does. */
  readonly mutate?: ((outside: Outside) => Partial<Outside>) | undefined;
  /** Rows in a page of the store's lists. */
  readonly pageSize?: number;
  /** Rooms of more sockets are served by workers; there are none unless it is set. */
  readonly fanOutThreshold?: number;
  /** Frames bear the time of the instance that handles them: then nobody sees that its clock is off. */
  readonly unstamped?: boolean;
}

/** The socket function, its store and its gateway in a {@link Simulation}; every invocation is a new instance. */
export class SimulatedCloud {
  readonly store: Store & FanOutStore;
  readonly connections = new Map<string, SimulatedConnection>();
  /** Workers that were started. */
  workers = 0;
  readonly log: string[] = [];
  crashes = 0;
  freezes = 0;
  /** Invocations that came to no end: crashed, or killed at their timeout. */
  deaths = 0;
  /** Asynchronous invocations that failed for good. */
  lostTasks = 0;
  /** What workers had to do that failed, or died. */
  readonly failedWorkers: FanOutTask[] = [];
  /** From here on; a test may change them while it plays. */
  faults: Faults;
  readonly #simulation: Simulation;
  readonly #app: () => Server;
  readonly #options: CloudOptions;
  #count = 0;

  constructor(simulation: Simulation, app: () => Server, faults: Faults, options: CloudOptions = {}) {
    this.#simulation = simulation;
    this.#app = app;
    this.faults = faults;
    this.#options = options;
    const { pageSize } = options;
    this.store = createMemoryStore({
      clock: { now: () => simulation.now },
      keepEndedMs: KEEP_ENDED_MS,
      ...(pageSize !== undefined && { pageSize }),
    });
  }

  /** A client's upgrade; undefined if it is refused or its $connect dies. */
  async connect(peer?: Peer): Promise<SimulatedConnection | undefined> {
    const connection: SimulatedConnection = {
      id: `C${this.#count++}=`,
      connectedAt: this.#simulation.now,
      frames: [],
      open: false,
      cut: false,
      peer,
      staleUntil: 0,
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
    if (!connection.open || connection.cut) return;
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

  /** The network is cut: the client gets and sends nothing from here on. The gateway notices after so many milliseconds. */
  cut(connection: SimulatedConnection, noticedAfterMs: number): void {
    connection.cut = true;
    const noticed =
      noticedAfterMs === 0 ? Promise.resolve() : this.#simulation.clock(new Life()).sleep(noticedAfterMs);
    void noticed.then(() => this.close(connection, 1006));
  }

  /** What the heartbeat has done about connections that it finds dead or ending. */
  endAll(): void {
    for (const { id: connectionId } of this.connections.values()) {
      const targets = [{ connectionId, members: [] }];
      this.#start({ task: "end", targets, reason: "transport close", hops: 0 });
    }
  }

  /** The client, or the network, closes. */
  close(connection: SimulatedConnection, code: number): void {
    if (!connection.open) return;
    connection.open = false;
    if (code !== 1005 && this.#simulation.chance(this.faults.loseDisconnect)) return;
    void this.#invoke(event(connection, "DISCONNECT", code));
  }

  /** In no invocation's context, even when a post or a task of one led to it. */
  #invoke(payload: object, attempt = 1): Promise<"ok" | "failed"> {
    return scopes.exit(() => this.#run(payload, attempt));
  }

  async #run(payload: object, attempt: number): Promise<"ok" | "failed"> {
    const { skewMs = 0 } = this.faults;
    const life = new Life(skewMs && Math.round((this.#simulation.random() * 2 - 1) * skewMs));
    const server = coreOfServer(this.#app());
    if (!server) throw new Error("no server");
    const ports = this.#ports(life);
    const { fanOutThreshold } = this.#options;
    if (fanOutThreshold !== undefined) Object.assign(server.options, { fanOutThreshold });
    const until = this.#simulation.now + FUNCTION_TIMEOUT_MS;
    life.until = until;
    // Something has to happen then, even if nothing of it goes on any more.
    void this.#simulation.clock(life).sleep(FUNCTION_TIMEOUT_MS);
    const task = toFanOutEvent(payload)?.task;
    const handler = task
      ? () => this.#work(ports, task)
      : createRouter({ server, ports, routeResponses: false });
    const remaining = { getRemainingTimeInMillis: () => until - this.#simulation.now };
    const died = new Promise<"failed">((resolve) => life.onDeath(() => resolve("failed")));
    if (this.#options.unstamped && "requestContext" in payload) {
      Object.assign(payload.requestContext as object, { requestTimeEpoch: ports.clock.now() });
    }
    const ran = handler(payload, remaining).then(
      (response) =>
        !response || !("statusCode" in response) || response.statusCode === 200
          ? ("ok" as const)
          : ("failed" as const),
      () => "failed" as const,
    );
    const outcome = await Promise.race([ran, died]);
    if (!life.alive) this.deaths++;
    if (task && outcome === "failed") this.failedWorkers.push(task);
    life.finish();
    if (outcome === "failed" && "task" in payload && attempt === 3) this.lostTasks++;
    if (outcome === "failed" && "task" in payload && attempt < 3) {
      await this.#simulation.clock(new Life()).sleep(ASYNC_RETRY_MS * attempt);
      return await this.#invoke(payload, attempt + 1);
    }
    return outcome;
  }

  /** A worker of a fan-out. It has half its time to begin new posts. */
  async #work(ports: Ports, task: FanOutTask): Promise<{ statusCode: number }> {
    const { fanOuts, store, clock } = ports;
    if (!fanOuts) throw new Error("no workers");
    const deadline = clock.now() + FUNCTION_TIMEOUT_MS / 2;
    await handleFanOut(
      { ports: { ...ports, store: { ...store, ...fanOuts.store }, fanOuts }, deadline },
      task,
    );
    return { statusCode: 200 };
  }

  #fanOuts(life: Life): Pick<Ports, "fanOuts"> {
    if (this.#options.fanOutThreshold === undefined) return {};
    const { start } = this.#scheduled(life, {
      start: async (task: FanOutTask) => {
        this.workers++;
        this.#start({ ...task, owner: "socket" });
      },
    });
    const { listMembersInOrder, ...store } = this.#scheduled(life, this.store);
    const inOrder: typeof listMembersInOrder = (...args) =>
      this.store
        .listMembersInOrder(...args)
        .map((pages) => this.#scheduledPages(life, "listMembersInOrder", () => pages, []));
    return { fanOuts: { store: { ...store, listMembersInOrder: inOrder }, start } };
  }

  #ports(life: Life): Ports {
    const log = (code: string, message: string, details?: object): void => {
      this.log.push(`${code}: ${message} ${JSON.stringify(details ?? {})}`);
    };
    const outside = {
      store: this.#scheduled(life, this.store),
      tasks: this.#scheduled(life, { start: async (task: Task) => this.#start(task) }),
      gateway: this.#scheduled(life, this.#gateway()),
    };
    return {
      ...outside,
      ...this.#options.mutate?.(outside),
      ...this.#fanOuts(life),
      clock: this.#simulation.clock(life),
      log: { error: log, warn: log },
      activeResources: () => [],
    };
  }

  /** An asynchronous invocation: at least once. */
  #start(task: object): void {
    const times = this.#simulation.chance(this.faults.twice ?? 0) ? 2 : 1;
    for (let time = 0; time < times; time++) void this.#invoke(JSON.parse(JSON.stringify(task)));
  }

  #gateway(): Gateway {
    return {
      post: async (id, frame, { once = false, onSlow } = {}) => {
        const connection = this.connections.get(id);
        if (!connection?.open || this.#isStale(connection)) return "gone";
        if (this.#simulation.chance(this.faults.slowReader ?? 0)) {
          if (once) return "refused";
          onSlow?.();
          await this.#simulation.clock(new Life()).sleep(this.#simulation.random() * SLOWEST_POST_MS);
          if (this.#simulation.chance(REFUSED)) return "refused";
          if (!connection.open) return "gone";
        }
        if (connection.cut) return "ok";
        connection.frames.push(frame);
        connection.peer?.receive(frame);
        return "ok";
      },
      close: async (id) => {
        const connection = this.connections.get(id);
        if (!connection?.open) return;
        if (!connection.cut) connection.peer?.closed();
        this.close(connection, 1000);
      },
    };
  }

  #isStale(connection: SimulatedConnection): boolean {
    const { staleGone, staleSpell = 0 } = this.faults;
    const { now, random } = this.#simulation;
    if (this.#simulation.chance(staleSpell)) connection.staleUntil = now + random() * LONGEST_SPELL_MS;
    return now < connection.staleUntil || this.#simulation.chance(staleGone);
  }

  /** Every method waits for its turn before it takes effect and before its answer arrives; either may be the last thing. */
  #scheduled<T extends object>(life: Life, target: T): T {
    const scheduled: Record<string, unknown> = {};
    for (const [name, method] of Object.entries(target)) {
      scheduled[name] = (...args: never[]) => {
        if (name.startsWith("list")) return this.#scheduledPages(life, name, method as never, args);
        return this.#turns(life, name, async () => (method as (...args: never[]) => unknown)(...args));
      };
    }
    return scheduled as T;
  }

  async *#scheduledPages<T>(
    life: Life,
    name: string,
    list: (...args: never[]) => AsyncIterable<T>,
    args: never[],
  ): AsyncGenerator<T> {
    const pages = list(...args)[Symbol.asyncIterator]();
    for (;;) {
      const page = await this.#turns(life, name, () => pages.next());
      if (page.done) return;
      yield page.value;
    }
  }

  async #turns<T>(life: Life, name: string, call: () => Promise<T>): Promise<T> {
    await this.#turn(life, name);
    if (!life.alive) return await new Promise(() => undefined);
    const result = await call();
    await this.#turn(life, name);
    return life.alive ? result : await new Promise(() => undefined);
  }

  async #turn(life: Life, name: string): Promise<void> {
    await this.#simulation.point(life);
    this.#perhapsCrash(life, name);
    const { freeze = 0, freezeAt = name, longestFreezeMs = 20_000 } = this.faults;
    if (!life.alive || name !== freezeAt || !this.#simulation.chance(freeze)) return;
    const { now, random } = this.#simulation;
    const ms = SHORTEST_FREEZE_MS + random() * (longestFreezeMs - SHORTEST_FREEZE_MS);
    life.frozenUntil = Math.min(Math.round(now + ms), life.until);
    this.freezes++;
    await this.#simulation.point(life);
  }

  #perhapsCrash(life: Life, name: string): void {
    const { crash, crashAt = () => true } = this.faults;
    if (!life.alive || !crashAt(name) || !this.#simulation.chance(crash)) return;
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
