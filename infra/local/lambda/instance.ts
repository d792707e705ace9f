/** One execution environment of a function: a worker thread that runs bootstrap.mjs, seen from outside. */
import { join } from "node:path";
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import { PACKAGE_ROOT } from "../../package-files.ts";
import type { WorkerCredentials } from "../iam/iam.ts";
import type { FunctionModel, LogLine } from "../model.ts";
import { parseMessage, type WorkerMessage } from "./messages.ts";

/** What one invocation came to, with what only Lambda itself sees. */
export type Outcome =
  | { readonly kind: "succeeded"; readonly payload: string }
  | { readonly kind: "failed"; readonly errorType: string; readonly message: string; readonly trace: string }
  | { readonly kind: "timeout" };

export interface InstanceOptions {
  readonly fn: FunctionModel;
  readonly credentials: WorkerCredentials;
  /** The instance's whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly logGroup: string;
  readonly logStream: string;
  /** How far the instance's clock is off, in milliseconds. */
  readonly skewMs: number;
  readonly onLog: (line: LogLine) => void;
  /** How long the bundle may load before anything is invoked, in milliseconds. @default as on Lambda */
  readonly initTimeoutMs?: number | undefined;
}

export interface Invocation {
  readonly requestId: string;
  /** JSON text. */
  readonly payload: string;
  readonly traceId: string;
}

/**
 * How long an environment may take to load the bundle. What takes longer is begun again by the first invocation, which may take its
 * own time for it: here it goes on instead, for as long as both together.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
 */
const INIT_TIMEOUT_MS = 10_000;

const BOOTSTRAP = join(PACKAGE_ROOT, "infra/local/lambda/bootstrap.mjs");

/** Runs one invocation at a time; once an invocation killed it, it is `dead` and takes no other. */
export class Instance {
  readonly fn: FunctionModel;
  /** Resolves when the bundle is loaded, or with the failure that made the instance useless. */
  readonly initialized: Promise<Outcome | undefined>;
  readonly startedAt = performance.now();
  /** The first invocation on an instance is the one that saw the cold start. */
  used = false;
  /** To be given up as soon as it is idle. */
  retired = false;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #signal = new Int32Array(new SharedArrayBuffer(4));
  readonly #credentials: WorkerCredentials;
  readonly #onLog: (line: LogLine) => void;
  #settle: ((outcome: Outcome | undefined) => void) | undefined;
  #crash: Error | undefined;
  #dead = false;
  #isLetGo = false;
  #requestId = "init";

  constructor(options: InstanceOptions) {
    const { fn } = options;
    this.fn = fn;
    this.#credentials = options.credentials;
    this.#onLog = options.onLog;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#worker = new Worker(BOOTSTRAP, {
      env: { ...options.env },
      // Not the loaders of whoever started the local cloud: a bundle runs on plain Node, as on Lambda.
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: fn.memoryMb },
      transferList: [port2],
      workerData: {
        port: port2,
        signal: this.#signal,
        codeDir: fn.codeDir,
        handler: fn.handler,
        functionName: fn.name,
        functionArn: fn.arn,
        memoryMb: fn.memoryMb,
        logGroup: options.logGroup,
        logStream: options.logStream,
        skewMs: options.skewMs,
      },
    });
    const initSec = (options.initTimeoutMs ?? INIT_TIMEOUT_MS) / 1000;
    const loadSec = initSec + fn.timeoutSec;
    this.initialized = this.#await(
      loadSec * 1000,
      `The bundle did not load within ${loadSec} s: ${initSec} s, and the function's timeout of ${fn.timeoutSec} s.`,
    );
    port1.on("message", (message: unknown) => this.#receive(parseMessage(message)));
    this.#worker.on("error", (error) => {
      this.#crash = error;
    });
    this.#worker.on("exit", (code) => this.#exited(code));
  }

  /** No invocation can run on it any more. */
  get dead(): boolean {
    return this.#dead;
  }

  /** Wakes the instance up with one invocation; resolves when it has answered, died or timed out, and is frozen again. */
  async invoke(invocation: Invocation): Promise<Outcome> {
    const timeoutMs = this.fn.timeoutSec * 1000;
    this.#requestId = invocation.requestId;
    this.#credentials.runs(invocation.requestId);
    const answered = this.#await(timeoutMs, `Task timed out after ${this.fn.timeoutSec.toFixed(2)} seconds`);
    this.#port.postMessage({ ...invocation, deadline: Date.now() + timeoutMs });
    Atomics.add(this.#signal, 0, 1);
    Atomics.notify(this.#signal, 0);
    // "undefined" is the answer of an init, which cannot come here.
    return (await answered) ?? { kind: "timeout" };
  }

  get accessKeyId(): string {
    return this.#credentials.accessKeyId;
  }

  /** Ends the thread if something runs on it, which fails; an idle one is left alone. */
  async crash(): Promise<boolean> {
    if (this.#settle === undefined) return false;
    await this.#end();
    return true;
  }

  /** The thread sleeps for this long in the midst of the invocation that runs on it. */
  freeze(ms: number): void {
    this.#worker.postMessage({ requestId: this.#requestId, freezeMs: ms });
  }

  /** Ends the thread, frozen or not. An invocation that runs on it fails, of which the log says nothing: nobody waits for it. */
  async terminate(): Promise<void> {
    this.#isLetGo = true;
    await this.#end();
  }

  async #end(): Promise<void> {
    this.#dead = true;
    this.#credentials.revoke();
    await this.#worker.terminate();
  }

  /** The next answer; without one in time the thread is ended. */
  async #await(limitMs: number, complaint: string): Promise<Outcome | undefined> {
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<Outcome | undefined>((resolve, reject) => {
        this.#settle = resolve;
        timer = setTimeout(() => {
          this.#settle = undefined;
          this.#log("error", complaint);
          this.#end().then(() => resolve({ kind: "timeout" }), reject);
        }, limitMs);
      });
    } finally {
      clearTimeout(timer);
    }
  }

  #receive(message: WorkerMessage): void {
    switch (message.type) {
      case "log":
        this.#onLog({ ...message.line, functionId: this.fn.logicalId });
        break;
      case "ready":
        this.#answer(undefined);
        break;
      case "succeeded":
        this.#answer({ kind: "succeeded", payload: message.payload });
        break;
      case "failed": {
        if (message.fatal) this.#dead = true;
        const { errorType, message: text, trace } = message;
        this.#answer({ kind: "failed", errorType, message: text, trace });
        break;
      }
      default:
        message satisfies never;
    }
  }

  #answer(outcome: Outcome | undefined): void {
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.(outcome);
  }

  #exited(code: number): void {
    // What the thread said with its last breath is still in the channel.
    for (let rest = receiveMessageOnPort(this.#port); rest; rest = receiveMessageOnPort(this.#port)) {
      this.#receive(parseMessage(rest.message));
    }
    this.#port.close();
    this.#dead = true;
    this.#credentials.revoke();
    if (this.#settle === undefined) return;
    const crash = this.#crash;
    const outOfMemory = crash !== undefined && "code" in crash && crash.code === "ERR_WORKER_OUT_OF_MEMORY";
    const why = outOfMemory
      ? `Runtime exited with error: signal: killed (more than ${this.fn.memoryMb} MB)`
      : `Runtime exited with error: exit status ${code}`;
    const message = `RequestId: ${this.#requestId} Error: ${why}`;
    const trace = crash?.stack ?? message;
    if (!this.#isLetGo) this.#log("error", crash === undefined ? message : `${message}\n${trace}`);
    const errorType = outOfMemory ? "Runtime.OutOfMemory" : "Runtime.ExitError";
    this.#answer({ kind: "failed", errorType, message, trace });
  }

  #log(level: LogLine["level"], text: string): void {
    const { logicalId: functionId } = this.fn;
    this.#onLog({ at: Date.now(), functionId, requestId: this.#requestId, level, text });
  }
}
