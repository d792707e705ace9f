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
  /** At which of its calls of a port an instance dies, and whether the call has its effect; undefined if it does not. */
  readonly diesAt?: (batch: number) => { readonly call: number; readonly after: boolean } | undefined;
  readonly changes?: Parameters<typeof fakePorts>[0];
}

/** The socket function behind a queue, each batch a server of its own: what a cold instance has. */
export class LineBench {
  readonly ports: FakePorts;
  readonly queue: LineQueue;
  /** When instances have died, in milliseconds since the epoch. */
  readonly deaths: number[] = [];
  #frames = 0;

  constructor(app: (io: Server, ports: FakePorts) => void, options: LineBenchOptions = {}) {
    // Several instances run in one process here: what holds it says nothing about one of them.
    this.ports = fakePorts({ activeResources: () => [], ...options.changes });
    let batches = 0;
    this.queue = new LineQueue({
      clock: this.ports.clock,
      ...(options.mixed && { mixed: true }),
      invoke: async (records, handedOver) => {
        const batch = ++batches;
        const life = new Life(options.diesAt?.(batch));
        void options.death?.(batch).then(() => life.end());
        void life.ended.then(() => this.deaths.push(this.ports.clock.now()));
        const ports = mortal({ ...this.ports, line: this.queue }, life);
        const server = serverOf((io) => app(io, { ...this.ports, clock: ports.clock }), options.server);
        server.alone = false;
        const router = createRouter({ server, ports, routeResponses: false });
        const until = ports.clock.now() + 29_000;
        const event = { Records: records, ...(handedOver && { task: "line" }) };
        const context = { getRemainingTimeInMillis: () => until - ports.clock.now() };
        const answer = await Promise.race([router(event, context), life.ended]);
        if (!answer) return undefined;
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

/** Of an instance. */
class Life {
  over = false;
  readonly ended: Promise<void>;
  readonly #end: { readonly call: number; readonly after: boolean } | undefined;
  #calls = 0;
  #tell = (): void => undefined;

  constructor(end: { readonly call: number; readonly after: boolean } | undefined) {
    this.#end = end;
    this.ended = new Promise((resolve) => {
      this.#tell = resolve;
    });
  }

  end(): void {
    this.over = true;
    this.#tell();
  }

  /** Makes a call of the instance's, which may be its last. */
  call(make: () => unknown): unknown {
    if (this.over) return never;
    const isLast = ++this.#calls === this.#end?.call;
    if (isLast && !this.#end?.after) {
      this.end();
      return never;
    }
    const result = make();
    if (isLast) this.end();
    return result instanceof Promise ? result.then((value) => (this.over ? never : value)) : result;
  }
}

/** Ports of an instance: once it has died, whatever is called on them has no effect, and nobody hears what came of it. */
function mortal<P extends Ports>(ports: P, life: Life): P {
  const guarded = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(_, name) {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== "function") return member;
        // Looking at the clock is no call of a service.
        if (name === "now") return () => Reflect.apply(member, target, []);
        return (...args: unknown[]) => life.call(() => Reflect.apply(member, target, args));
      },
    });
  const { store, gateway, tasks, clock, line } = ports;
  return {
    ...ports,
    ...{ store: guarded(store), gateway: guarded(gateway), tasks: guarded(tasks), clock: guarded(clock) },
    ...(line && { line: guarded(line) }),
  };
}
