/**
 * The emulated Lambda: the functions of the template, each in worker threads of its own, invoked by the other emulated services
 * or, over HTTP, by the real SDK. See bootstrap.mjs for what an instance is, and pool.ts for how many there are.
 */
import type { Faults, Victims } from "../faults.ts";
import { serve } from "../http.ts";
import { matches } from "../iam/decide.ts";
import type { Iam } from "../iam/iam.ts";
import type {
  CloudListener,
  CloudModel,
  FunctionModel,
  InvokeResult,
  LambdaService,
  LogLine,
} from "../model.ts";
import type { BatchEvent } from "../sqs/records.ts";
import type { QueueSender } from "../sqs/sender.ts";
import { AsyncInvocations } from "./async-invocations.ts";
import { handleInvoke } from "./front.ts";
import type { Instance } from "./instance.ts";
import { type Finished, Pool } from "./pool.ts";

export interface LambdaOptions {
  readonly model: Pick<CloudModel, "region" | "functions">;
  readonly iam: Iam;
  /**
   * What the cloud adds to a function's environment, such as `AWS_ENDPOINT_URL_DYNAMODB`; asked when an instance starts, so
   * it may name endpoints that start later than Lambda.
   */
  readonly env: (functionId: string) => Readonly<Record<string, string>>;
  readonly onLog: (line: LogLine) => void;
  readonly onEvent: CloudListener;
  /** Where functions send the events that are given up. @default nowhere */
  readonly queues?: QueueSender;
  /** Instances per function; invocations beyond that wait. @default 4 */
  readonly maxWorkersPerFunction?: number;
  /** Instances per function that answer in turn, even where one would do; also the fewest that there may be. @default 2 */
  readonly instancesInTurn?: number;
  /** How many times faster than on AWS the waits of asynchronous retries pass. @default 1 */
  readonly timeScale?: number;
  /** Milliseconds that a new instance's clock is off. @default none */
  readonly skewMs?: (functionId: string) => number;
  /** Whether an invocation finds no concurrency left, whatever the function has reserved. @default never */
  readonly throttles?: () => boolean;
  /** Happen to the instances that invoke functions. @default none */
  readonly faults?: Faults;
}

/** A calling service and the ARN of what it calls for. */
type Source = Parameters<LambdaService["invoke"]>[2];

export interface LocalLambda extends LambdaService, Victims {
  /** Where the SDK finds it: the value of `AWS_ENDPOINT_URL_LAMBDA`. */
  readonly endpoint: string;
  /** Runs an event as an asynchronous invocation, with the function's retries, if its resource policy lets the source in. */
  invokeAsync(functionId: string, event: unknown, source: Source): void;
  /** Runs a batch of a queue's messages. Lambda's own pollers call, so no resource policy is asked. */
  invokeMapped(functionId: string, event: BatchEvent): Promise<InvokeResult>;
  /**
   * Takes a new model; the named functions (all, if none are) start on new instances. What runs is finished on the old ones.
   * Resolves when the old idle ones are gone.
   */
  restart(functionIds: readonly string[] | undefined, model: Pick<CloudModel, "functions">): Promise<void>;
  /** Ends all instances, even those that run, and the endpoint. */
  stop(): Promise<void>;
}

/** Starts the emulated Lambda. No instance starts before the first invocation. */
export async function createLambda(options: LambdaOptions): Promise<LocalLambda> {
  const lambda = new Lambda(options);
  const front = await serve(
    (request) => handleInvoke(request, lambda.front),
    (error) => {
      const text = `The local Lambda endpoint failed: ${error instanceof Error ? error.stack : String(error)}`;
      options.onLog({ at: Date.now(), functionId: "lambda", requestId: "", level: "error", text });
    },
    options.faults,
  );
  return {
    endpoint: front.endpoint,
    invoke: (functionId, event, source) => lambda.invoke(functionId, event, source),
    invokeAsync: (functionId, event, source) => lambda.invokeAsync(functionId, event, source),
    invokeMapped: (functionId, event) => lambda.invokeMapped(functionId, event),
    restart: (functionIds, model) => lambda.restart(functionIds, model),
    crash: (accessKeyId) => lambda.crash(accessKeyId),
    freeze: (accessKeyId, ms) => lambda.freeze(accessKeyId, ms),
    async stop() {
      await lambda.stop();
      await front.close();
    },
  };
}

class Lambda {
  readonly #options: LambdaOptions;
  readonly #functions = new Map<string, FunctionModel>();
  readonly #pools = new Map<string, Pool>();
  readonly #async: AsyncInvocations;

  constructor(options: LambdaOptions) {
    this.#options = options;
    const { timeScale = 1, onLog, queues } = options;
    this.#async = new AsyncInvocations({ timeScale, onLog, ...(queues && { queues }) });
    for (const fn of options.model.functions) this.#add(fn);
  }

  get front(): Parameters<typeof handleInvoke>[1] {
    return {
      iam: this.#options.iam,
      find: (nameOrArn) =>
        [...this.#functions.values()].find((fn) => fn.name === nameOrArn || fn.arn === nameOrArn),
      runSync: (fn, payload) => this.#pool(fn.logicalId).run({ payload, trigger: "invoke", nested: true }),
      runAsync: (fn, payload) => this.#accept(fn, payload),
    };
  }

  async invoke(functionId: string, event: unknown, source: Source): Promise<InvokeResult> {
    const message = this.#denial(functionId, source);
    if (message !== undefined) return { outcome: "error", errorType: "AccessDeniedException", message };
    const job = { payload: JSON.stringify(event), trigger: triggerOf(event, source.principal) };
    const { outcome } = await this.#pool(functionId).run(job);
    return resultOf(outcome);
  }

  invokeAsync(functionId: string, event: unknown, source: Source): void {
    if (this.#denial(functionId, source) !== undefined) return;
    this.#accept(this.#function(functionId), JSON.stringify(event), source.principal);
  }

  async invokeMapped(functionId: string, event: BatchEvent): Promise<InvokeResult> {
    const { outcome } = await this.#pool(functionId).run({
      payload: JSON.stringify(event),
      trigger: "sqs.amazonaws.com",
      messageIds: event.Records.map(({ messageId }) => messageId),
    });
    return resultOf(outcome);
  }

  /** Why the function's resource policy does not let the source in, which is logged; undefined if it does. */
  #denial(functionId: string, source: Source): string | undefined {
    const fn = this.#function(functionId);
    const isAllowed = fn.permissions.some(
      (permission) =>
        permission.principal === source.principal &&
        (permission.sourceArn === undefined || matches(permission.sourceArn, source.arn)),
    );
    if (isAllowed) return undefined;
    const message = `${source.principal} is not authorized to perform: lambda:InvokeFunction on resource: ${fn.arn} because no resource-based policy allows it for ${source.arn}`;
    this.#options.onLog({
      at: Date.now(),
      functionId,
      requestId: "",
      level: "error",
      text: `AccessDeniedException: ${message}`,
    });
    return message;
  }

  async restart(
    functionIds: readonly string[] | undefined,
    model: Pick<CloudModel, "functions">,
  ): Promise<void> {
    const endings: Promise<void>[] = [];
    for (const fn of model.functions) {
      const pool = this.#pools.get(fn.logicalId);
      if (pool === undefined) {
        this.#add(fn);
      } else {
        this.#functions.set(fn.logicalId, fn);
        if (functionIds?.includes(fn.logicalId) ?? true) endings.push(pool.replace(fn));
      }
    }
    const kept = new Set(model.functions.map((fn) => fn.logicalId));
    for (const [id, pool] of this.#pools) {
      if (kept.has(id)) continue;
      this.#pools.delete(id);
      this.#functions.delete(id);
      endings.push(pool.stop());
    }
    await Promise.all(endings);
  }

  async crash(accessKeyId: string): Promise<boolean> {
    return (await this.#instance(accessKeyId)?.crash()) ?? false;
  }

  freeze(accessKeyId: string, ms: number): void {
    this.#instance(accessKeyId)?.freeze(ms);
  }

  async stop(): Promise<void> {
    const asyncStopped = this.#async.stop();
    await Promise.all([...this.#pools.values()].map((pool) => pool.stop()));
    await asyncStopped;
  }

  #accept(fn: FunctionModel, payload: string, trigger = "async"): void {
    const pool = this.#pool(fn.logicalId);
    this.#async.accept(fn, payload, () => pool.run({ payload, trigger }));
  }

  #add(fn: FunctionModel): void {
    const { model, iam, env, onLog, onEvent, maxWorkersPerFunction = 4 } = this.#options;
    const { skewMs = () => 0, throttles = () => false, instancesInTurn = 2 } = this.#options;
    this.#functions.set(fn.logicalId, fn);
    const pool = new Pool({
      fn,
      region: model.region,
      iam,
      maxInstances: Math.max(maxWorkersPerFunction, instancesInTurn),
      instancesInTurn,
      env,
      skewMs,
      throttles,
      onLog,
      onEvent,
    });
    this.#pools.set(fn.logicalId, pool);
  }

  #function(functionId: string): FunctionModel {
    const fn = this.#functions.get(functionId);
    if (fn !== undefined) return fn;
    const known = [...this.#functions.keys()].join(", ") || "none";
    throw new RangeError(`No function has the logical id "${functionId}"; the template has: ${known}.`);
  }

  #instance(accessKeyId: string): Instance | undefined {
    for (const pool of this.#pools.values()) {
      const instance = pool.instanceWith(accessKeyId);
      if (instance) return instance;
    }
    return undefined;
  }

  #pool(functionId: string): Pool {
    const pool = this.#pools.get(functionId);
    if (pool === undefined)
      throw new RangeError(`The function "${functionId}" is not in the template any more.`);
    return pool;
  }
}

function resultOf(outcome: Finished["outcome"]): InvokeResult {
  switch (outcome.kind) {
    case "succeeded":
      return { outcome: "ok", payload: JSON.parse(outcome.payload) };
    case "failed":
      return { outcome: "error", errorType: outcome.errorType, message: outcome.message };
    case "timeout":
      return { outcome: "timeout" };
    case "throttled":
      return { outcome: "throttled" };
    default:
      return outcome satisfies never;
  }
}

/** API Gateway's events name their route; others are known by who sent them. */
function triggerOf(event: unknown, principal: string): string {
  if (typeof event === "object" && event !== null && "requestContext" in event) {
    const { requestContext } = event;
    if (typeof requestContext === "object" && requestContext !== null && "routeKey" in requestContext) {
      return String(requestContext.routeKey);
    }
  }
  return principal;
}
