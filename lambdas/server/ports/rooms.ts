/** "Everyone in the namespace" is a room too; no application room can have this name, since it is not a string. */
export const EVERYONE: unique symbol = Symbol("everyone");

export type RoomName = string | typeof EVERYONE;

/** As it travels in tasks and messages. */
export type JsonRoom = string | null;

export const toJsonRoom = (room: RoomName): JsonRoom => (room === EVERYONE ? null : room);
export const ofJsonRoom = (room: JsonRoom): RoomName => room ?? EVERYONE;

export interface Member {
  readonly nsp: string;
  readonly room: RoomName;
  /** Socket id. */
  readonly id: string;
  readonly connectionId: string;
  readonly connectedAt: number;
  readonly token: string;
  /** The session that is being resumed on this connection: logged packets reach it through the log for now. */
  readonly hold?: string;
}

/** A member that has left a room which workers of a fan-out may still read. */
export interface Leaver extends Member {
  /** An offset: it was in the room until then. */
  readonly until: string;
}

/** The end of a room's log. */
export interface LogEnd {
  /** The offset of the last packet; absent where there is none from the place on that was asked for. */
  readonly last?: string;
  /** Workers may still read who is in the room: who leaves is to be noted. */
  readonly notesLeavers: boolean;
}

/** A packet that a room was sent, as long as a session can miss it. */
export interface LogRow {
  readonly nsp: string;
  readonly room: RoomName;
  /** The packet's offset. */
  readonly id: string;
  readonly frames: readonly string[];
  /** Rooms whose members were left out. */
  readonly except: readonly string[];
  /** When all posts had been answered, in milliseconds; absent while they have not, or if the emitter died. */
  readonly done?: number;
  /** Ids of sockets that were members, and whose connection did not take the packet. */
  readonly missed: readonly string[];
  /** Workers post it (see fan-out/fan-out.ts): perhaps minutes after its offset was made, and after later packets of its emitter. */
  readonly fannedOut?: boolean;
}

/** What sockets were told to do by `socketsJoin`, `socketsLeave` or `disconnectSockets`: see broadcast/directives.ts. */
export interface Directive {
  readonly nsp: string;
  /** An offset. */
  readonly id: string;
  /** When it was called for, if that was before it was put: an offset. */
  readonly at?: string;
  /** Rooms whose sockets were meant; none: everyone in the namespace. */
  readonly rooms: readonly string[];
  /** Rooms whose members were left out. */
  readonly except: readonly string[];
  /** `close`: `disconnect`, and the whole connection. */
  readonly act: "join" | "leave" | "disconnect" | "close";
  /** Rooms to join or to leave. */
  readonly names: readonly string[];
}
