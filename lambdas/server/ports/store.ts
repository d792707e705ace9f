import type { EarlyFrame } from "./early.ts";
import type { InboxStore } from "./inbox.ts";
import type { Part, PartId } from "./parts.ts";
import type { Directive, Leaver, LogEnd, LogRow, Member, RoomName } from "./rooms.ts";
import type { SessionRecord } from "./sessions.ts";
import type { SharedStore } from "./shared.ts";
import type {
  ConnectionRecord,
  ConnectionView,
  DisconnectReason,
  Json,
  Leaving,
  LinePosition,
  NewSocket,
  OpenClaim,
  SocketKey,
  SocketRecord,
  SocketRooms,
  SocketView,
  StateChanges,
} from "./sockets.ts";

export interface Store extends InboxStore, SharedStore {
  // ── connections ──────────────────────────────────────────────────────────────────────────────────────────────────
  putConnection(record: ConnectionRecord): Promise<void>;
  /**
   * Takes it on to post the Engine.IO open packet. `claimed` for exactly one caller per living connection and turn; a turn can
   * be claimed when the one before it has been. `absent`: there is no row, or there was none a moment ago. `over`: it has ended, or
   * somebody else has the turn, or a later one.
   */
  claimOpen(connectionId: string, turn: number): Promise<OpenClaim>;
  /**
   * The connection and its sockets, of whatever phase, in one request: all of them, those of one namespace, or none (`null`).
   * Expired rows are not returned.
   */
  readConnection(connectionId: string, only?: string | null): Promise<ConnectionView>;
  /** Marks the connection as ending. True if this call did it; false if it is gone or was ending already. */
  sayBye(connectionId: string, reason: DisconnectReason, at: number): Promise<boolean>;
  /** All frames of the connection's line up to `done` have been worked through. Never goes back. */
  moveLine(connectionId: string, done: string): Promise<void>;
  /** The same for a client that counts its frames, and since when one is missing. What it says last stays, unless it goes back. */
  countLine(
    connectionId: string,
    position: Required<Pick<LinePosition, "done">> & Pick<LinePosition, "gap">,
  ): Promise<void>;
  /**
   * Takes it on to run a frame that was delivered before, once more; all before it are done. False if it, or a later one, was
   * taken on like that already, or the connection is gone.
   */
  claimRetry(connectionId: string, sequence: string): Promise<boolean>;
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
    unshared?: boolean,
  ): Promise<SocketRecord | undefined>;
  /** What the `disconnect` listeners of an ended socket have changed of shared variables is kept: removes `unshared`. */
  settleEnd(key: SocketKey, id: string): Promise<void>;
  readSocket(key: SocketKey): Promise<SocketRecord | undefined>;
  /** One read, however much state the socket has. */
  readRooms(key: SocketKey): Promise<SocketRooms | undefined>;
  /** Rows of several connections, with their connections; what is not there any more is left out. Any order. */
  readSockets(keys: readonly SocketKey[]): Promise<readonly SocketView[]>;
  /** Writes changed state. False if the row is gone or another socket's. */
  saveState(key: SocketKey, id: string, changes: StateChanges): Promise<boolean>;
  /** Adds rooms with their tokens while `open`. */
  addRooms(key: SocketKey, id: string, rooms: Readonly<Record<string, string>>): Promise<boolean>;
  /**
   * Removes rooms; with `leaving`, the socket's row remembers that it was in them.
   * @returns the tokens they had; a room that was not there is not in the result, nor is one whose removal was sent twice
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
  readMember(member: Pick<Member, "nsp" | "room" | "id">): Promise<Member | undefined>;
  /** Removes `hold` from the row if it still has this token. */
  releaseMember(member: Pick<Member, "nsp" | "room" | "id" | "token">): Promise<void>;
  /** Deletes the row if it still has this token. False if it has not: it is not there, or an earlier sending has deleted it. */
  deleteMember(member: Pick<Member, "nsp" | "room" | "id" | "token">): Promise<boolean>;
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
  /** What the room's log ends with, from `from` on (an offset, or the beginning of one). */
  readLogEnd(nsp: string, room: RoomName, from: string): Promise<LogEnd>;
  /** Notes who leaves a room, before its member row is deleted, for as long as workers can look for it. */
  putLeaver(leaver: Leaver): Promise<void>;

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

  // ── parts of packets with attachments; most are kept for a minute ──────────────────────────────────────────────────
  /**
   * Puts a part, unless there is one of this id and time.
   * @param how `inLine`: it is kept for as long as the queue keeps frames
   */
  putPart(
    part: Extract<Part, { kind: "header" | "attachment" }>,
    how?: { readonly inLine: boolean },
  ): Promise<void>;
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

  // ── frames that came before others that were sent earlier; each is kept for as long as the queue keeps frames ─────
  /** Puts them, or again. */
  putEarly(frames: readonly EarlyFrame[]): Promise<void>;
  /** All of the connection, by their count. */
  readEarly(connectionId: string): Promise<readonly EarlyFrame[]>;
  deleteEarly(frames: readonly Pick<EarlyFrame, "connectionId" | "count">[]): Promise<void>;
}
