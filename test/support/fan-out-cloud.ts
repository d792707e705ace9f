import { toFanOutEvent } from "../../lambdas/handlers/fan-out/event.ts";
import { handleFanOut } from "../../lambdas/handlers/fan-out/fan-out.ts";
import { Invocation } from "../../lambdas/server/invocation/invocation.ts";
import type { FanOuts, FanOutTask } from "../../lambdas/server/ports/fan-out.ts";
import type { Gateway } from "../../lambdas/server/ports/gateway.ts";
import type { Member, RoomName } from "../../lambdas/server/ports/rooms.ts";
import type { Task } from "../../lambdas/server/ports/tasks.ts";
import { createMemoryStore } from "../../lambdas/store/memory/store.ts";
import { realClock } from "./harness.ts";

/** A worker's run ends this long after its start, in milliseconds. */
const RUN_MS = 35_000;

/** Emitters and workers of fan-outs over a store in memory, with a gateway that counts. Workers run when {@link drain} says so. */
export class FanOutCloud {
  readonly store: ReturnType<typeof createMemoryStore>;
  /** How often each connection was posted to. */
  readonly posts = new Map<string, number>();
  readonly ended: Task[] = [];
  readonly logged: string[] = [];
  /** Bytes of every task for a worker. */
  readonly payloads: number[] = [];
  workers = 0;
  /** Tasks that have been accepted and not been taken. */
  waiting: FanOutTask[] = [];
  /** Around each call of a worker to the outside: for workers that die. */
  perhaps: <T>(call: () => Promise<T>) => Promise<T> = (call) => call();
  /** Replaces what the gateway answers. */
  answer: Gateway["post"] = async () => "ok";
  readonly clock: { now(): number; sleep(ms: number, signal?: AbortSignal): Promise<void> };

  constructor(pageSize = 1_000, clock: FanOutCloud["clock"] = realClock) {
    this.clock = clock;
    this.store = createMemoryStore({ clock, pageSize });
  }

  readonly gateway: Gateway = {
    post: async (connectionId, frame, how) => {
      const answer = await this.answer(connectionId, frame, how);
      if (answer === "ok") this.posts.set(connectionId, (this.posts.get(connectionId) ?? 0) + 1);
      return answer;
    },
    close: async () => undefined,
  };

  /** Goes through JSON and the reader, as a task does. */
  readonly start: FanOuts["start"] = async (task) => {
    const json = JSON.stringify({ ...task, owner: "socket" });
    this.payloads.push(Buffer.byteLength(json));
    const event = toFanOutEvent(JSON.parse(json));
    if (!event) throw new Error("a worker would not understand its task");
    this.waiting.push(event.task);
  };

  /** An invocation of the socket function. */
  invocation(fanOutThreshold: number, deadline = this.clock.now() + 27_000): Invocation {
    return new Invocation({
      ports: {
        store: this.store,
        gateway: this.gateway,
        tasks: this.#tasks,
        fanOuts: { store: this.store, start: this.start },
        clock: {
          now: () => this.clock.now(),
          sleep: (ms, signal) => this.clock.sleep(ms, signal),
          turn: () => realClock.turn(),
        },
        log: this.#log,
        activeResources: () => [],
      },
      deadline,
      lingerMs: 0,
      fanOutThreshold,
    });
  }

  /** Runs one worker. */
  async work(task: FanOutTask, changes: { readonly deadline?: number } = {}): Promise<void> {
    this.workers++;
    // A run that has died does nothing more.
    let dead: unknown;
    const through = <T extends object>(target: T): T =>
      wrapped(target, (call) =>
        this.perhaps(async () => {
          if (dead) throw dead;
          return await call();
        }).catch((error: unknown) => {
          dead = error;
          throw error;
        }),
      );
    const ports = {
      store: through(this.store),
      gateway: through(this.gateway),
      tasks: through(this.#tasks),
      fanOuts: through({ start: this.start }),
      clock: this.clock,
      log: this.#log,
    };
    await handleFanOut({ ports, deadline: changes.deadline ?? this.clock.now() + RUN_MS }, task);
  }

  /** Runs workers, some at the same time, until there are no more tasks. */
  async drain(atOnce = 8): Promise<void> {
    while (this.waiting.length > 0) {
      await Promise.all(this.waiting.splice(0, atOnce).map((task) => this.work(task)));
    }
  }

  async join(room: RoomName, ids: readonly string[], nsp = "/"): Promise<void> {
    for (const id of ids) await this.store.putMember(this.member(room, id, nsp));
  }

  member(room: RoomName, id: string, nsp = "/"): Member {
    const connectedAt = this.clock.now() - 120_000; // old enough for a 410 to be believed
    return { nsp, room, id, connectionId: `C ${id}`, connectedAt, token: "t" };
  }

  readonly #tasks = {
    start: async (task: Task) => {
      this.ended.push(task);
    },
  };
  readonly #log = {
    error: (code: string) => void this.logged.push(code),
    warn: (code: string) => void this.logged.push(code),
  };
}

/** Lists are left as they are: their pages are calls of others. */
function wrapped<T extends object>(target: T, around: <R>(call: () => Promise<R>) => Promise<R>): T {
  const methods = Object.entries(target).map(([name, method]) => {
    const call = method as (...args: unknown[]) => Promise<unknown>;
    if (name.startsWith("list")) return [name, method] as const;
    return [name, (...args: unknown[]) => around(() => call(...args))] as const;
  });
  return Object.fromEntries(methods) as T;
}
