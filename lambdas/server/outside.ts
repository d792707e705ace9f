import { Effect } from "./effect.ts";
import { describeError } from "./errors.ts";
import { Invocation } from "./invocation.ts";
import type { Ports } from "./ports.ts";
import { scopes } from "./scope.ts";

/** What is done outside of events has as long as an event has, in milliseconds. */
const TIME_MS = 25_000;
/** Later calls begin anew, so that each has most of that time. */
const JOIN_MS = 5_000;

/** Calls that are made while others are going on share an invocation: they keep their order, as in an event. */
interface Shared {
  readonly invocation: Invocation;
  /** Milliseconds since the epoch: later calls share another one. */
  readonly until: number;
  /** How many are going on. */
  calls: number;
}

/**
 * What is called on `io` where no event is running: in a timer of the module, or in a program that is no socket function. Nobody
 * waits for such a call but who made it. So its promise resolves when all that it has started is over.
 */
export class Outside {
  readonly #fanOutThreshold: number;
  readonly #running = new Set<Promise<unknown>>();
  #ports: Ports | undefined;
  #current: Shared | undefined;

  constructor(fanOutThreshold: number) {
    this.#fanOutThreshold = fanOutThreshold;
  }

  /** What composition roots know: from here on calls are possible. */
  connect(ports: Ports): void {
    // Whatever else the process is doing is none of a call's un-awaited work.
    this.#ports = { ...ports, activeResources: () => [] };
  }

  get connected(): boolean {
    return this.#ports !== undefined;
  }

  /** Something is going on. */
  get busy(): boolean {
    return this.#running.size > 0;
  }

  /**
   * Does something as an invocation of its own. Undefined where the process is not connected.
   * @param work resolves when all that it has started is over
   */
  run<T>(what: string, work: (invocation: Invocation) => Promise<T>): Effect<T> | undefined {
    if (!this.#ports) return undefined;
    const shared = this.#join(this.#ports);
    let done: Promise<T>;
    try {
      // Without the context of an event that is over.
      done = scopes.exit(() => work(shared.invocation));
    } catch (error) {
      void this.#keep(this.#leave(shared));
      throw error;
    }
    return Effect.of(this.#keep(done.finally(() => this.#leave(shared))), (error) => {
      shared.invocation.ports.log.error("SKY_EFFECT_FAILED", `${what} failed`, {
        error: describeError(error),
      });
    });
  }

  /** Waits for all calls. An event does, before it ends: what goes on after that would be frozen with the instance. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  #join(ports: Ports): Shared {
    const now = ports.clock.now();
    if (!this.#current || now > this.#current.until) {
      const fanOutThreshold = this.#fanOutThreshold;
      const invocation = new Invocation({ ports, deadline: now + TIME_MS, lingerMs: 0, fanOutThreshold });
      this.#current = { invocation, until: now + JOIN_MS, calls: 0 };
    }
    this.#current.calls++;
    return this.#current;
  }

  /** Hands over the connections that were found gone; the last one to leave ends the invocation. */
  async #leave(shared: Shared): Promise<void> {
    shared.calls--;
    const last = shared.calls === 0;
    if (last && this.#current === shared) this.#current = undefined;
    try {
      await (last ? shared.invocation.finish() : shared.invocation.endGone());
    } catch (error) {
      const details = { error: describeError(error) };
      const { log } = shared.invocation.ports;
      log.error("SKY_EFFECT_FAILED", "connections that are gone could not be handed over", details);
    }
  }

  #keep<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work);
    const forget = (): void => void this.#running.delete(work);
    work.then(forget, forget);
    return work;
  }
}
