import { randomUUID } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import type { Frame } from "../../lambdas/handlers/lambda-event.ts";
import { Server, type ServerOptions } from "../../lambdas/server/api/index.ts";
import { coreOfServer } from "../../lambdas/server/api/server.ts";
import type { ServerCore } from "../../lambdas/server/declared/server-core.ts";
import type { Clock } from "../../lambdas/server/ports/environment.ts";
import type { Gateway, PostAnswer, PostOptions } from "../../lambdas/server/ports/gateway.ts";
import type { Ports } from "../../lambdas/server/ports/ports.ts";
import type { Task } from "../../lambdas/server/ports/tasks.ts";
import { createMemoryStore } from "../../lambdas/store/memory/store.ts";

/** Turns of the event loop after which nothing is ready to run any more: a request of the store in memory takes one. */
const IDLE_TURNS = 12;

/** A clock whose time passes only while everybody waits for it: what takes minutes takes none, and every wait is on record. */
export class VirtualClock implements Clock {
  /** Every wait that was asked for, in milliseconds, in order. */
  readonly slept: number[] = [];
  #now: number;
  #timers: { readonly at: number; readonly fire: () => void }[] = [];
  #running = false;

  constructor(now = 1_800_000_000_000) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  /** How many wait at the moment. */
  get waiting(): number {
    return this.#timers.length;
  }

  turn(): Promise<void> {
    return turn();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    this.slept.push(ms);
    return new Promise((resolve) => {
      const timer = { at: this.#now + ms, fire: () => over() };
      const over = (): void => {
        // One signal may end many sleeps, one after the other.
        signal?.removeEventListener("abort", over);
        this.#timers = this.#timers.filter((one) => one !== timer);
        resolve();
      };
      this.#timers.push(timer);
      signal?.addEventListener("abort", over);
      void this.#run();
    });
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    while (this.#timers.length > 0) {
      for (let i = 0; i < IDLE_TURNS; i++) await turn();
      this.#timers.sort((a, b) => a.at - b.at);
      const timer = this.#timers.shift();
      if (!timer) continue;
      this.#now = Math.max(this.#now, timer.at);
      timer.fire();
    }
    this.#running = false;
  }
}

/** A gateway that keeps what it is given, and answers as the test says. */
export class FakeGateway implements Gateway {
  readonly posts: (readonly [connectionId: string, frame: string])[] = [];
  readonly closed: string[] = [];
  /** Called for every post, also those that it says are gone. */
  answer: (connectionId: string, frame: string, how: PostOptions) => PostAnswer | Promise<PostAnswer> = () =>
    "ok";

  async post(connectionId: string, frame: string, how: PostOptions = {}): Promise<PostAnswer> {
    this.posts.push([connectionId, frame]);
    return await this.answer(connectionId, frame, how);
  }

  async close(connectionId: string): Promise<void> {
    this.closed.push(connectionId);
    await Promise.resolve();
  }

  framesTo(connectionId: string): string[] {
    return this.posts.filter(([to]) => to === connectionId).map(([, frame]) => frame);
  }
}

export interface FakePorts extends Ports {
  readonly clock: VirtualClock;
  readonly gateway: FakeGateway;
  /** `[code, message]` of every log entry. */
  readonly logged: (readonly [code: string, message: string])[];
  readonly started: Task[];
  /** What {@link Ports.activeResources} says, beside a "Timeout" for each wait on the clock. */
  readonly resources: string[];
}

/** Everything the server needs of the outside, in memory; `changes` replaces parts of it. */
export function fakePorts(
  changes: Partial<Pick<Ports, "store" | "tasks" | "activeResources">> = {},
): FakePorts {
  const clock = new VirtualClock();
  const logged: FakePorts["logged"] = [];
  const started: Task[] = [];
  const resources: string[] = [];
  const note = (code: string, message: string): void => {
    logged.push([code, message]);
  };
  return {
    clock,
    logged,
    started,
    resources,
    gateway: new FakeGateway(),
    store: createMemoryStore({ clock }),
    tasks: {
      start: async (task) => {
        started.push(task);
        await Promise.resolve();
      },
    },
    log: { error: note, warn: note },
    activeResources: () => [...Array<string>(clock.waiting).fill("Timeout"), ...resources],
    ...changes,
  };
}

/** The core of a server that `setUp` has declared. */
export function serverOf(
  setUp: (io: Server) => void = () => undefined,
  options: ServerOptions = {},
): ServerCore {
  const io = new Server(options);
  setUp(io);
  const core = coreOfServer(io);
  if (!core) throw new Error("no server");
  return core;
}

/** A frame as API Gateway would hand it over, with an id of its own. */
export const frameOf = (ports: FakePorts, body: string): Frame => ({
  body,
  id: randomUUID(),
  at: ports.clock.now(),
});
