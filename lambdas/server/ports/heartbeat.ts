import type { Clock, Log } from "./environment.ts";
import type { Gateway } from "./gateway.ts";
import type { ConnectionRecord } from "./sockets.ts";
import type { Tasks } from "./tasks.ts";

/** What the heartbeat needs from the outside; as in ports.ts, but for reads by the index, which may be a moment behind. */
export interface HeartbeatPorts {
  readonly store: HeartbeatStore;
  readonly gateway: Pick<Gateway, "post">;
  readonly tasks: Tasks;
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
}

/** As much of a connection as the index has. */
export type Pulse = Pick<ConnectionRecord, "connectionId" | "connectedAt" | "bye">;

export interface HeartbeatStore {
  /**
   * The connections made in a minute (counted from the epoch), in pages of any size. By the index: one that was just made may
   * be missing, one that has just ended may still be there.
   */
  listConnections(minute: number): AsyncIterable<readonly Pulse[]>;
  /** True if a socket was ever begun on the connection, whatever became of it. Consistent. */
  hasSocket(connectionId: string): Promise<boolean>;
  /**
   * Takes a minute's turn, unless it is done or another run has it. What becomes of it is kept for some minutes.
   * @param now milliseconds; who has it up to before then has died
   * @param until milliseconds: as long as this run has it
   * @returns all turns that are known, this one among them; undefined for who did not get it
   */
  claimTurn(minute: number, now: number, until: number): Promise<Turns | undefined>;
  /** These turns are done, and those before and after them by more than some minutes forgotten. */
  finishTurns(minutes: readonly number[], known: Turns): Promise<void>;
  /** This run did not do these turns: whoever comes may. */
  releaseTurns(minutes: readonly number[]): Promise<void>;
}

/** By minute: until when a run has the turn, in milliseconds; {@link DONE} for one that is done. */
export type Turns = ReadonlyMap<number, number>;

/** Later than any time, so that nobody takes a turn that is done. */
export const DONE = Number.MAX_SAFE_INTEGER;

/** Turns that are further away than this from the ones that are being done say nothing any more. In minutes. */
const TURNS_KEPT = 16;

/** The known turns that a store may forget with those that are done. */
export const forgettable = (done: readonly number[], known: Turns): number[] =>
  [...known.keys()].filter((minute) => done.every((one) => Math.abs(one - minute) > TURNS_KEPT));
