import { scopes } from "../../lambdas/server/invocation/scope.ts";
import type { Peer, SimulatedCloud, SimulatedConnection } from "./simulated-cloud.ts";
import { Life, type Simulation } from "./simulation.ts";

/** One connection of a device. */
export interface Session {
  /** Deliveries after which the network is cut. */
  readonly cutAfter: number;
  /** When the gateway notices that, in milliseconds. */
  readonly noticedAfter: number;
  /** With this probability a delivery is never acknowledged. */
  readonly ignores: number;
}

const STAYS: Session = { cutAfter: Number.POSITIVE_INFINITY, noticedAfter: 0, ignores: 0 };
/** A client gives up waiting for the server after this, in milliseconds. */
const PATIENCE_MS = 20_000;
/** A connection that is to be cut lasts this long at most, in milliseconds. */
const SESSION_MS = 60_000;
/** From a post to the invocation of its acknowledgement, at least: longer than clocks are apart (see docs/architecture/inboxes.md). */
export const ANSWER_MS = 10;
const life = new Life();

/** A client's end of a connection: resolves what waits for a kind of frame. */
class Watcher implements Peer {
  readonly #onFrame: (frame: string) => void;
  readonly #frames: string[] = [];
  #waiting: { readonly prefix: string; readonly done: (came: boolean) => void } | undefined;
  #over = false;
  readonly #onEnd: () => void;

  constructor(onFrame: (frame: string) => void, onEnd: () => void) {
    this.#onFrame = onFrame;
    this.#onEnd = onEnd;
  }

  receive(frame: string): void {
    this.#frames.push(frame);
    // A client is no part of the invocation that posts to it.
    scopes.exit(() => {
      this.#onFrame(frame);
      if (this.#waiting && frame.startsWith(this.#waiting.prefix)) this.#waiting.done(true);
    });
  }

  closed(): void {
    this.#over = true;
    scopes.exit(() => {
      this.#waiting?.done(false);
      this.#onEnd();
    });
  }

  /** Until a frame of this kind came; false if the connection is over before, or it takes too long. */
  async until(simulation: Simulation, prefix: string): Promise<boolean> {
    if (this.#over) return false;
    if (this.#frames.some((frame) => frame.startsWith(prefix))) return true;
    const timer = new AbortController();
    const came = new Promise<boolean>((done) => {
      this.#waiting = { prefix, done };
    });
    const late = simulation
      .clock(life)
      .sleep(PATIENCE_MS, timer.signal)
      .then(() => false);
    const result = await Promise.race([came, late]);
    timer.abort();
    return result;
  }
}

/** A client that is connected to "/", tried again as clients do. */
async function connected(
  cloud: SimulatedCloud,
  simulation: Simulation,
  auth: object,
  watch: () => Watcher,
): Promise<SimulatedConnection> {
  for (;;) {
    await simulation.point(life);
    const peer = watch();
    const connection = await cloud.connect(peer);
    if (!connection) continue;
    if (await peer.until(simulation, "0")) {
      cloud.send(connection, `40${JSON.stringify(auth)}`);
      if (await peer.until(simulation, "40")) return connection;
    }
    cloud.close(connection, 1006);
  }
}

const nothing = (): void => undefined;

/** Sends a `put` for each list of values, all at once. */
export async function emitter(
  cloud: SimulatedCloud,
  simulation: Simulation,
  puts: readonly (readonly number[])[],
): Promise<void> {
  const connection = await connected(cloud, simulation, {}, () => new Watcher(nothing, nothing));
  for (const values of puts) cloud.send(connection, `42${JSON.stringify(["put", values])}`);
}

/** A client that opens the inbox whenever it is connected, and acknowledges what it gets at once. */
export class Device {
  readonly window: number;
  readonly acknowledged = new Set<number>();
  /** By connection, in the order of arrival. */
  readonly received: number[][] = [];
  /** Events that came a second time on the same connection. */
  twice = 0;
  /** Different events that one connection had unacknowledged at a time. */
  mostOutstanding = 0;
  readonly #cloud: SimulatedCloud;
  readonly #simulation: Simulation;
  #stopped = false;
  #connection: SimulatedConnection | undefined;

  constructor(cloud: SimulatedCloud, simulation: Simulation, window: number) {
    this.#cloud = cloud;
    this.#simulation = simulation;
    this.window = window;
  }

  async run(sessions: readonly Session[]): Promise<void> {
    for (const session of sessions) await this.#connect(session);
    while (!this.#stopped) await this.#connect(STAYS);
  }

  /** The client is switched off. */
  stop(): void {
    this.#stopped = true;
    if (this.#connection) this.#cloud.close(this.#connection, 1006);
  }

  /** Resolves when the connection is over, if it ever is. */
  async #connect(session: Session): Promise<void> {
    let over = nothing;
    const end = new Promise<void>((resolve) => {
      over = resolve;
    });
    let connection: SimulatedConnection | undefined;
    connection = await connected(this.#cloud, this.#simulation, { window: this.window }, () => {
      const received: number[] = [];
      this.received.push(received);
      const outstanding = new Set<number>();
      const onFrame = (frame: string): void => {
        const [, id, json] = /^42(\d+)(\[.*)$/.exec(frame) ?? [];
        if (id === undefined || json === undefined) return;
        const value: number = JSON.parse(json)[1];
        if (received.includes(value)) this.twice++;
        received.push(value);
        outstanding.add(value);
        this.mostOutstanding = Math.max(this.mostOutstanding, outstanding.size);
        void this.#answer(() => connection, session, { id, value, outstanding });
        if (received.length <= session.cutAfter || !connection) return;
        this.#cloud.cut(connection, session.noticedAfter);
        over();
      };
      return new Watcher(onFrame, () => over());
    });
    this.#connection = connection;
    if (session !== STAYS) void this.#cutLater(connection, session, over);
    await end;
  }

  /** A session that gets nothing more, for example since it does not acknowledge what it got, is cut too. */
  async #cutLater(connection: SimulatedConnection, session: Session, over: () => void): Promise<void> {
    await this.#simulation.clock(life).sleep(SESSION_MS);
    if (connection.open && !connection.cut) this.#cloud.cut(connection, session.noticedAfter);
    over();
  }

  async #answer(
    connection: () => SimulatedConnection | undefined,
    { ignores }: Session,
    { id, value, outstanding }: { id: string; value: number; outstanding: Set<number> },
  ): Promise<void> {
    await this.#simulation.clock(life).sleep(ANSWER_MS);
    const on = connection();
    if (!on?.open || on.cut || this.#simulation.chance(ignores)) return;
    outstanding.delete(value);
    this.acknowledged.add(value);
    this.#cloud.send(on, `43${id}[]`);
  }
}
