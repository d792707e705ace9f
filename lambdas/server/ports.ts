/**
 * What the server needs from the outside, and nothing else. No AWS in here: `store/` and `gateway/` implement these
 * interfaces for DynamoDB and API Gateway, the tests implement them in memory.
 *
 * Every read is consistent and every method is one decision: where two invocations race, the method's result says who won.
 */
import type { FanOuts } from "./fan-out-ports.ts";
import type { InboxStore } from "./inbox-ports.ts";

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
  /** Set once the connection is ending: nothing new starts on it. */
  readonly bye?: { readonly reason: DisconnectReason; readonly at: number };
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
  /** Fingerprint of what the connection listeners did in their first run (see replay.ts). */
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

/** "Everyone in the namespace" is a room too; no application room can have this name, since it is not a string. */
export const EVERYONE: unique symbol = Symbol("everyone");
export type RoomName = string | typeof EVERYONE;

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

/** A session that can be resumed: which connection has it. Its state is in the socket's row. */
export interface SessionRecord {
  readonly pid: string;
  readonly nsp: string;
  /** The connection that has it, or is about to have it. */
  readonly connectionId: string;
  /** When that connection was made, in milliseconds: a later connection may take the session over. */
  readonly connectedAt: number;
  /** The connection with the latest row of the session's socket; another one while a resume has not committed. */
  readonly rowOn: string;
  /** Connections that claimed it since without having told that they committed, oldest first: one of them may have, and died. */
  readonly tried: readonly string[];
  readonly state: "live" | "resuming";
  /** Packets that emitters have left to the resume that is going on. */
  readonly pending: number;
  /** Milliseconds: a resume that has not come to its end by then is dead. */
  readonly until: number;
  /** How often it was resumed in the minute that began at `since`, in milliseconds; absent before the first time. */
  readonly resumes?: ResumeCount;
}

export interface ResumeCount {
  readonly since: number;
  readonly count: number;
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
  /** Workers post it (see fan-out.ts): perhaps minutes after its offset was made, and after later packets of its emitter. */
  readonly fannedOut?: boolean;
}

/** What sockets were told to do by `socketsJoin`, `socketsLeave` or `disconnectSockets`: see directives.ts. */
export interface Directive {
  readonly nsp: string;
  /** An offset. */
  readonly id: string;
  /** Rooms whose sockets were meant; none: everyone in the namespace. */
  readonly rooms: readonly string[];
  /** Rooms whose members were left out. */
  readonly except: readonly string[];
  /** `close`: `disconnect`, and the whole connection. */
  readonly act: "join" | "leave" | "disconnect" | "close";
  /** Rooms to join or to leave. */
  readonly names: readonly string[];
}

/** A leave that is to be remembered for recovery. */
export interface Leaving {
  /** An offset: packets up to it are still the socket's. */
  readonly until: string;
  /** Rooms left earlier that are to be forgotten, and the latest `until` of all that are forgotten. */
  readonly forget: readonly LeftRoom[];
  readonly forgotten?: string;
}

/**
 * A frame of a packet with attachments, kept until its packet is whole. `header` and `attachment` wait for the others; a
 * `done` is what a header becomes when its packet has been put together.
 */
export type Part = PartId &
  (
    | { readonly kind: "header"; readonly text: string; readonly attachments: number }
    | { readonly kind: "attachment"; readonly bytes: Uint8Array }
    | {
        readonly kind: "done";
        /** When the packet's last attachment was received; milliseconds. */
        readonly until: number;
        /** Ids of its attachments. */
        readonly taken: readonly string[];
      }
  );

export interface PartId {
  readonly connectionId: string;
  /** API Gateway's id of the message: the same frame handed over twice is one part. */
  readonly id: string;
  /** Milliseconds since the epoch by API Gateway's clock: when it received the frame. */
  readonly at: number;
}

export type OpenClaim = "claimed" | "absent" | "over";

export interface Store extends InboxStore {
  // ── connections ──────────────────────────────────────────────────────────────────────────────────────────────────
  putConnection(record: ConnectionRecord): Promise<void>;
  /**
   * Takes it on to post the Engine.IO open packet. `claimed` for exactly one caller per living connection and turn; a turn can
   * be claimed when the one before it has been. `absent`: there is no row, or not yet. `over`: it has ended, or somebody else
   * has the turn, or a later one.
   */
  claimOpen(connectionId: string, turn: number): Promise<OpenClaim>;
  /**
   * The connection and its sockets, of whatever phase, in one request: all of them, those of one namespace, or none (`null`).
   * Expired rows are not returned.
   */
  readConnection(connectionId: string, only?: string | null): Promise<ConnectionView>;
  /** Marks the connection as ending. True if this call did it; false if it is gone or was ending already. */
  sayBye(connectionId: string, reason: DisconnectReason, at: number): Promise<boolean>;
  deleteConnection(connectionId: string): Promise<void>;
  /** Deletes all rows of a connection, and the member rows that they name, also if they are of a format that nobody here reads. */
  clearConnection(connectionId: string): Promise<void>;

  // ── sockets; every change but the first is refused (false / undefined) when the row holds another socket id ───────
  /** Puts a `connecting` row if there is none or only an `ended` one. */
  beginSocket(socket: NewSocket): Promise<boolean>;
  /** `connecting` → `open`, unless `bye` came first. `running` as in {@link SocketRecord}. */
  openSocket(
    key: SocketKey,
    id: string,
    commit: Pick<
      SocketRecord,
      "rooms" | "data" | "props" | "rerunMiddlewares" | "resuming" | "left" | "forgotten"
    > & {
      /** Another token for the membership in everyone than the row began with. */
      readonly token?: string;
      readonly running: number;
    },
  ): Promise<boolean>;
  /**
   * The connection listeners have settled: removes `running`, keeps what replay needs.
   * @returns the rooms at that moment; undefined if the socket is no longer open
   */
  settleSocket(
    key: SocketKey,
    id: string,
    run: Pick<SocketRecord, "trace" | "answers">,
  ): Promise<SocketRecord["rooms"] | undefined>;
  /** What the socket missed has been sent: removes `resuming`. The rooms at that moment; undefined if it is not open. */
  endResuming(key: SocketKey, id: string): Promise<SocketRecord["rooms"] | undefined>;
  /** Removes a `connecting` row whose listeners have not run. */
  dropSocket(key: SocketKey, id: string): Promise<void>;
  /** Tells a `connecting` row that its connection is ending. False if it is not `connecting` (any more). */
  forbidSocket(key: SocketKey, id: string, reason: DisconnectReason): Promise<boolean>;
  /**
   * `open` → `ended`, and `connecting` → `ended` when asked for. The record as it was at that moment, for the one caller that did
   * it; undefined for all others.
   */
  endSocket(
    key: SocketKey,
    id: string,
    reason: DisconnectReason,
    at: number,
    from?: "open" | "open or connecting",
  ): Promise<SocketRecord | undefined>;
  readSocket(key: SocketKey): Promise<SocketRecord | undefined>;
  /** One read, however much state the socket has. */
  readRooms(key: SocketKey): Promise<Pick<SocketRecord, "id" | "rooms"> | undefined>;
  /** Rows of several connections, with their connections; what is not there any more is left out. Any order. */
  readSockets(keys: readonly SocketKey[]): Promise<readonly SocketView[]>;
  /** Writes changed state. False if the row is gone or another socket's. */
  saveState(key: SocketKey, id: string, changes: StateChanges): Promise<boolean>;
  /** Adds rooms with their tokens while `open`. */
  addRooms(key: SocketKey, id: string, rooms: Readonly<Record<string, string>>): Promise<boolean>;
  /**
   * Removes rooms; with `leaving`, the socket's row remembers that it was in them.
   * @returns the tokens they had; a room that was not there is not in the result
   */
  removeRooms(
    key: SocketKey,
    id: string,
    rooms: readonly string[],
    leaving?: Leaving,
  ): Promise<Readonly<Record<string, string>>>;
  /** True for the one caller that may run the `once` listener called `name`. */
  claimOnce(key: SocketKey, id: string, name: string): Promise<boolean>;

  // ── members ──────────────────────────────────────────────────────────────────────────────────────────────────────
  putMember(member: Member): Promise<void>;
  /** Puts the row of a session's socket, which has `hold` while it is resumed, unless there is one of a later connection. */
  holdMember(member: Member): Promise<void>;
  /** Removes `hold` from the row if it still has this token. */
  releaseMember(member: Pick<Member, "nsp" | "room" | "id" | "token">): Promise<void>;
  /** Deletes the row if it still has this token. */
  deleteMember(member: Pick<Member, "nsp" | "room" | "id" | "token">): Promise<void>;
  /** Deletes the row if it still names this connection, whatever its token (a member found to be dead). */
  deleteMemberOf(connectionId: string, member: Pick<Member, "nsp" | "room" | "id">): Promise<void>;
  /** All members, in pages of at most 1 MB; the shards of EVERYONE are the store's business. */
  listMembers(nsp: string, room: RoomName): AsyncIterable<readonly Member[]>;

  // ── sessions of connection state recovery ─────────────────────────────────────────────────────────────────────────
  /** Puts a session that begins, `live` on its connection. It expires at `expiresAt`, in milliseconds. */
  putSession(
    session: Pick<SessionRecord, "pid" | "nsp" | "connectionId" | "connectedAt">,
    expiresAt: number,
  ): Promise<void>;
  readSession(pid: string): Promise<SessionRecord | undefined>;
  /**
   * Gives the session to a later connection, `resuming` with nothing pending. False if another has it by now: the session is
   * not as it was `seen`, or that connection is not later.
   */
  claimSession(
    seen: Pick<SessionRecord, "pid" | "connectionId" | "rowOn">,
    claim: Pick<SessionRecord, "connectionId" | "connectedAt" | "rowOn" | "tried" | "until" | "resumes">,
    expiresAt: number,
  ): Promise<boolean>;
  /** `resuming` → `live`, and the row is now on this connection; unless it is another's or more than `pending` packets wait. */
  goLive(session: Pick<SessionRecord, "pid" | "connectionId" | "pending">): Promise<boolean>;
  /**
   * Gives the resume of this connection more time, and tells where the row is. False if it is not resuming there any more, or
   * its `until` is another than was `seen`: whoever runs a part of a resume claims it this way.
   */
  prolongResume(
    seen: Pick<SessionRecord, "pid" | "connectionId" | "until">,
    change: Pick<SessionRecord, "until"> & Partial<Pick<SessionRecord, "rowOn">>,
  ): Promise<boolean>;
  /** Leaves a packet, which is in the log, to the resume. False if none is going on there at the time `now` (milliseconds). */
  leaveToResume(session: Pick<SessionRecord, "pid" | "connectionId">, now: number): Promise<boolean>;
  /** Forgets the session if this connection has it: its client left on purpose. */
  deleteSession(session: Pick<SessionRecord, "pid" | "connectionId">): Promise<void>;

  // ── the log of rooms ──────────────────────────────────────────────────────────────────────────────────────────────
  /** Puts a packet that is about to be posted. It expires at `expiresAt`, in milliseconds. */
  putLog(row: Omit<LogRow, "done" | "missed">, expiresAt: number): Promise<void>;
  /** All posts have been answered. */
  finishLog(
    row: Pick<LogRow, "nsp" | "room" | "id"> & Required<Pick<LogRow, "done" | "missed">>,
  ): Promise<void>;
  /** The room's packets from `from` to `to` (offsets, or beginnings of them; both inclusive), by id, in pages of at most 1 MB. */
  listLog(nsp: string, room: RoomName, from: string, to?: string): AsyncIterable<readonly LogRow[]>;

  // ── what sockets were told that have no member rows ──────────────────────────────────────────────────────────────
  /** Puts a directive. It expires at `expiresAt`, in milliseconds. */
  putDirective(directive: Directive, expiresAt: number): Promise<void>;
  /** Those of a namespace from `from` on (an offset, or the beginning of one), by id. */
  readDirectives(nsp: string, from: string): Promise<readonly Directive[]>;

  // ── answers to what the server asked clients ──────────────────────────────────────────────────────────────────────
  /** Notes that clients of a namespace are about to be asked something; answers are taken until then, in milliseconds. */
  putAsk(nsp: string, askId: number, until: number): Promise<void>;
  /** Keeps a client's answer for a minute, if it was asked. The first one stays: a client answers once. */
  putAnswer(socket: Pick<SocketRecord, "nsp" | "id">, askId: number, args: Json): Promise<void>;
  readAnswer(socketId: string, askId: number): Promise<Json | undefined>;

  // ── parts of packets with attachments; each is kept for a minute ──────────────────────────────────────────────────
  /** Puts a part, unless there is one of this id and time. */
  putPart(part: Extract<Part, { kind: "header" | "attachment" }>): Promise<void>;
  /** All parts of the connection by the time they were received; of one time, in any order. */
  readParts(connectionId: string): Promise<readonly Part[]>;
  /** True for exactly one caller: its packet is this header with the attachments `taken`. The header becomes a `done`. */
  claimPacket(
    header: PartId,
    packet: { readonly until: number; readonly taken: readonly string[] },
  ): Promise<boolean>;
  deleteParts(parts: readonly PartId[]): Promise<void>;
  /** True for one caller in ten seconds: the one that tells the client's sockets that its parts make no packet. */
  claimRefusal(connectionId: string): Promise<boolean>;
}

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

export type PostAnswer = "ok" | "gone" | "refused";

export interface PostOptions {
  /** One try: what API Gateway is too busy for is `refused`, whoever's fault it is. */
  readonly once?: boolean;
  /** Called, perhaps several times, when a try was refused as those of others are not: it may take a while. */
  readonly onSlow?: () => void;
}

export interface Gateway {
  /**
   * Sends one text frame. `gone`: there is no such connection, though it may be only not there yet, or the answer may
   * be stale (docs/ARCHITECTURE.md); it is a value, since a peer that went away is no fault. `refused`: it was not taken in all
   * tries, though that of others is: the client does not read. Other failures throw.
   */
  post(connectionId: string, frame: string, how?: PostOptions): Promise<PostAnswer>;
  /** Closes the connection; one that is gone already is no fault. */
  close(connectionId: string): Promise<void>;
}

/** A connection that is to end, with the member rows that led to it: rows of a crashed join are found only this way. */
export interface EndTarget {
  readonly connectionId: string;
  /** `room: null` is EVERYONE (a task travels as JSON). */
  readonly members: readonly { readonly nsp: string; readonly room: string | null; readonly id: string }[];
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
  /** Milliseconds since the epoch: tasks come late, and may come again. Who connected after that is not meant. */
  readonly before: number;
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

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** By how much it may be ahead of others at most, in milliseconds; absent where that is no more than is tolerated. */
  readonly aheadMs?: number;
  /** Resolves after `ms` milliseconds, or at once when `signal` aborts: a timer left behind would hold the process. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Resolves when everything that is ready to run has run: after the microtasks, before any timer. */
  turn(): Promise<void>;
}

export interface Log {
  /** `code` is stable and listed in docs/ERRORS.md; `details` are for the reader of the log. */
  error(code: string, message: string, details?: Readonly<Record<string, unknown>>): void;
  warn(code: string, message: string, details?: Readonly<Record<string, unknown>>): void;
}

/** Everything at once: made by the composition root (runtime.ts), handed to each invocation. */
export interface Ports {
  readonly store: Store;
  readonly gateway: Gateway;
  readonly tasks: Tasks;
  /** Workers for large rooms. Where there are none, each event posts to all of its receivers itself. */
  readonly fanOuts?: FanOuts;
  readonly clock: Clock;
  readonly log: Log;
  /** What holds the process's event loop right now, by kind (`process.getActiveResourcesInfo()` on Lambda). */
  readonly activeResources: () => readonly string[];
}
