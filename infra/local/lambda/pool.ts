/** All instances of one function: idle ones are reused, more are started up to a cap, behind which invocations queue. */
import { randomBytes, randomUUID } from "node:crypto";
import type { CloudListener, FunctionModel } from "../model.ts";
import type { Instance, Outcome } from "./instance.ts";
import { type InstancesOptions, newInstance } from "./new-instance.ts";

export interface PoolOptions extends InstancesOptions {
  readonly fn: FunctionModel;
  readonly maxInstances: number;
  /**
   * So many answer in turn, even where one would do: what works only because the last instance answers again fails here, too. With
   * 1 the one used last is taken, as on Lambda, where a quiet function settles on few instances.
   */
  readonly instancesInTurn: number;
  /** Whether this invocation finds no concurrency left. */
  readonly throttles: () => boolean;
  readonly onEvent: CloudListener;
}

export interface Job {
  /** JSON text of the event. */
  readonly payload: string;
  /** What caused it, for people. */
  readonly trigger: string;
  /** An instance waits for its answer. */
  readonly nested?: boolean;
  /** Of the queue's messages in it. */
  readonly messageIds?: readonly string[];
}

/** An outcome, and the request id it is known by. Nothing has run if it was throttled. */
export interface Finished {
  readonly requestId: string;
  readonly outcome: Outcome | { readonly kind: "throttled" };
}

interface Waiting {
  readonly job: Job;
  readonly resolve: (finished: Finished) => void;
  readonly reject: (error: unknown) => void;
}

export class Pool {
  readonly #options: PoolOptions;
  #fn: FunctionModel;
  readonly #queue: Waiting[] = [];
  readonly #instances = new Set<Instance>();
  /** Those that have run nothing yet, then the others: the one used last comes last. */
  readonly #idle: Instance[] = [];
  readonly #endings = new Set<Promise<void>>();
  #starting = 0;
  /** Jobs that run or wait for an instance. On Lambda each has one. */
  #current = 0;
  /** Those of them that an instance waits for. */
  #nested = 0;
  #stopped = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#fn = options.fn;
  }

  /** Runs the job on the first instance that is free; resolves with its outcome, whatever it is. */
  async run(job: Job): Promise<Finished> {
    if (this.#stopped) return stoppedOutcome();
    const { reservedConcurrency = Number.POSITIVE_INFINITY } = this.#fn;
    const isNested = job.nested === true;
    const isFull = isNested && this.#nested >= this.#options.maxInstances;
    if (this.#current >= reservedConcurrency || isFull || this.#options.throttles()) {
      return { requestId: randomUUID(), outcome: { kind: "throttled" } };
    }
    this.#current++;
    if (isNested) this.#nested++;
    try {
      return await new Promise<Finished>((resolve, reject) => {
        // Others would take the instance that a nested one may start, and all would wait for each other.
        if (isNested) this.#queue.unshift(this.#nestedWaiting({ job, resolve, reject }));
        else this.#queue.push({ job, resolve, reject });
        this.#pump();
      });
    } finally {
      this.#current--;
    }
  }

  /** The one that signs with this key. */
  instanceWith(accessKeyId: string): Instance | undefined {
    for (const instance of this.#instances) if (instance.accessKeyId === accessKeyId) return instance;
    return undefined;
  }

  /** From now on jobs run on new instances of `fn`; those that run now are finished on their old one. */
  async replace(fn: FunctionModel): Promise<void> {
    this.#fn = fn;
    for (const instance of this.#instances) instance.retired = true;
    for (const instance of this.#idle.splice(0)) this.#discard(instance);
    await Promise.all(this.#endings);
    this.#pump();
  }

  /** Ends all instances. What runs or waits fails. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const waiting of this.#queue.splice(0)) waiting.resolve(stoppedOutcome());
    for (const instance of this.#instances) this.#discard(instance);
    await Promise.all(this.#endings);
  }

  /** It counts until it has its outcome, so that the instance it ran on is known to be one too many then. */
  #nestedWaiting({ job, resolve, reject }: Waiting): Waiting {
    return {
      job,
      resolve: (finished) => {
        this.#nested--;
        resolve(finished);
      },
      reject: (error) => {
        this.#nested--;
        reject(error);
      },
    };
  }

  /** How many instances there may be now. */
  get #cap(): number {
    return this.#options.maxInstances + this.#nested;
  }

  /** Whether the next job is to run on an instance that does not exist yet: those that are free have all run something. */
  get #startsAnother(): boolean {
    if (this.#idle[0]?.used === false) return false;
    const { instancesInTurn, maxInstances } = this.#options;
    const { reservedConcurrency = maxInstances } = this.#fn;
    return this.#instances.size < Math.min(instancesInTurn, maxInstances, reservedConcurrency);
  }

  /** The idle instance whose turn it is. */
  #takeIdle(): Instance | undefined {
    return this.#options.instancesInTurn > 1 ? this.#idle.shift() : this.#idle.pop();
  }

  /**
   * Gives waiting jobs to idle instances, and starts one instance for each job that is left, up to the cap. Jobs that an
   * instance waits for have as many again, or a function that invokes itself would wait for itself; more of them are throttled.
   */
  #pump(): void {
    if (this.#stopped) return;
    while (this.#queue.length > 0 && this.#idle.length > 0 && !this.#startsAnother) {
      const waiting = this.#queue.shift();
      const instance = this.#takeIdle();
      if (waiting && instance) this.#track(this.#serve(instance, waiting));
    }
    while (this.#starting < this.#queue.length && this.#instances.size < this.#cap) {
      this.#track(this.#start());
    }
  }

  async #start(): Promise<void> {
    const instance = this.#create();
    if (instance === undefined) return;
    this.#instances.add(instance);
    this.#starting++;
    const failure = await instance.initialized;
    this.#starting--;
    if (failure !== undefined) {
      this.#discard(instance);
      // As on Lambda, an init that fails costs one invocation; the next one makes another try.
      this.#queue.shift()?.resolve({ requestId: randomUUID(), outcome: failure });
    } else {
      this.#release(instance);
    }
    this.#pump();
  }

  async #serve(instance: Instance, { job, resolve, reject }: Waiting): Promise<void> {
    const requestId = randomUUID();
    const coldStart = !instance.used;
    // Lambda bills the init too. @see https://aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase/
    const startedAt = coldStart ? instance.startedAt : performance.now();
    instance.used = true;
    try {
      const outcome = await instance.invoke({ requestId, payload: job.payload, traceId: traceId() });
      this.#options.onEvent({
        kind: "lambda",
        at: Date.now(),
        functionId: this.#fn.logicalId,
        requestId,
        trigger: job.trigger,
        cause: causeOf(job.payload),
        messageIds: job.messageIds,
        durationMs: performance.now() - startedAt,
        coldStart,
        memoryMb: this.#fn.memoryMb,
        outcome: outcomeName(outcome),
      });
      resolve({ requestId, outcome });
    } catch (error) {
      reject(error);
    } finally {
      this.#release(instance);
      this.#pump();
    }
  }

  #release(instance: Instance): void {
    const isTooMany = this.#instances.size > this.#cap;
    if (instance.dead || instance.retired || isTooMany || this.#stopped) this.#discard(instance);
    else if (instance.used) this.#idle.push(instance);
    else this.#idle.unshift(instance);
  }

  #discard(instance: Instance): void {
    if (!this.#instances.delete(instance)) return;
    this.#track(instance.terminate());
  }

  /** Nothing floats: `stop` and `replace` wait for what was begun. */
  #track(work: Promise<void>): void {
    const ending = work.finally(() => this.#endings.delete(ending));
    this.#endings.add(ending);
  }

  /** Undefined when no thread can be started: the job that asked for it has failed then. */
  #create(): Instance | undefined {
    try {
      return newInstance(this.#fn, this.#options);
    } catch (error) {
      this.#queue.shift()?.reject(error);
      return undefined;
    }
  }
}

function outcomeName(outcome: Outcome): "ok" | "error" | "timeout" {
  if (outcome.kind === "succeeded") return "ok";
  return outcome.kind === "failed" ? "error" : "timeout";
}

function stoppedOutcome(): Finished {
  const message = "The local cloud is stopping";
  return {
    requestId: randomUUID(),
    outcome: { kind: "failed", errorType: "ServiceException", message, trace: message },
  };
}

/** @see https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader */
function traceId(): string {
  const seconds = Math.floor(Date.now() / 1000).toString(16);
  const root = `1-${seconds}-${randomBytes(12).toString("hex")}`;
  return `Root=${root};Parent=${randomBytes(8).toString("hex")};Sampled=0`;
}

/** The request id in an event of API Gateway (a client's text cannot look like it: its quotes are escaped there). */
function causeOf(payload: string): string | undefined {
  return /"extendedRequestId":"([^"]+)"/.exec(payload)?.[1];
}
