/** Why a socket ended, in Socket.IO's own words. */
export type DisconnectReason =
  | "transport error"
  | "transport close"
  | "forced close"
  | "ping timeout"
  | "parse error"
  | "server shutting down"
  | "forced server close"
  | "client namespace disconnect"
  | "server namespace disconnect";

/** JSON text. Kept as text from the table to the server, so that a value is parsed once and compared without parsing. */
export type Json = string;

/** What is known of a connection since its $connect. */
export interface ConnectionRecord {
  readonly connectionId: string;
  /** Engine.IO session id: the `sid` of the open packet, never shown to other clients. */
  readonly sid: string;
  /** Milliseconds since the epoch, as API Gateway said at $connect. */
  readonly connectedAt: number;
  /** The part of `socket.handshake` that comes from the upgrade request. */
  readonly handshake: Json;
  /** Set once an invocation has taken it on to send the open packet. */
  readonly opened?: true;
  /** How far the frames of its line have come, as far as the table knows (see handlers/line/position.ts); absent at first. */
  readonly line?: LinePosition;
  /** Set once the connection is ending: nothing new starts on it. */
  readonly bye?: { readonly reason: DisconnectReason; readonly at: number };
}

/** Places of frames: sequence numbers of the queue, or counts of the client (see handlers/line/messages.ts). All compare as texts. */
export interface LinePosition {
  /** All up to this one are done. */
  readonly done?: string;
  /** The last one that was begun after it had been delivered before. */
  readonly retried?: string;
  /** Since when frames are kept that came before the next one, in milliseconds; absent if there are none. */
  readonly gap?: number;
}

/** Names one socket row: a connection has at most one socket per namespace. */
export interface SocketKey {
  readonly connectionId: string;
  readonly nsp: string;
}

/**
 * `connecting`: middlewares are done, the listeners have not committed yet. `open`: events run. `ended`: kept until its
 * TTL so that late events are told from early ones, and so that a session can be restored from it.
 */
export type SocketPhase = "connecting" | "open" | "ended";

export interface SocketRecord extends SocketKey {
  readonly id: string;
  readonly phase: SocketPhase;
  /** Milliseconds. `connecting`: nobody waits for the commit after this. */
  readonly deadline: number;
  /** Milliseconds; absent when the connection listeners have settled. Events wait for that, but not longer than this. */
  readonly running?: number;
  readonly auth: Json;
  /** `socket.data`, by top-level key. */
  readonly data: Readonly<Record<string, Json>>;
  /** JSON-able properties the application set on the socket itself (`socket.username = …`), by name. */
  readonly props: Readonly<Record<string, Json>>;
  /** Room name to join token: decides a join against a leave of the same room that race. */
  readonly rooms: Readonly<Record<string, string>>;
  /** Token of the membership in "everyone", which is no room of `rooms`. */
  readonly token: string;
  /** `once` listeners that have run. */
  readonly spent: readonly string[];
  /** What the connection listeners got from outside in their first run, in the order they asked for it. */
  readonly answers: readonly Json[];
  /** Fingerprint of what the connection listeners did in their first run (see application/replay.ts). */
  readonly trace: string;
  /** True when middlewares left something that no row can hold, so that replay must run them again. */
  readonly rerunMiddlewares: boolean;
  /** Which of the application's functions for dynamic namespaces let it in, by their order; absent for other namespaces. */
  readonly place?: number;
  /** Set on a `connecting` socket whose connection ended: its commit fails. Also why an `ended` one ended. */
  readonly bye?: DisconnectReason;
  /** When an `ended` one ended, in milliseconds. */
  readonly endedAt?: number;
  /** Set on an `ended` one that was `connecting` until then: it holds nothing of what its listeners did. */
  readonly neverOpened?: true;
  /** Set on an `ended` one whose `disconnect` listeners' changes of shared variables are not known to be kept. */
  readonly unshared?: true;
  /** Its session, when connection state recovery is on. */
  readonly pid?: string;
  /** True when it went on with a session: `socket.recovered`. */
  readonly recovered?: boolean;
  /** True while what it missed is still being sent: live packets must not overtake that (see recovery/hold.ts). */
  readonly resuming?: boolean;
  /** Rooms it was in before, with recovery on: see {@link LeftRoom}. */
  readonly left?: readonly LeftRoom[];
  /** Offset up to which rooms it was in before have been forgotten: nobody can resume from before it. */
  readonly forgotten?: string;
  /** Inboxes that it has open, by the slot of their acknowledgements; absent if it never opened one. */
  readonly inboxes?: Readonly<Record<string, string>>;
  /** The number of the next inbox that it opens; absent before the first. */
  readonly nextInbox?: number;
}

/** In which rooms a socket is and was. */
export type SocketRooms = Pick<SocketRecord, "id" | "phase" | "token" | "rooms" | "left">;

/** A socket was in the room from its join, which the token tells, until it left. */
export interface LeftRoom {
  readonly room: string;
  readonly token: string;
  /** An offset. */
  readonly until: string;
}

/** What a row is created with; the rest starts empty. */
export type NewSocket = Pick<
  SocketRecord,
  "connectionId" | "nsp" | "id" | "deadline" | "auth" | "token" | "place" | "pid" | "recovered"
> & {
  /** Milliseconds since the epoch at which the connection cannot live any more; the row's TTL is derived from it. */
  readonly expiresAt: number;
};

/** Changes of state by top-level key; `undefined` removes the key. Untouched keys stay as others wrote them. */
export interface StateChanges {
  readonly data?: Readonly<Record<string, Json | undefined>>;
  readonly props?: Readonly<Record<string, Json | undefined>>;
}

/** A leave that is to be remembered for recovery. */
export interface Leaving {
  /** An offset: packets up to it are still the socket's. */
  readonly until: string;
  /** Rooms left earlier that are to be forgotten, and the latest `until` of all that are forgotten. */
  readonly forget: readonly LeftRoom[];
  readonly forgotten?: string;
}

export type OpenClaim = "claimed" | "absent" | "over";

export interface ConnectionView {
  readonly connection: ConnectionRecord | undefined;
  readonly sockets: readonly SocketRecord[];
  /** How many the connection has in all namespaces, those included that have ended. */
  readonly socketCount: number;
}

export interface SocketView {
  readonly connection: ConnectionRecord;
  readonly socket: SocketRecord;
}
