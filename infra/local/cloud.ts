import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ApiGateway } from "./api-gateway/api-gateway.ts";
import type { GatewayBehavior } from "./api-gateway/limits.ts";
import { Chaos, type ChaosSettings } from "./chaos.ts";
import { LocalCloudError } from "./errors.ts";
import { EventStream } from "./event-stream.ts";
import { createFaults } from "./faults.ts";
import { Hosts } from "./hosts.ts";
import { createIam, type Iam } from "./iam/iam.ts";
import { createLambda, type LocalLambda } from "./lambda/lambda.ts";
import { checkFunctions } from "./load-check.ts";
import { Logs } from "./logs.ts";
import { createMeter, type Meter } from "./meter.ts";
import type { CloudEvent, CloudModel, LogLine, PolicyStatement } from "./model.ts";
import { apiOf, authorizer, environmentOf, type Parts, startDynamoDb, startQueues } from "./parts.ts";
import { PublicServer } from "./public-server.ts";
import { Schedules } from "./schedules.ts";
import { Mappings } from "./sqs/mappings.ts";
import type { Queues } from "./sqs/queues.ts";
import { synthesize, type Throttle } from "./synth.ts";
import { loadModel } from "./template/load.ts";

export interface LocalCloudOptions {
  /** The application module. @default the example */
  readonly app?: string | undefined;
  /** A synthesized cloud assembly to run instead of synthesizing one; `app`, `ordered`, `routeResponses` and `throttle` mean nothing then. */
  readonly assembly?: string | undefined;
  /** Of the one public server; 0 takes a free one. @default 0 */
  readonly port?: number | undefined;
  /** Names under which it answers beside 127.0.0.1, localhost and [::1]; of those that are addresses it listens there, too. */
  readonly hosts?: readonly string[] | undefined;
  /** Endpoint of a DynamoDB to use instead of the embedded one. */
  readonly dynamodb?: string | undefined;
  /** How many times faster than the clock AWS's long waits pass: idle and maximum durations, schedules, retries. @default 1 */
  readonly timeScale?: number | undefined;
  /** Switches that are on from the start, and the seed of their random numbers. @default all off, a random seed */
  readonly chaos?: (Partial<ChaosSettings> & { readonly seed?: number }) | undefined;
  /** What AWS does not document. */
  readonly behavior?: Partial<GatewayBehavior> | undefined;
  /** Every line that a function or the local cloud logs, as it comes. */
  readonly onLog?: ((line: LogLine) => void) | undefined;
  /** Whether frames go through the line. @default that of the construct */
  readonly ordered?: boolean | undefined;
  /** Acknowledges events by route responses instead of posts. @default false */
  readonly routeResponses?: boolean | undefined;
  /** Of the stage. @default as it is deployed */
  readonly throttle?: Throttle | undefined;
  /** Instances per function, behind which invocations wait. @default as `createLambda` */
  readonly maxWorkersPerFunction?: number | undefined;
  /** Instances per function that answer in turn. 1: the one used last, while it is free. @default as `createLambda` */
  readonly instancesInTurn?: number | undefined;
  /** Gives up the start. */
  readonly signal?: AbortSignal | undefined;
}

export interface LocalCloud {
  /** Of the page, and what a socket.io-client connects to: `http://127.0.0.1:3000`. */
  readonly url: string;
  /** Socket.IO's `path` option: the stage, such as `/prod`. */
  readonly path: string;
  /** Of the stage: `ws://127.0.0.1:3000/prod`. */
  readonly ws: string;
  readonly stage: string;
  readonly meter: Meter;
  readonly chaos: Chaos;
  readonly logs: Logs;
  /** What the queues hold, such as what Lambda has given up. */
  readonly queues: Pick<Queues, "messages">;
  /** What runs now. */
  readonly model: CloudModel;
  /** Takes away one right of {@link model}, until the returned function is called: as if its line in the template were missing. */
  withdraw(right: PolicyStatement): () => void;
  /**
   * Synthesizes again and restarts the functions. Open connections stay, what runs is finished on the old code. If the
   * application is broken this throws and everything stays as it was.
   */
  reload(): Promise<void>;
  /** Ends everything: sockets, functions, tables. */
  stop(): Promise<void>;
}

/**
 * Runs a synthesized template on this machine. Throws LocalCloudError, SynthError or TemplateError, whose messages are for
 * people, and leaves nothing running then.
 */
export async function startLocalCloud(options: LocalCloudOptions = {}): Promise<LocalCloud> {
  const cloud = new Cloud(options);
  try {
    await cloud.start();
  } catch (error) {
    await cloud.stop();
    throw error;
  }
  return cloud;
}

class Cloud implements LocalCloud {
  readonly meter: Meter;
  readonly chaos: Chaos;
  readonly logs: Logs;
  readonly #options: LocalCloudOptions;
  readonly #events: EventStream;
  /** What to undo, the last first. */
  readonly #undo: (() => Promise<void> | void)[] = [];
  #stopping: Promise<void> | undefined;
  #parts: Parts | undefined;

  constructor(options: LocalCloudOptions) {
    this.#options = options;
    const { seed, ...settings } = options.chaos ?? {};
    this.chaos = new Chaos({ ...(seed !== undefined && { seed }), settings });
    this.meter = createMeter({
      timeScale: options.timeScale ?? 1,
      memoryMb: (id) => this.model.functions.find(({ logicalId }) => logicalId === id)?.memoryMb ?? 128,
    });
    this.#events = new EventStream(this.meter);
    this.logs = new Logs(options.onLog);
    if (options.chaos)
      this.logs.add("info", `Chaos with seed ${this.chaos.seed}: ${JSON.stringify(settings)}`);
  }

  get model(): CloudModel {
    return this.#running.model;
  }

  get queues(): Pick<Queues, "messages"> {
    return this.#running.queues;
  }

  withdraw(right: PolicyStatement): () => void {
    return this.#running.iam.withdraw(right);
  }

  get url(): string {
    return this.#running.server.url;
  }

  get stage(): string {
    return apiOf(this.model).stage;
  }

  get path(): string {
    return `/${this.stage}`;
  }

  get ws(): string {
    return `${this.url.replace("http:", "ws:")}${this.path}`;
  }

  async start(): Promise<void> {
    const fail = (error: unknown) => this.logs.add("error", `The local cloud failed: ${describe(error)}`);
    // First of all: a port that is not free should not cost a synthesis.
    const server = await PublicServer.listen({
      port: this.#options.port ?? 0,
      hosts: new Hosts(this.#options.hosts),
      onError: fail,
      onRefused: (message) => this.logs.add("warn", message),
    });
    this.#undo.push(() => server.close());
    const model = loadModel(await this.#assembly());
    this.#warn(model);
    const { stage } = apiOf(model);
    const parts = await this.#boot(model, server, fail);
    this.#parts = parts;
    await checkFunctions(model, this.#options.app, parts.iam, (id) => environmentOf(parts, id));
    this.#options.signal?.throwIfAborted();
    const config = { url: server.url, path: `/${stage}` };
    server.show({ gateway: parts.gateway, events: this.#events, config });
    parts.schedules.start(model.schedules);
    parts.mappings.start(model);
  }

  async reload(): Promise<void> {
    const parts = this.#running;
    const model = loadModel(await this.#assembly());
    this.#warn(model);
    apiOf(model);
    if (JSON.stringify(model.tables) !== JSON.stringify(parts.model.tables)) {
      throw new LocalCloudError(
        "TABLES_CHANGED",
        "The tables of the template have changed, and the running ones cannot follow. Stop the local cloud and start it again.",
      );
    }
    await checkFunctions(model, this.#options.app, parts.iam, (id) => environmentOf(parts, id));
    this.#parts = { ...parts, model };
    parts.queues.configure(model.queues);
    await parts.lambda.restart(undefined, model);
    parts.gateway.deploy(model.apis);
    parts.schedules.start(model.schedules);
    parts.mappings.start(model);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    for (const undo of this.#undo.reverse()) await undo();
  }

  get #running(): Parts {
    if (this.#parts === undefined) throw new Error("The local cloud has not started");
    return this.#parts;
  }

  /** A directory with a fresh assembly; those that it makes live until the stop, since old functions may still load from them. */
  async #assembly(): Promise<string> {
    const { app, assembly, ordered, routeResponses, throttle, signal } = this.#options;
    if (assembly !== undefined) return assembly;
    const dir = await mkdtemp(join(tmpdir(), "skysocket-"));
    this.#undo.unshift(() => rm(dir, { recursive: true, force: true }));
    const { outdir } = await synthesize({
      outdir: join(dir, "cdk.out"),
      ...(app !== undefined && { app }),
      ...(ordered !== undefined && { ordered }),
      ...(routeResponses !== undefined && { routeResponses }),
      ...(throttle !== undefined && { throttle }),
      ...(signal !== undefined && { signal }),
    });
    return outdir;
  }

  async #boot(model: CloudModel, server: PublicServer, fail: (error: unknown) => void): Promise<Parts> {
    const { dynamodb: endpoint, timeScale = 1, behavior } = this.#options;
    const { maxWorkersPerFunction, instancesInTurn } = this.#options;
    const onEvent = (event: CloudEvent) => this.#publish(event);
    const iam = this.#createIam(model.account);
    const faults = createFaults(this.chaos, () => this.#parts?.lambda);
    const shared = { iam, onEvent, onError: fail, faults };
    const dynamodb = await startDynamoDb({ tables: model.tables, ...shared }, endpoint);
    this.#undo.push(() => dynamodb.stop());
    const { region, account } = model;
    const { queues, sqs } = await startQueues(model, {
      ...shared,
      timeScale,
      mixes: () => this.chaos.happens("mixBatches"),
      onDeadLetter: (text) => this.logs.add("error", text),
    });
    this.#undo.push(() => sqs.stop());
    const lambda = await createLambda({
      queues,
      model,
      iam,
      env: (functionId) => environmentOf(this.#running, functionId),
      onLog: (line) => this.logs.take(line),
      onEvent,
      timeScale,
      skewMs: () => this.chaos.skewMs(),
      throttles: () => this.chaos.happens("throttleInvokes"),
      faults,
      ...(maxWorkersPerFunction !== undefined && { maxWorkersPerFunction }),
      ...(instancesInTurn !== undefined && { instancesInTurn }),
    });
    const mappings = this.#createMappings(queues, lambda);
    const gateway = new ApiGateway({
      region,
      account,
      apis: model.apis,
      lambda,
      queues,
      authorize: authorizer(iam),
      chaos: this.chaos,
      faults,
      behavior,
      timeScale,
      onEvent,
      onError: fail,
    });
    // Functions end with their invocations failed, which the gateway then need not wait for.
    this.#undo.push(
      () => gateway.drained(),
      () => mappings.stopped(),
      () => lambda.stop(),
      () => mappings.stop(),
      () => gateway.stop(),
    );
    const schedules = new Schedules(lambda, timeScale);
    this.#undo.push(() => schedules.stop());
    return { model, server, iam, dynamodb, lambda, gateway, schedules, queues, sqs, mappings, timeScale };
  }

  #createMappings(queues: Queues, lambda: LocalLambda): Mappings {
    return new Mappings({
      queues,
      invoke: (functionId, event) => lambda.invokeMapped(functionId, event),
      onLog: (line) => this.logs.take(line),
      chaos: this.chaos,
      timeScale: this.#options.timeScale ?? 1,
    });
  }

  #createIam(account: string): Iam {
    return createIam({
      account,
      onDenied: ({ functionId, requestId, message }) =>
        this.logs.add("error", `AccessDenied: ${message}`, { functionId, requestId }),
    });
  }

  /** What `cdk synth` would print. */
  #warn({ warnings }: CloudModel): void {
    for (const text of warnings) this.logs.add("warn", text);
  }

  #publish(event: CloudEvent): void {
    this.meter.record(event);
    this.#events.send(event);
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
