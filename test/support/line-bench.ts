import { createRouter } from "../../lambdas/handlers/router.ts";
import type { Server, ServerOptions } from "../../lambdas/server/api/index.ts";
import type { Ports } from "../../lambdas/server/ports/ports.ts";
import { type FakePorts, fakePorts, serverOf } from "./fake-ports.ts";
import { LineQueue } from "./line-queue.ts";

export interface LineBenchOptions {
  readonly mixed?: boolean;
  readonly server?: ServerOptions;
  /** Resolves when the instance that works through a batch dies; the first is number 1. */
  readonly death?: (batch: number) => Promise<void>;
  readonly changes?: Parameters<typeof fakePorts>[0];
}

/** The socket function behind a queue, each batch a server of its own: what a cold instance has. */
export class LineBench {
  readonly ports: FakePorts;
  readonly queue: LineQueue;
  #frames = 0;

  constructor(app: (io: Server, ports: FakePorts) => void, options: LineBenchOptions = {}) {
    // Several instances run in one process here: what holds it says nothing about one of them.
    this.ports = fakePorts({ activeResources: () => [], ...options.changes });
    let batches = 0;
    this.queue = new LineQueue({
      clock: this.ports.clock,
      ...(options.mixed && { mixed: true }),
      invoke: async (records, handedOver) => {
        const life = { over: false };
        const died = options.death?.(++batches).then(() => {
          life.over = true;
          return "died" as const;
        });
        const ports = mortal({ ...this.ports, line: this.queue }, life);
        const server = serverOf((io) => app(io, { ...this.ports, clock: ports.clock }), options.server);
        server.alone = false;
        const router = createRouter({ server, ports, routeResponses: false });
        const until = ports.clock.now() + 29_000;
        const event = { Records: records, ...(handedOver && { task: "line" }) };
        const context = { getRemainingTimeInMillis: () => until - ports.clock.now() };
        const answer = await Promise.race([router(event, context), died ?? never]);
        if (answer === "died") return undefined;
        if (!("batchItemFailures" in answer)) throw new Error("no answer to a batch");
        return answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
      },
    });
  }

  async connection(connectionId: string): Promise<void> {
    await this.ports.store.putConnection({
      ...{ connectionId, sid: connectionId, connectedAt: this.ports.clock.now() },
      handshake: '{"headers":{},"query":{}}',
    });
    await this.ports.store.claimOpen(connectionId, 0);
  }

  /** Frames of one client that come in one millisecond. */
  send(connectionId: string, ...frames: readonly string[]): void {
    const at = this.ports.clock.now();
    for (const frame of frames) this.queue.frame(connectionId, `id-${++this.#frames}`, at, frame);
  }

  /** What the client has got, without the answers to its CONNECTs. */
  heard(connectionId: string): string[] {
    return this.ports.gateway.framesTo(connectionId).filter((frame) => !frame.startsWith("40"));
  }
}

const never = new Promise<never>(() => undefined);

/** Ports of an instance: once it has died, whatever is called on them has no effect, and nobody hears what came of it. */
function mortal<P extends Ports>(ports: P, life: { readonly over: boolean }): P {
  const guarded = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(_, name) {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== "function") return member;
        return (...args: unknown[]) => {
          if (life.over) return never;
          const result: unknown = member.apply(target, args);
          return result instanceof Promise ? result.then((value) => (life.over ? never : value)) : result;
        };
      },
    });
  const { store, gateway, tasks, clock, line } = ports;
  return {
    ...ports,
    ...{ store: guarded(store), gateway: guarded(gateway), tasks: guarded(tasks), clock: guarded(clock) },
    ...(line && { line: guarded(line) }),
  };
}
