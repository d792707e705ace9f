import { Effect } from "../common/effect.ts";
import { describeError } from "../common/errors.ts";
import { closedGate, type Gate } from "../common/gate.ts";
import type { Clock } from "../ports/environment.ts";
import type { Ports } from "../ports/ports.ts";
import type { Store } from "../ports/store.ts";
import { type Beside, PATIENCE_MS } from "./idle-watch.ts";
import { Intervals } from "./intervals.ts";
import { Invocation } from "./invocation.ts";
import { scopes } from "./scope.ts";

/** What waiting for an answer needs of the outside. */
export interface AnswerPorts {
  readonly store: Pick<Store, "readAnswer">;
  readonly clock: Pick<Clock, "now" | "sleep">;
}

/** What is done outside of events has as long as an event has, in milliseconds. */
const TIME_MS = 25_000;
/** Later calls begin anew, so that each has most of that time. */
const JOIN_MS = 5_000;
/** A process that is not frozen between events goes on by itself after that, in milliseconds. */
const AWAKE_MS = 10;

/** Calls that are made while others are going on share an invocation: they keep their order, as in an event. */
interface Shared {
  readonly invocation: Invocation;
  /** Milliseconds since the epoch: later calls share another one. */
  readonly until: number;
  /** Those that are going on, until what they found gone has been handed over. */
  readonly calls: Set<Promise<unknown>>;
  /** How many have not come to that yet. */
  working: number;
  /** What it waits for before anything begins. */
  readonly gate: Gate | undefined;
}

/**
 * What is called on `io` where no event is running: in a timer of the module, or in a program that is no socket function. Nobody
 * waits for such a call but who made it. So its promise resolves when all that it has started is over.
 *
 * In the socket function the process stands still between events. So nothing begins while an event comes to its end (`rest`): what
 * is called then waits for the next one. What had begun before is waited for.
 */
export class OutsideCalls implements Beside {
  readonly #fanOutThreshold: number;
  readonly #intervals = new Intervals();
  readonly #live = new Set<Shared>();
  readonly #looks = new Set<Promise<unknown>>();
  #ports: Ports | undefined;
  /** The latest, which calls that are made now join. */
  #current: Shared | undefined;
  /** Set while nothing may begin. */
  #gate: Gate | undefined;
  /** Looks for answers that have to wait. */
  #waiting = 0;
  /** How many waits between two looks are going on. */
  #asleep = 0;
  #events = 0;
  #waking: AbortController | undefined;

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

  get busy(): boolean {
    return this.#begun.length > 0;
  }

  get timers(): number {
    return this.#asleep + this.#live.size; // an invocation has one for its deadline
  }

  /**
   * Does something as an invocation of its own. Undefined where the process is not connected.
   * @param work resolves when all that it has started is over
   */
  run<T>(what: string, work: (invocation: Invocation) => Promise<T>): Effect<T> | undefined {
    if (!this.#ports) return undefined;
    const shared = this.#join(this.#ports);
    const left = this.#intervals.enter(this.#gate !== undefined);
    let done: Promise<T>;
    try {
      // Without the context of an event that is over.
      done = scopes.exit(() => work(shared.invocation));
    } catch (error) {
      left();
      void this.#keep(shared, Promise.resolve());
      throw error;
    }
    void done.then(left, left);
    return this.#effect(what, this.#keep(shared, done));
  }

  /** Is an interval of the module calling whose last turn is not over yet? Says so in the log, once for each interval. */
  overlaps(what: string): boolean {
    return this.#ports !== undefined && this.#intervals.overlaps(what, this.#ports.log);
  }

  /** What comes of a call later, and no event waits for: an answer. Its failure is logged unless somebody awaits it. */
  later<T>(what: string, work: Promise<T>): Effect<T> {
    return this.#effect(what, work);
  }

  /** For waiting for answers: each look is a short call, and between two nothing is held up. */
  get answers(): AnswerPorts {
    const { clock, store } = this.#connectedPorts;
    return {
      clock: {
        now: () => clock.now(),
        sleep: async (ms) => {
          this.#asleep++;
          await clock.sleep(ms);
          this.#asleep--;
        },
      },
      store: {
        readAnswer: async (socketId, askId) => {
          await this.#opened();
          const reading = store.readAnswer(socketId, askId);
          this.#looks.add(reading);
          return await reading.finally(() => this.#looks.delete(reading));
        },
      },
    };
  }

  /** An event begins: what waits for one goes on beside it. */
  enter(): void {
    this.#events++;
    this.goOn();
  }

  /** An event is over, but for what goes on beside it; that has until `deadline` at most, in milliseconds since the epoch. */
  async leave(deadline: number): Promise<void> {
    const { clock, log } = this.#connectedPorts;
    const over = await this.rest(Math.min(deadline, clock.now() + PATIENCE_MS));
    this.#events--;
    if (this.#events > 0) this.goOn();
    else this.#wake();
    if (over) return;
    log.error(
      "SKY_DEADLINE",
      "an event is over, and what was called outside of it is still going on: it stands still until the next event comes to this instance",
    );
  }

  async rest(until: number): Promise<boolean> {
    this.#gate ??= closedGate();
    if (!this.busy) return true;
    const { clock } = this.#connectedPorts;
    const patience = new AbortController();
    const late = clock.sleep(Math.max(0, until - clock.now()), patience.signal).then(() => "late" as const);
    for (;;) {
      const over = Promise.allSettled(this.#begun);
      if ((await Promise.race([over, late])) === "late" || !this.busy) break;
    }
    patience.abort();
    return !this.busy;
  }

  goOn(): void {
    this.#waking?.abort();
    this.#waking = undefined;
    this.#gate?.open();
    this.#gate = undefined;
  }

  /** Waits for all calls. */
  async settled(): Promise<void> {
    while (this.busy) await Promise.allSettled(this.#begun);
  }

  get #begun(): readonly Promise<unknown>[] {
    if (this.#live.size === 0 && this.#looks.size === 0) return [];
    const begun = [...this.#live].filter((shared) => !this.#isDelayed(shared));
    return [...begun.flatMap(({ calls }) => [...calls]), ...this.#looks];
  }

  readonly #isDelayed = ({ gate }: Shared): boolean => gate !== undefined && gate === this.#gate;

  get #connectedPorts(): Ports {
    if (!this.#ports) throw new Error("not connected");
    return this.#ports;
  }

  #join(ports: Ports): Shared {
    const now = ports.clock.now();
    const current = this.#current;
    const gate = this.#gate;
    // While nothing may begin, what has begun is waited for: it must not go on with later calls.
    const joins = current && now <= current.until && (gate === undefined || current.gate === gate);
    if (joins) return current;
    const fanOutThreshold = this.#fanOutThreshold;
    const invocation = new Invocation({ ports, deadline: now + TIME_MS, lingerMs: 0, fanOutThreshold });
    if (gate) invocation.delayEffects(gate.opened);
    const shared: Shared = { invocation, until: now + JOIN_MS, calls: new Set(), working: 0, gate };
    this.#live.add(shared);
    this.#current = shared;
    this.#wake();
    return shared;
  }

  /** Hands over the connections that were found gone; the last one to leave ends the invocation. */
  async #leave(shared: Shared, call: Promise<unknown>): Promise<void> {
    shared.working--;
    const last = shared.working === 0;
    if (last && this.#current === shared) this.#current = undefined;
    try {
      await (last ? shared.invocation.finish() : shared.invocation.endGone());
    } catch (error) {
      const details = { error: describeError(error) };
      const { log } = shared.invocation.ports;
      log.error("SKY_EFFECT_FAILED", "connections that are gone could not be handed over", details);
    }
    shared.calls.delete(call);
    if (last) this.#live.delete(shared);
  }

  #keep<T>(shared: Shared, work: Promise<T>): Promise<T> {
    const call: Promise<T> = work.finally(() => this.#leave(shared, call));
    shared.calls.add(call);
    shared.working++;
    return call;
  }

  #effect<T>(what: string, work: Promise<T>): Effect<T> {
    return Effect.of(work, (error) => {
      this.#connectedPorts.log.error("SKY_EFFECT_FAILED", `${what} failed`, { error: describeError(error) });
    });
  }

  async #opened(): Promise<void> {
    while (this.#gate) {
      this.#waiting++;
      this.#wake();
      await this.#gate.opened;
      this.#waiting--;
    }
  }

  /** Where no event is running and something waits for one: the process may be one that is not frozen. */
  #wake(): void {
    if (this.#events > 0 || this.#waking || !this.#gate) return;
    if (this.#waiting === 0 && ![...this.#live].some(this.#isDelayed)) return;
    const waking = new AbortController();
    this.#waking = waking;
    const awake = this.#connectedPorts.clock.sleep(AWAKE_MS, waking.signal);
    void awake.then(() => waking.signal.aborted || this.goOn());
  }
}
