import type { InvokeResult, LambdaService } from "../../infra/local/model.ts";

/** What every event of a WebSocket API has. */
export interface GatewayEvent {
  readonly requestContext: Readonly<Record<string, unknown>>;
  readonly [key: string]: unknown;
}

/** One invocation that the test has to answer. */
export interface Invocation {
  readonly functionId: string;
  readonly event: GatewayEvent;
  readonly source: { readonly principal: string; readonly arn: string };
  answer(result: InvokeResult): void;
}

export const OK: InvokeResult = { outcome: "ok", payload: { statusCode: 200 } };

/** A Lambda service without functions: `handle` answers at once, or the test does, invocation by invocation. */
export class FakeLambda implements LambdaService {
  /** Every invocation so far, the oldest first. */
  readonly invocations: Invocation[] = [];
  /** Answers an invocation, or leaves it (`undefined`) to the test. */
  handle: (invocation: Invocation) => InvokeResult | undefined = () => OK;
  readonly #unanswered = new Set<(result: InvokeResult) => void>();
  readonly #watchers = new Set<() => void>();

  async invoke(functionId: string, event: unknown, source: Invocation["source"]): Promise<InvokeResult> {
    if (!isGatewayEvent(event)) throw new TypeError(`No event of a WebSocket API: ${JSON.stringify(event)}`);
    return await new Promise((resolve) => {
      const answer = (result: InvokeResult) => {
        this.#unanswered.delete(answer);
        resolve(result);
      };
      this.#unanswered.add(answer);
      const invocation = { functionId, event, source, answer };
      this.invocations.push(invocation);
      const result = this.handle(invocation);
      if (result) answer(result);
      for (const watcher of this.#watchers) watcher();
    });
  }

  ofRoute(routeKey: string): Invocation[] {
    return this.invocations.filter(({ event }) => event.requestContext.routeKey === routeKey);
  }

  /** Resolves with the `n`th (from 1) invocation of a route when there is one. */
  async invoked(routeKey: string, n = 1): Promise<Invocation> {
    return await new Promise((resolve) => {
      const watcher = () => {
        const invocation = this.ofRoute(routeKey)[n - 1];
        if (invocation === undefined) return;
        this.#watchers.delete(watcher);
        resolve(invocation);
      };
      this.#watchers.add(watcher);
      watcher();
    });
  }

  /** Answers what nobody has answered. */
  stop(): void {
    for (const answer of [...this.#unanswered])
      answer({ outcome: "error", errorType: "Stopped", message: "" });
  }
}

function isGatewayEvent(event: unknown): event is GatewayEvent {
  return (
    typeof event === "object" &&
    event !== null &&
    "requestContext" in event &&
    typeof event.requestContext === "object"
  );
}
