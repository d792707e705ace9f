import { setTimeout as sleep } from "node:timers/promises";
import type { Chaos } from "../chaos.ts";
import type { Faults } from "../faults.ts";
import type { ApiModel, Caller, CloudEvent, CloudListener, LambdaService } from "../model.ts";
import type { QueueSender } from "../sqs/sender.ts";
import { type Connection, ConnectionRegistry } from "./connection.ts";
import { ACCOUNT_REQUESTS, type GatewayBehavior, NEW_CONNECTIONS } from "./limits.ts";
import { TokenBucket } from "./throttle.ts";

/** An HTTP request as it was signed. */
export interface SignedRequest {
  readonly method: string;
  /** Path and query as on the request line. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** Who called and whether the caller may, or what the service answers instead. */
export type Authorization =
  | {
      readonly allowed: true;
      readonly caller: Caller;
      /** The invocation that the caller runs, if it is known. */
      readonly requestId?: string | undefined;
    }
  | { readonly allowed: false; readonly errorType: string; readonly message: string };

/** Checks the signature of a request and the caller's right to do `action` on `resource` (an ARN). */
export type Authorize = (request: SignedRequest, action: string, resource: string) => Authorization;

/** A gateway event without what the context adds to each. */
export type GatewayEvent = Omit<Extract<CloudEvent, { kind: "gateway" }>, "kind" | "at" | "connectionId">;

/** What the parts of the emulated API Gateway share. */
export class GatewayContext {
  readonly region: string;
  readonly account: string;
  readonly lambda: LambdaService;
  readonly queues: QueueSender;
  readonly authorize: Authorize;
  readonly chaos: Chaos;
  readonly faults: Faults;
  readonly behavior: GatewayBehavior;
  /** Idle and maximum durations run this many times faster than the clock. */
  readonly timeScale: number;
  readonly registry = new ConnectionRegistry();
  readonly newConnections = new TokenBucket(NEW_CONNECTIONS);
  readonly #account = new TokenBucket(ACCOUNT_REQUESTS);
  readonly #stages = new Map<string, TokenBucket>();
  readonly #onEvent: CloudListener;
  readonly #onError: (error: unknown) => void;
  readonly #stopping = new AbortController();
  readonly #work = new Set<Promise<void>>();

  constructor(parts: {
    readonly region: string;
    readonly account: string;
    readonly lambda: LambdaService;
    readonly queues: QueueSender;
    readonly authorize: Authorize;
    readonly chaos: Chaos;
    readonly faults: Faults;
    readonly behavior: GatewayBehavior;
    readonly timeScale: number;
    readonly onEvent: CloudListener;
    /** A fault of the emulator itself: nothing that an application does ends here. */
    readonly onError: (error: unknown) => void;
  }) {
    this.region = parts.region;
    this.account = parts.account;
    this.lambda = parts.lambda;
    this.queues = parts.queues;
    this.authorize = parts.authorize;
    this.chaos = parts.chaos;
    this.faults = parts.faults;
    this.behavior = parts.behavior;
    this.timeScale = parts.timeScale;
    this.#onEvent = parts.onEvent;
    this.#onError = parts.onError;
  }

  emit(connection: Connection | string, event: GatewayEvent): void {
    const connectionId = typeof connection === "string" ? connection : connection.facts.connectionId;
    this.#onEvent({ kind: "gateway", at: Date.now(), connectionId, ...event });
  }

  /** Whether the limits of the account, and of this API's stage if one is named, let one more request through. */
  admit(api?: ApiModel): boolean {
    const stage = api && this.#stages.get(api.apiId);
    return (stage === undefined || stage.take()) && this.#account.take();
  }

  /** Takes the throttles of these APIs; those of before start anew. */
  throttle(apis: readonly ApiModel[]): void {
    this.#stages.clear();
    for (const api of apis) if (api.throttle) this.#stages.set(api.apiId, new TokenBucket(api.throttle));
  }

  /** ARN of a route or an `@connections` resource, as IAM and resource policies name it. */
  arn(api: ApiModel, resource: string): string {
    return `arn:aws:execute-api:${this.region}:${this.account}:${api.apiId}/${resource}`;
  }

  /** Work that goes on after its caller has returned, such as an invocation: `drained` waits for it. */
  track(work: Promise<void>): void {
    const tracked: Promise<void> = work.catch(this.#onError).finally(() => this.#work.delete(tracked));
    this.#work.add(tracked);
  }

  /** Nothing is invoked any more, and nobody waits out a delay. */
  stop(): void {
    this.#stopping.abort();
  }

  get stopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** Waits for `delayMs`, or until `early` settles, or until the stop. */
  async pause(delayMs: number, early?: Promise<void>): Promise<void> {
    if (delayMs === 0 || this.stopped) return;
    const over = new AbortController();
    const signal = AbortSignal.any([this.#stopping.signal, over.signal]);
    // Rejects when it is aborted, and then there is nothing more to wait for either.
    const delay = sleep(delayMs, undefined, { signal }).catch(() => {});
    await Promise.race(early ? [delay, early] : [delay]);
    over.abort();
  }

  async drained(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work);
  }
}
