import type { InvokeResult, LambdaService } from "../../infra/local/model.ts";
import { type LambdaEvent, toLambdaEvent } from "../../lambdas/handlers/lambda-event.ts";
import type { Handler } from "../../lambdas/handlers/router.ts";
import type { Codec } from "../../lambdas/protocol/codec.ts";
import { describeError } from "../../lambdas/server/common/errors.ts";
import { scopes } from "../../lambdas/server/invocation/scope.ts";
import type { Ports } from "../../lambdas/server/ports/ports.ts";
import type { Tasks } from "../../lambdas/server/ports/tasks.ts";
import { FrameTurns } from "./frame-turns.ts";
import type { OwnResources } from "./own-resources.ts";

/** What Lambda gives an event, in milliseconds. */
const TIMEOUT_MS = 29_000;

export interface InProcessFunctionOptions {
  readonly handler: (ports: Ports) => Handler;
  /** What clients' frames are read with. */
  readonly codec: Codec;
  /** Everything that the handler needs; its tasks are run here. */
  readonly ports: (tasks: Tasks) => Ports;
  readonly resources: OwnResources;
  /** A connection's events wait for one another, as on stock; else each begins when its frame comes, as behind API Gateway alone. */
  readonly ordered: boolean;
}

/** The socket function in this process: each event runs in a context of its own, whatever code of a test it was caused by. */
export class InProcessFunction implements LambdaService {
  readonly #handler: Handler;
  readonly #ports: Ports;
  readonly #resources: OwnResources;
  readonly #turns: FrameTurns | undefined;
  readonly #running = new Set<Promise<unknown>>();
  #stopped = false;

  constructor({ handler, codec, ports, resources, ordered }: InProcessFunctionOptions) {
    this.#ports = ports({
      // Later, and whatever becomes of it: as an asynchronous invocation.
      start: async (task) => resources.exit(() => void setImmediate(() => void this.#run(task))),
    });
    this.#handler = handler(this.#ports);
    this.#resources = resources;
    this.#turns = ordered ? new FrameTurns(codec) : undefined;
  }

  async invoke(_functionId: string, event: unknown): Promise<InvokeResult> {
    const known = toLambdaEvent(event);
    if (!known || !this.#turns) return await this.#run(event);
    const inOrder =
      known.kind === "message" ? withTime(event, this.#turns.timeOf(known.connectionId, known.at)) : event;
    return await inTurn(this.#turns, known, () => this.#run(inOrder));
  }

  /** Begins no event any more. */
  stop(): void {
    this.#stopped = true;
  }

  /** Resolves when none is running. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  async #run(event: unknown): Promise<InvokeResult> {
    if (this.#stopped) return { outcome: "error", errorType: "Stopped", message: "the host is closed" };
    const until = Date.now() + TIMEOUT_MS;
    const context = { getRemainingTimeInMillis: () => until - Date.now() };
    // Not in the context of the event that started a task, or that a test's own code was called in.
    const work = scopes.exit(() => this.#resources.run(() => this.#handler(event, context)));
    this.#running.add(work);
    try {
      return { outcome: "ok", payload: await work };
    } catch (error) {
      const message = describeError(error);
      this.#ports.log.error("SKY_INVOCATION_FAILED", "an event failed", { error: message });
      return { outcome: "error", errorType: "Error", message };
    } finally {
      this.#running.delete(work);
    }
  }
}

/** The event of a frame that was received at `at`. */
function withTime(event: unknown, at: number): unknown {
  const { requestContext, ...rest } = Object(event) as { readonly requestContext?: object };
  return { ...rest, requestContext: { ...requestContext, requestTimeEpoch: at } };
}

function inTurn<T>(turns: FrameTurns, event: LambdaEvent, run: () => Promise<T>): Promise<T> {
  switch (event.kind) {
    case "message":
      return turns.frame(event.connectionId, event.body, run);
    case "disconnect":
      return turns.end(event.connectionId, run);
    default:
      return run();
  }
}
