import { createRouter } from "../../lambdas/handlers/router.ts";
import type { Server, ServerOptions } from "../../lambdas/server/api/index.ts";
import { isRecord } from "../../lambdas/server/common/is-record.ts";
import type { Clock } from "../../lambdas/server/ports/environment.ts";
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
  /** At which of its calls of a port an instance stands still, and for how long, in milliseconds. */
  readonly standsStillAt?: (batch: number) => { readonly call: number; readonly ms: number } | undefined;
  /** How much later than the queue delivered it an instance gets a batch, in milliseconds. */
  readonly lateMs?: (batch: number) => number;
  /** What an instance gets instead of the ports. */
  readonly instance?: <P extends Ports>(ports: P) => P;
  /** Instances know nothing of the time at which their messages may be somebody else's. */
  readonly isTimeless?: boolean;
  readonly changes?: Parameters<typeof fakePorts>[0];
}

/** Which instance an application runs in. */
export interface BenchInstance {
  /** Of the batch that it works through; the first is number 1. */
  readonly batch: number;
  /** Is the message of a frame in its hands? */
  holds(frame: string): boolean;
}

/** The socket function behind a queue, each batch a server of its own: what a cold instance has. */
export class LineBench {
  readonly ports: FakePorts;
  readonly queue: LineQueue;
  /** When instances have died, in milliseconds since the epoch. */
  readonly deaths: number[] = [];
  /** When instances have begun to stand still. */
  readonly stills: number[] = [];
  #frames = 0;

  constructor(
    app: (io: Server, ports: FakePorts, instance: BenchInstance) => void,
    options: LineBenchOptions = {},
  ) {
    // Several instances run in one process here: what holds it says nothing about one of them.
    this.ports = fakePorts({ activeResources: () => [], ...options.changes });
    let batches = 0;
    this.queue = new LineQueue({
      clock: this.ports.clock,
      ...(options.mixed && { mixed: true }),
      invoke: async (records, handedOver) => {
        const batch = ++batches;
        await this.ports.clock.sleep(options.lateMs?.(batch) ?? 0);
        const life = new Life(this.ports.clock, options.diesAt?.(batch), options.standsStillAt?.(batch));
        void life.stood.then((at) => this.stills.push(at));
        void options.death?.(batch).then(() => life.end());
        void life.ended.then(() => this.deaths.push(this.ports.clock.now()));
        const alive = { ...this.ports, line: this.queue };
        const ports = mortal(options.instance?.(alive) ?? alive, life);
        const receipts = new Set(records.map(receiptOf));
        const instance = { batch, holds: (frame: string) => this.queue.isHeld(frame, receipts) };
        const server = serverOf(
          (io) => app(io, { ...this.ports, clock: ports.clock }, instance),
          options.server,
        );
        server.alone = false;
        const router = createRouter({ server, ports, routeResponses: false });
        const until = ports.clock.now() + (options.isTimeless ? FOREVER_MS : 29_000);
        const event = {
          Records: options.isTimeless ? records.map(deliveredLate) : records,
          ...(handedOver && { task: "line" }),
        };
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

const FOREVER_MS = 1_000_000_000;

const deliveredLate = (record: unknown): unknown => {
  if (!isRecord(record) || !isRecord(record.attributes)) return record;
  const at = String(Number(record.attributes.ApproximateFirstReceiveTimestamp) + FOREVER_MS);
  return { ...record, attributes: { ...record.attributes, ApproximateFirstReceiveTimestamp: at } };
};

const receiptOf = (record: unknown): string =>
  isRecord(record) && typeof record.receiptHandle === "string" ? record.receiptHandle : "";

const never = new Promise<never>(() => undefined);

/** Of an instance. */
class Life {
  over = false;
  readonly ended: Promise<void>;
  /** Resolves when the instance begins to stand still, with the time. */
  readonly stood: Promise<number>;
  readonly #clock: Clock;
  readonly #end: { readonly call: number; readonly after: boolean } | undefined;
  readonly #pause: { readonly call: number; readonly ms: number } | undefined;
  /** Resolves when the instance no longer stands still. */
  #thawed: Promise<void> | undefined;
  #calls = 0;
  #tell = (): void => undefined;
  #tellStood: (at: number) => void = () => undefined;

  constructor(
    clock: Clock,
    end: { readonly call: number; readonly after: boolean } | undefined,
    pause: { readonly call: number; readonly ms: number } | undefined,
  ) {
    this.#clock = clock;
    this.#end = end;
    this.#pause = pause;
    this.ended = new Promise((resolve) => {
      this.#tell = resolve;
    });
    this.stood = new Promise((resolve) => {
      this.#tellStood = resolve;
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
    if (this.#calls === this.#pause?.call) {
      this.#tellStood(this.#clock.now());
      this.#thawed = this.#clock.sleep(this.#pause.ms);
    }
    if (isLast && !this.#end?.after) {
      this.end();
      return never;
    }
    const result = make();
    if (isLast) this.end();
    if (!(result instanceof Promise)) return result;
    // What has been answered meanwhile is heard when the instance goes on.
    return result.then((value) =>
      (this.#thawed ?? Promise.resolve()).then(() => (this.over ? never : value)),
    );
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
