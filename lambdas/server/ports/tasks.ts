import type { JsonRoom } from "./rooms.ts";
import type { DisconnectReason, SocketKey } from "./sockets.ts";

/** A connection that is to end, with the member rows that led to it: rows of a crashed join are found only this way. */
export interface EndTarget {
  readonly connectionId: string;
  readonly members: readonly { readonly nsp: string; readonly room: JsonRoom; readonly id: string }[];
}

/** The rest of a resume that was longer than an invocation. */
export interface ResumeTask extends SocketKey {
  readonly task: "resume";
  readonly pid: string;
  /** Offset of the last packet that has been posted; absent when there is none, and the client had none either. */
  readonly after?: string;
  /** Packets that have been posted, and that going on from `after` would post again. */
  readonly posted: readonly string[];
  /** `until` of the session: one invocation claims the task by it. */
  readonly until: number;
  /** What that was before, as long as whoever started the task has not changed it: it may have died. */
  readonly was: number;
}

/** `disconnectSockets` of a process that may not have the `disconnect` listeners. */
export interface DisconnectTask {
  readonly task: "disconnect";
  readonly nsp: string;
  /** None are everyone. */
  readonly rooms: readonly string[];
  readonly except: readonly string[];
  /** Their connections too. */
  readonly close: boolean;
  /** When it was called for, an offset: tasks come late, and may come again. Who connected after that is not meant. */
  readonly at: string;
}

/** Sends the Engine.IO open packet (handlers/open.ts). */
export interface OpenTask {
  readonly task: "open";
  readonly connectionId: string;
  readonly sid: string;
  /** The turn of `claimOpen` that is next: 0, or absent, until the connection's row has been found. */
  readonly turn?: number;
  /** Since when it has waited for the row, or after turn 0 for the upgrade; absent at first. Milliseconds since the epoch. */
  readonly since?: number;
}

/** Work for another invocation of the socket function; travels as JSON. */
export type Task =
  | OpenTask
  | ResumeTask
  | DisconnectTask
  | {
      readonly task: "end";
      readonly targets: readonly EndTarget[];
      readonly reason: DisconnectReason;
      /** How many ends led to this one: in a mass disconnect, handlers that emit find more dead connections. */
      readonly hops: number;
    };

export interface Tasks {
  /** Resolves when the task is accepted, not when it is done. */
  start(task: Task): Promise<void>;
}
