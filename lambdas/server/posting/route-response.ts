import type { Clock } from "../ports/environment.ts";

/** How long an answer waits for the end of its invocation before it is posted after all, in milliseconds. */
const WAIT_MS = 25;

/**
 * With route responses on, what an invocation returns is sent to the client that invoked it: the place for one frame,
 * typically the acknowledgement of a short handler.
 */
export class RouteResponse {
  readonly #clock: Clock;
  #frame: string | undefined;
  #decide: ((taken: boolean) => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Offers a frame. True if the invocation ended with it; false if it is to be posted. */
  async offer(frame: string): Promise<boolean> {
    const timer = new AbortController();
    const decided = new Promise<boolean>((resolve) => {
      this.#frame = frame;
      this.#decide = resolve;
    });
    const taken = await Promise.race([decided, this.#clock.sleep(WAIT_MS, timer.signal).then(() => false)]);
    timer.abort();
    this.#decide = undefined;
    this.#frame = undefined;
    return taken;
  }

  /** True while a frame waits: then nothing but the end of the invocation is missing. */
  get waiting(): boolean {
    return this.#decide !== undefined;
  }

  /** Something else is to be sent: the frame that waits is posted before it. */
  release(): void {
    this.#decide?.(false);
  }

  /** The invocation ends: the frame to return, if one waits. */
  take(): string | undefined {
    const frame = this.#frame;
    this.#decide?.(true);
    return frame;
  }
}
