/** Probabilities, 0 to 1: each time the situation comes up, it happens or not. */
export interface ChaosChances {
  /** $disconnect is never invoked: AWS calls it best effort. */
  readonly loseDisconnect: number;
  /** A post gets 429, and a client's frame closes its connection with 1008. */
  readonly throttle: number;
  /** A post to a living connection gets 410 and is not delivered. */
  readonly staleGone: number;
  /** A post to a connection that is no more gets 200. */
  readonly deadOk: number;
  /** At a call of an AWS service the instance that makes it dies, and the call is not carried out. */
  readonly crashBeforeCall: number;
  /** SQS refuses a message of API Gateway's, as when it is throttled. */
  readonly refuseSends: number;
  /** The call is carried out, and the instance dies before it has the answer. */
  readonly crashAfterCall: number;
  /** At a call, nothing in the instance that makes it runs for up to `freezeMs`. */
  readonly freeze: number;
  /** An invocation gets 429, as when the account's concurrency is used up. */
  readonly throttleInvokes: number;
  /** A batch of a queue's messages is handed to the function a second time, after the first: its answer was lost. */
  readonly doubleDelivery: number;
  /** A receive takes one message of each group first, instead of all of one group: batches hold several connections. */
  readonly mixBatches: number;
}

/** Upper bounds in milliseconds of a random time. */
export interface ChaosDelays {
  /** Before a client's frame is handed to its function: frames overtake one another. */
  readonly reorderFramesMs: number;
  /** Before what API Gateway sends to a queue arrives there: sends of one connection overtake one another. */
  readonly overlapSendsMs: number;
  /** Before a post is delivered and answered: those that overlap overtake one another, those that await do not. */
  readonly reorderPostsMs: number;
  /** Before $disconnect is invoked. */
  readonly lateDisconnectMs: number;
  /** A frame is held back this long, or until its connection has ended: then $disconnect runs before it. */
  readonly earlyDisconnectMs: number;
  /** During which posts get 410 after the upgrade, on top of the usual delay. */
  readonly lateOpenMs: number;
  /** How far the clock of a function's new instance is off, forward or back. */
  readonly clockSkewMs: number;
  /** How long an instance freezes when it does. */
  readonly freezeMs: number;
  /** Between the receive of a batch and its invocation. */
  readonly slowLineMs: number;
}

export interface ChaosSettings extends ChaosChances, ChaosDelays {}

const CHAOS_OFF: ChaosSettings = {
  loseDisconnect: 0,
  throttle: 0,
  staleGone: 0,
  deadOk: 0,
  crashBeforeCall: 0,
  crashAfterCall: 0,
  refuseSends: 0,
  freeze: 0,
  throttleInvokes: 0,
  doubleDelivery: 0,
  mixBatches: 0,
  reorderFramesMs: 0,
  overlapSendsMs: 0,
  reorderPostsMs: 0,
  lateDisconnectMs: 0,
  earlyDisconnectMs: 0,
  lateOpenMs: 0,
  clockSkewMs: 0,
  freezeMs: 0,
  slowLineMs: 0,
};

/** Everything that can go wrong on AWS without being anyone's fault, each behind a switch; all are off at first. */
export class Chaos {
  /** Start of the random sequence. Two runs with one seed draw the same numbers, though real threads may ask in another order. */
  readonly seed: number;
  readonly #random: () => number;
  #settings: ChaosSettings = CHAOS_OFF;

  constructor(options: { readonly seed?: number; readonly settings?: Partial<ChaosSettings> } = {}) {
    this.seed = options.seed ?? Math.floor(Math.random() * 2 ** 32);
    this.#random = mulberry32(this.seed);
    if (options.settings) this.set(options.settings);
  }

  get settings(): ChaosSettings {
    return this.#settings;
  }

  /** Changes the named switches and leaves the others as they are. Throws on an unknown name or a value out of range. */
  set(changes: Partial<ChaosSettings>): void {
    for (const [name, value] of Object.entries(changes)) assertSwitch(name, value);
    this.#settings = { ...this.#settings, ...changes };
  }

  /** Switches everything off. */
  off(): void {
    this.#settings = CHAOS_OFF;
  }

  /** Whether it happens this time. */
  happens(name: keyof ChaosChances): boolean {
    const probability = this.#settings[name];
    return probability > 0 && this.#random() < probability;
  }

  /** Milliseconds to wait this time; 0 when switched off. */
  delayMs(name: Exclude<keyof ChaosDelays, "clockSkewMs">): number {
    const bound = this.#settings[name];
    return bound > 0 ? this.#random() * bound : 0;
  }

  /** Milliseconds that a new instance's clock is ahead (or, below 0, behind); 0 when switched off. */
  skewMs(): number {
    const bound = this.#settings.clockSkewMs;
    return bound > 0 ? Math.round((this.#random() * 2 - 1) * bound) : 0;
  }
}

function assertSwitch(name: string, value: unknown): void {
  if (!Object.hasOwn(CHAOS_OFF, name)) {
    throw new RangeError(
      `No chaos switch is called "${name}". There are: ${Object.keys(CHAOS_OFF).join(", ")}.`,
    );
  }
  const highest = name.endsWith("Ms") ? Number.MAX_SAFE_INTEGER : 1;
  if (typeof value !== "number" || !(value >= 0 && value <= highest)) {
    const allowed = highest === 1 ? "a probability from 0 to 1" : "a number of milliseconds, 0 or more";
    throw new RangeError(`The chaos switch "${name}" takes ${allowed}, but got ${String(value)}.`);
  }
}

/** Tommy Ettinger's Mulberry32: enough for chaos, and a seed is one number to print. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
