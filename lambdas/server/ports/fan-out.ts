import type { Clock, Log } from "./environment.ts";
import type { Gateway } from "./gateway.ts";
import type { JsonRoom, Leaver, LogRow, Member, RoomName } from "./rooms.ts";
import type { Store } from "./store.ts";
import type { Tasks } from "./tasks.ts";

/** Socket ids from `from` on, up to but not including `to`; an end that is absent is open. Compared as strings, by their bytes. */
export interface SocketRange {
  readonly from?: string;
  readonly to?: string;
}

/**
 * A part of a fan-out: a range of sockets that one worker serves. A worker that finds too many hands ranges on; `path` tells
 * from whom a leg comes: `@` is the emitter's own, `@.3` the fourth that it handed on, `@.3.0` the first of that one.
 */
export interface LegKey {
  /** Of the fan-out. */
  readonly id: string;
  readonly path: string;
}

/** Ids of sockets that did not take the packet; `many` when there are more than a row should hold. */
export type Missed = readonly string[] | "many";

/** How far a leg is. */
export interface Leg {
  /** Sockets before it have been served. */
  readonly cursor?: string;
  /** Of those that have been served. */
  readonly missed: Missed;
  /** Its end, once a part of it was handed on. */
  readonly to?: string;
  /** Ranges handed on, in the order of their paths. */
  readonly branches: readonly SocketRange[];
  /** What is finished: `own`, and branches by their place. */
  readonly finished: Readonly<Record<string, Missed>>;
}

/** What a packet of a fan-out is, and to whom it goes. Travels as JSON. */
export interface FanOutMessage {
  readonly nsp: string;
  readonly rooms: readonly JsonRoom[];
  readonly except: readonly string[];
  readonly frames: readonly string[];
  /** The packet's offset, if it is in the logs of the rooms. */
  readonly offset?: string;
  /** It may be lost: tried once, and not where a session is being resumed. */
  readonly volatile?: boolean;
}

/** Work for one worker; travels as JSON. */
export interface FanOutTask extends LegKey, SocketRange {
  readonly task: "fan-out";
  /** Absent when it was too large for a task: then it is in the table. */
  readonly message?: FanOutMessage;
  /** About how many sockets a worker should serve. */
  readonly share: number;
  /** Milliseconds since the epoch after which nothing of the fan-out is posted any more. */
  readonly until: number;
  /** How many ends led to the emit, as in the task `end`. */
  readonly hops: number;
}

/** What a fan-out reads and writes of the table. All rows of one are kept for half an hour. */
export interface FanOutStore {
  /**
   * The members of a room in a range, as several sources that together have each once. In each they come in the order of their
   * ids, in pages of any size.
   * @param pageSize about how many are wanted first
   */
  listMembersInOrder(
    nsp: string,
    room: RoomName,
    range: SocketRange,
    pageSize?: number,
  ): readonly AsyncGenerator<readonly Member[]>[];
  /** Keeps a message (JSON text of any length) that is too large for a task. */
  putMessage(id: string, json: string): Promise<void>;
  readMessage(id: string): Promise<string | undefined>;
  /** Puts the emitter's leg, which nobody claims. */
  putRoot(id: string, branches: readonly SocketRange[]): Promise<void>;
  /**
   * Gives the leg to this worker until then (milliseconds).
   * @returns how far it is; undefined when another worker has it at this time
   */
  claimLeg(key: LegKey, claim: { readonly token: string; readonly until: number }): Promise<Leg | undefined>;
  /** Saves how far the leg is. False if another worker has it by now. */
  saveLeg(key: LegKey, token: string, change: Partial<Omit<Leg, "finished">>): Promise<boolean>;
  /**
   * Notes that the leg itself is finished (`own`, by the worker that has it) or the branch at that place. Any number of times.
   * @returns the leg after that; undefined if it is not there, or another worker has it
   */
  finishLeg(key: LegKey, part: string, missed: Missed, token?: string): Promise<Leg | undefined>;
  readLeg(key: LegKey): Promise<Leg | undefined>;
  /** Marks a row of the log: its packet may be posted after later ones of its emitter, see {@link LogRow}. */
  markFannedOut(row: Pick<LogRow, "nsp" | "room" | "id">): Promise<void>;
  /** Has those noted who leave the room from now on, for as long as workers can look for them; see `Store.putLeaver`. */
  noteLeavers(nsp: string, room: string): Promise<void>;
  /** Who has been noted as having left the room at this offset or later, in this order. */
  readLeavers(nsp: string, room: string, from: string): Promise<readonly Leaver[]>;
}

/** What an emitter needs to fan out. */
export interface FanOuts {
  readonly store: FanOutStore;
  /** Resolves when the task is accepted, not when it is done. */
  start(task: FanOutTask): Promise<void>;
}

/** What a worker needs from the outside. */
export interface FanOutPorts {
  readonly store: FanOutStore & Pick<Store, "leaveToResume" | "readSession" | "readRooms" | "finishLog">;
  readonly gateway: Pick<Gateway, "post">;
  /** Of the function that runs the application: ends the connections found gone. */
  readonly tasks: Tasks;
  readonly fanOuts: Pick<FanOuts, "start">;
  readonly clock: Pick<Clock, "now" | "sleep">;
  readonly log: Log;
}
