import type { LineContext } from "./context.ts";
import type { LineMessage } from "./messages.ts";
import { KEPT_MS, LINE_RESERVE_MS, LINE_VISIBILITY_SECONDS, RENEW_MS } from "./timing.ts";

/**
 * For how long nobody else gets a connection's messages. Of a first delivery that is the queue's visibility timeout. Messages that
 * were delivered before may kill their instance again: they are hidden for a short time each, again and again, so that their
 * connection stands still for a short time only if they do. A handler that leaves the event loop no turn for so long is not excluded
 * from its next delivery.
 */
export class Hidden {
  readonly #context: LineContext;
  readonly #messages: readonly LineMessage[];
  readonly #over = new AbortController();
  #until: number;
  #keeping: Promise<void> | undefined;

  constructor(context: LineContext, messages: readonly LineMessage[]) {
    this.#context = context;
    this.#messages = messages;
    this.#until =
      Math.min(...messages.map(({ deliveredAt }) => deliveredAt)) + LINE_VISIBILITY_SECONDS * 1_000;
  }

  /**
   * Before anything is done with them.
   * @returns until when they may be worked on, in milliseconds since the epoch
   * @throws when SQS does not hide them
   */
  async begin(): Promise<number> {
    const { deadline } = this.#context;
    if (!this.#messages.some(({ deliveries }) => deliveries > 1)) {
      return Math.min(deadline, this.#until - LINE_RESERVE_MS);
    }
    // SQS tells only when they were delivered first.
    await this.#hide();
    this.#keeping = this.#keep(this.#over.signal);
    return deadline;
  }

  /** No frame may begin any more: also for an instance that stood still and goes on when somebody else has them. */
  get isOver(): boolean {
    const { ports, deadline } = this.#context;
    return ports.clock.now() >= Math.min(deadline, this.#until - LINE_RESERVE_MS);
  }

  /** From now on their time in hiding is somebody else's matter. Never rejects. */
  async end(): Promise<void> {
    this.#over.abort();
    await this.#keeping;
  }

  async #hide(): Promise<void> {
    const from = this.#context.ports.clock.now();
    await this.#context.line.hide(this.#messages, KEPT_MS);
    this.#until = from + KEPT_MS;
  }

  async #keep(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#context.ports.clock.sleep(RENEW_MS, signal);
      if (signal.aborted) return;
      // What SQS refuses shows in `isOver`.
      await this.#hide().catch(() => undefined);
    }
  }
}
