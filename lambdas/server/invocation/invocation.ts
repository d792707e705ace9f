import { Effect } from "../common/effect.ts";
import { describeError, SkysocketError } from "../common/errors.ts";
import { Offsets } from "../common/offsets.ts";
import type { Ports } from "../ports/ports.ts";
import { endGone } from "../posting/end-gone.ts";
import { InFlight } from "../posting/in-flight.ts";
import { Posts } from "../posting/posts.ts";
import type { RouteResponse } from "../posting/route-response.ts";
import { Tenures } from "../shared/tenures.ts";
import { EffectQueue } from "./effect-queue.ts";
import { type Beside, IdleWatch } from "./idle-watch.ts";
import type { Outbox } from "./outbox.ts";
import type { Participant } from "./participant.ts";
import { Pending } from "./pending.ts";
import { scopes } from "./scope.ts";

/**
 * Posts take about 15 ms and 64 go at once, so these take an eighth of a second: as long as it takes to start workers. And they
 * are a page that one read brings.
 */
export const DEFAULT_FAN_OUT_THRESHOLD = 500;

/** What a step of the queue gives: `rest` goes on beside the next steps. */
export interface Step<T> {
  readonly rest: Promise<T> | T;
}

export interface InvocationOptions {
  readonly ports: Ports;
  /** Milliseconds since the epoch at which the invocation ends, whatever is still going on. */
  readonly deadline: number;
  /** How long un-awaited work may hold the invocation, in milliseconds. */
  readonly lingerMs: number;
  readonly hops?: number;
  /** As in {@link ServerOptions}. */
  readonly fanOutThreshold?: number;
  readonly beside?: Beside;
  /** Where the last answer to the invoking connection may go instead of a post. */
  readonly reply?: RouteResponse;
}

/**
 * One run of the function for one thing that happened, and everything that runs in it. All effects of the application
 * pass through here: they are done in call order, they are waited for, and after the end there are none.
 */
export class Invocation {
  readonly ports: Ports;
  readonly deadline: number;
  readonly posts: Posts;
  readonly offsets: Offsets;
  readonly inFlight = new InFlight();
  readonly fanOutThreshold: number;
  readonly hops: number;
  /** Sockets whose state is saved before the next effect, so that state and posts keep their order. */
  readonly sockets = new Set<Participant>();
  /** By namespace and inbox. */
  readonly outboxes = new Map<string, Outbox>();
  /** Variables that namespaces share. */
  readonly tenures = new Tenures(this);
  /** Acknowledgements that wait until shared variables are kept. */
  acksHeld = 0;
  /** `replay` while a socket's listeners run again: what code without a context does is judged by this. */
  mode: "live" | "replay" = "live";

  readonly #lingerMs: number;
  readonly #response: RouteResponse | undefined;
  readonly #pending = new Pending();
  /** Those called so far that are not done. */
  readonly #effects = new Set<Promise<unknown>>();
  #askers: (() => void)[] = [];
  readonly #main = new EffectQueue();
  readonly #timer = new AbortController();
  readonly #late: Promise<void>;
  #isLate = false;
  #ended = false;
  /** Effects that are its own by their context. */
  #own = 0;
  #handedOver: Promise<void> = Promise.resolve();
  readonly #idleWatch: IdleWatch;

  constructor(options: InvocationOptions) {
    this.ports = options.ports;
    this.deadline = options.deadline;
    this.hops = options.hops ?? 0;
    this.fanOutThreshold = options.fanOutThreshold ?? DEFAULT_FAN_OUT_THRESHOLD;
    this.posts = new Posts(options.ports, {
      reply: options.reply,
      onGone: (connectionId) => {
        for (const socket of this.sockets) if (socket.key.connectionId === connectionId) socket.lose();
      },
    });
    this.offsets = new Offsets(options.ports.clock);
    this.#response = options.reply;
    this.#lingerMs = options.lingerMs;
    const { clock } = options.ports;
    this.#late = clock.sleep(options.deadline - clock.now(), this.#timer.signal).then(() => {
      this.#isLate = !this.#timer.signal.aborted;
    });
    // After the timer of the deadline, which is no work of the application's.
    this.#idleWatch = new IdleWatch(this, this.#pending, options.beside);
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** How many answers wait for the end of the invocation. */
  get waitingAnswers(): number {
    return this.#response?.waiting ? 1 : 0;
  }

  /**
   * Its own work is done, and it is about to end. What is called without a context then is none of it: it would hold the
   * invocation for as long as such calls come.
   */
  get ending(): boolean {
    return this.#idleWatch.waiting && this.#own <= this.waitingAnswers;
  }

  /**
   * Does one effect in its turn. The step holds the queue until it has decided where things go; what it returns in
   * `rest`, typically posts, goes on beside the next steps.
   */
  act<T>(what: string, step: () => Promise<Step<T>>): Effect<T> {
    if (this.#ended) return this.refuseCall(what);
    this.flush();
    return this.#enqueue(what, step);
  }

  /** Does something whose effects all belong here in the order, although they are called later (see {@link EffectQueue}). */
  actInLane<T>(what: string, work: () => Promise<T>): Effect<T> {
    if (this.#ended) return this.refuseCall(what);
    this.flush();
    const lane = this.#lane.branch();
    const scope = { mode: "live" as const, ...scopes.getStore(), invocation: this, lane };
    const done = scopes.run(scope, work).finally(() => lane.close());
    return this.track(what, this.#countEffect(done));
  }

  /** Saves what the application changed in its sockets' state so far. */
  flush(): void {
    for (const socket of this.sockets) {
      const save = socket.takeChanges();
      if (save) void this.#enqueue("saving the state of a socket", async () => ({ rest: await save() }));
    }
  }

  /** Resolves when all effects that have been called so far are done, and their posts answered. */
  async effectsSoFar(): Promise<void> {
    this.flush();
    await Promise.allSettled(this.#effects);
  }

  /** Resolves when no effects are under way but acknowledgements that wait for shared variables. */
  async otherEffects(): Promise<void> {
    this.flush();
    while (this.#effects.size > this.acksHeld) await Promise.race([...this.#effects].map(settled));
  }

  /** Nothing of the application's is going on but those. */
  get isQuiet(): boolean {
    return this.#pending.size <= this.acksHeld && !this.#idleWatch.busy;
  }

  /** Waits as the clock does; it is no work of the application's. */
  async pause(ms: number, signal?: AbortSignal): Promise<void> {
    await this.#idleWatch.pause(ms, signal);
  }

  /** Somebody waits for a client's answer from here on. */
  noteAsk(): void {
    for (const tell of this.#askers.splice(0)) tell();
  }

  /** Resolves when somebody asks a client next. */
  asked(): Promise<void> {
    return new Promise((resolve) => this.#askers.push(resolve));
  }

  /** Work that the invocation waits for, beside the queue. Its failure is logged unless somebody awaits it. */
  track<T>(what: string, work: Promise<T>): Effect<T> {
    this.#pending.add(what, work);
    if (scopes.getStore()?.invocation === this) this.#countOwn(work);
    return Effect.of(work, (error) => {
      this.ports.log.error("SKY_EFFECT_FAILED", `${what} failed`, { error: describeError(error) });
    });
  }

  #countOwn(work: Promise<unknown>): void {
    const end = (): void => {
      this.#own--;
    };
    this.#own++;
    work.then(end, end);
  }

  /** What somebody gets who still holds on to this invocation after its end. */
  refuseCall<T>(what: string): Effect<T> {
    const error = new SkysocketError(
      "SKY_AFTER_INVOCATION",
      `${what} after the end of its event: on Lambda nothing runs between events. Await what you start in the handler; work that must wait belongs in a queue or a schedule.`,
    );
    return Effect.of(Promise.reject(error), () => this.ports.log.error(error.code, error.message));
  }

  /** All effects wait until the gate opens. */
  delayEffects(gate: Promise<void>): void {
    void this.#main.push(() => gate);
  }

  /** From here on, only what is started later counts as un-awaited work (replayed timers are none). */
  countFromHere(): void {
    this.#idleWatch.countFromHere();
  }

  /** Does something whose un-awaited work is not waited for; that of before still is. */
  async apartFromIdle(work: () => Promise<void>): Promise<void> {
    await this.#idleWatch.apart(work);
  }

  /** Waits until everything that was started so far is done, but no longer than `capMs` milliseconds for un-awaited work. */
  async quiet(capMs: number): Promise<void> {
    await this.#idleWatch.idle(capMs);
  }

  /** Our own handling of what happened, which may not outlast the deadline either. */
  async within(work: Promise<void>): Promise<void> {
    let done = false;
    const worked = work.finally(() => {
      done = true;
    });
    await Promise.race([worked, this.#late]);
    if (done) return;
    worked.catch(() => undefined); // nobody waits for it any more
    this.ports.log.error("SKY_DEADLINE", "the time of an event was over before it was handled");
  }

  /**
   * Waits until everything is done, then hands the connections found gone to another invocation.
   * @returns the frame for the route response, if there is a place for one and a frame that can take it
   */
  async finish(): Promise<string | undefined> {
    await Promise.race([this.#settle(), this.#late]);
    // After all effects: what others do next must not overtake them.
    await this.tenures.end();
    for (const socket of this.sockets) socket.reportLost();
    this.#timer.abort();
    if (this.#isLate && this.#pending.size > 0) {
      this.ports.log.error("SKY_DEADLINE", "the time of an event is over; what was still running is lost", {
        pending: this.#pending.names,
      });
    }
    this.#ended = true;
    const frame = this.#response?.take();
    await this.endGone();
    return frame;
  }

  get #lane(): EffectQueue {
    const scope = scopes.getStore();
    return (scope?.invocation === this && scope.lane) || this.#main;
  }

  #enqueue<T>(what: string, step: () => Promise<Step<T>>): Effect<T> {
    const turn = this.#lane.push(step);
    return this.track(what, this.#countEffect(turn.then(({ rest }) => rest)));
  }

  #countEffect<T>(effect: Promise<T>): Promise<T> {
    const end = (): boolean => this.#effects.delete(effect);
    this.#effects.add(effect);
    effect.then(end, end);
    return effect;
  }

  async #settle(): Promise<void> {
    const busy = await this.#idleWatch.idle(this.#lingerMs);
    if (busy.length === 0 || this.#ended) return;
    this.ports.log.warn(
      "SKY_LINGERING",
      `an event left work behind that still runs after ${this.#lingerMs} ms: it stops now. Await it in the handler; intervals belong in a schedule.`,
      { busy },
    );
  }

  /**
   * Hands the connections that posts have found gone to another invocation. When it resolves, all that were found before the
   * call have been handed over, also by calls before it: it is their turn first.
   */
  endGone(): Promise<void> {
    const handed = this.#handedOver.then(() => endGone(this.ports, this.posts, this.hops));
    this.#handedOver = handed.catch(() => undefined);
    return handed;
  }
}

const settled = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    () => undefined,
  );
