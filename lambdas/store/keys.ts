import { createHash } from "node:crypto";
import type { EarlyFrame } from "../server/ports/early.ts";
import type { LegKey } from "../server/ports/fan-out.ts";
import type { InboxEvent, InboxName, InboxOpener } from "../server/ports/inbox.ts";
import type { PartId } from "../server/ports/parts.ts";
import {
  type Directive,
  EVERYONE,
  type Leaver,
  type LogRow,
  type Member,
  type RoomName,
} from "../server/ports/rooms.ts";
import type { SocketKey } from "../server/ports/sockets.ts";

/** All keys of the table are built here, so that one look shows that no two things share one. */
export interface Key {
  readonly pk: string;
  readonly sk: string;
}

/** DynamoDB's limits for key values, in UTF-8 bytes. */
const MAX_PK_BYTES = 2048;
const MAX_SK_BYTES = 1024;

/** Writes to one partition end at 1,000 units a second; 500 connects and as many ends a second exceed that in one key. */
export const EVERYONE_SHARDS = 4;

/**
 * Of the connections made in one minute, which are one key of the heartbeat's index. Each is up to three writes of it (made, `bye`,
 * deleted), and an index that cannot keep up throttles the table.
 */
export const HEARTBEAT_SHARDS = 4;

/** Stands for the empty name: a lone `%` is no escape sequence, and DynamoDB takes no empty keys. */
const EMPTY = "%";

/**
 * Makes any JavaScript string a key part, two strings never the same one. Escaped are the separator `#`, the mark of hashes `~`,
 * control characters, and lone surrogates: these have no UTF-8 form, and all of them would become U+FFFD on the way.
 */
export function escapeName(name: string): string {
  if (name === "") return EMPTY;
  return name.replace(
    /[%#~\p{Cc}\p{Cs}]/gu,
    (char) => `%${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

export function unescapeName(escaped: string): string {
  if (escaped === EMPTY) return "";
  return escaped.replace(/%([0-9a-f]{4})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/**
 * `<kind>#<part>#<part>`, or `<kind>~<hash>` where that is too long. No unhashed key can look like a hashed one: after its
 * kind comes `#`, and parts hold no `~`.
 */
function build(kind: string, parts: readonly string[], maxBytes: number): string {
  const plain = [kind, ...parts.map(escapeName)].join("#");
  if (Buffer.byteLength(plain) <= maxBytes) return plain;
  return `${kind}~${createHash("sha256").update(plain).digest("base64url")}`;
}

export function connectionPk(connectionId: string): string {
  return build("C", [connectionId], MAX_PK_BYTES);
}

/** The connection id of a {@link connectionPk}. API Gateway's ids are short: none is ever hashed. */
export function connectionIdOf(pk: string): string {
  return unescapeName(pk.slice("C#".length));
}

/** Sorts before everything else of the connection. */
export const CONNECTION_SK = "@";

export function connectionKey(connectionId: string): Key {
  return { pk: connectionPk(connectionId), sk: CONNECTION_SK };
}

export function socketKey({ connectionId, nsp }: SocketKey): Key {
  return { pk: connectionPk(connectionId), sk: build("S", [nsp], MAX_SK_BYTES) };
}

/** With what the sort keys of sockets begin, and of nothing else of a connection. */
export const SOCKET_SK = "S";

/** Sorts before the socket rows: a page that shows a socket has shown the asides that it refers to, but for those of this moment. */
export function asideKey(connectionId: string, aside: string): Key {
  return { pk: connectionPk(connectionId), sk: `D#${aside}` };
}

/**
 * A large `auth` of a client, in a partition of its own: each event reads the whole of the other, with the sockets of all namespaces,
 * and clients decide how many those are and what they say there.
 */
export function authKey(connectionId: string, aside: string): Key {
  return { pk: build("U", [connectionId], MAX_PK_BYTES), sk: `D#${aside}` };
}

export type ItemKind = "connection" | "socket" | "aside" | "other";

export function kindOfConnectionItem(sk: string): ItemKind {
  if (sk === CONNECTION_SK) return "connection";
  if (sk.startsWith(SOCKET_SK)) return "socket";
  return sk.startsWith("D#") ? "aside" : "other";
}

/** The token that {@link asideKey} or {@link authKey} was made with. */
export function asideOf(sk: string): string {
  return sk.slice("D#".length);
}

/** What a row must hold besides its sort key to give the name back: nothing, unless the sort key is a hash. */
export function hashedName(sk: string, name: string): { readonly name?: string } {
  return isHashed(sk) ? { name: escapeName(name) } : {};
}

function isHashed(sk: string): boolean {
  return /^[A-Z]?~/.test(sk);
}

/** The namespace of a socket row; `name` is the attribute that {@link hashedName} made. */
export function namespaceOf(sk: string, name: string | undefined): string {
  return unescapeName(name ?? sk.slice("S#".length));
}

/** The partition keys of a room: one, or as many as EVERYONE has shards. */
export function roomPks(nsp: string, room: RoomName): readonly string[] {
  if (room !== EVERYONE) return [build("R", [nsp, room], MAX_PK_BYTES)];
  return Array.from({ length: EVERYONE_SHARDS }, (_, shard) => everyonePk(nsp, shard));
}

function everyonePk(nsp: string, shard: number): string {
  return build("E", [String(shard), nsp], MAX_PK_BYTES);
}

function shardOf(socketId: string): number {
  const hash = createHash("sha256").update(escapeName(socketId)).digest();
  return (hash[0] ?? 0) % EVERYONE_SHARDS;
}

/** The sort key is the bare socket id: random, so that DynamoDB can split a big room and readers can divide its range. */
export function memberKey({ nsp, room, id }: Pick<Member, "nsp" | "room" | "id">): Key {
  const pk = room === EVERYONE ? everyonePk(nsp, shardOf(id)) : build("R", [nsp, room], MAX_PK_BYTES);
  return { pk, sk: socketIdSk(id) };
}

function socketIdSk(id: string): string {
  const sk = escapeName(id);
  if (Buffer.byteLength(sk) <= MAX_SK_BYTES) return sk;
  return `~${createHash("sha256").update(sk).digest("base64url")}`;
}

/** The socket id of a member row. */
export function memberIdOf(sk: string, name: string | undefined): string {
  return unescapeName(name ?? sk);
}

export function sessionKey(pid: string): Key {
  return { pk: build("P", [pid], MAX_PK_BYTES), sk: "@" };
}

/** What a room was sent. That of everyone is one partition, unlike its members: it is read in its order. */
export function logPk(nsp: string, room: RoomName): string {
  return room === EVERYONE ? build("G", [nsp], MAX_PK_BYTES) : build("L", [nsp, room], MAX_PK_BYTES);
}

/** Sorts by the offset, which is short. */
export function logKey({ nsp, room, id }: Pick<LogRow, "nsp" | "room" | "id">): Key {
  return { pk: logPk(nsp, room), sk: escapeName(id) };
}

/** Sorts after all packets, and before {@link LEAVERS_NOTED_SK}. */
const AFTER_PACKETS = "~";

/** The sort keys from `from` to `to`; also those that begin with `to`, since none of them holds a `~`. */
export function logRange(
  from: string,
  to: string | undefined,
): { readonly from: string; readonly to: string } {
  return { from: escapeName(from), to: to ? `${escapeName(to)}~` : AFTER_PACKETS };
}

/** Sorts after all packets: who reads the end of the log finds it without a request more. */
export function leaversNotedKey(nsp: string, room: RoomName): Key {
  return { pk: logPk(nsp, room), sk: LEAVERS_NOTED_SK };
}
export const LEAVERS_NOTED_SK = "~leavers";

/** Sorts before all packets, and by the offset of the leave. */
export function leaverKey({ nsp, room, id, until }: Pick<Leaver, "nsp" | "room" | "id" | "until">): Key {
  return { pk: logPk(nsp, room), sk: `${LEAVER_SK}${escapeName(until)}#${socketIdSk(id)}` };
}
const LEAVER_SK = "!";

/** The sort keys of those who left at this offset or later. */
export const leaverRange = (from: string): { readonly from: string; readonly to: string } => ({
  from: `${LEAVER_SK}${escapeName(from)}`,
  to: `${LEAVER_SK}~`,
});

/** The offset of a row of the log. */
export function logIdOf(sk: string): string {
  return unescapeName(sk);
}

/** What was asked; by namespace, since a room is asked under one id. */
export function askKey(nsp: string, askId: number): Key {
  return { pk: build("Q", [nsp, String(askId)], MAX_PK_BYTES), sk: "@" };
}

/** What sockets of a namespace were told: one partition, since all of it is read from a time on. */
export function directivePk(nsp: string): string {
  return build("D", [nsp], MAX_PK_BYTES);
}

/** Sorts by the offset, which is short. */
export function directiveKey({ nsp, id }: Pick<Directive, "nsp" | "id">): Key {
  return { pk: directivePk(nsp), sk: escapeName(id) };
}

export function answerKey(socketId: string, askId: number): Key {
  return { pk: build("A", [socketId, String(askId)], MAX_PK_BYTES), sk: socketIdSk(socketId) };
}

/** Everything of one fan-out. */
function fanOutPk(id: string): string {
  return build("F", [id], MAX_PK_BYTES);
}

/** Paths are short, and hold no `#`. */
export function legKey({ id, path }: LegKey): Key {
  return { pk: fanOutPk(id), sk: `L#${path}` };
}

/** A slice of a message, by its place. */
export function messageKey(id: string, at: number): Key {
  return { pk: fanOutPk(id), sk: `M#${at}` };
}

/** The partitions of the heartbeat's index that hold the connections of a minute, counted from the epoch. */
export function beatPks(minute: number): readonly string[] {
  return Array.from({ length: HEARTBEAT_SHARDS }, (_, shard) => `H#${shard}#${minute}`);
}

/** The one of {@link beatPks} that holds this connection. */
export function beatPk(connectionId: string, minute: number): string {
  const hash = createHash("sha256").update(escapeName(connectionId)).digest();
  return `H#${(hash[0] ?? 0) % HEARTBEAT_SHARDS}#${minute}`;
}

/** The one row that says which turns the heartbeat has done. */
export function turnsKey(): Key {
  return { pk: "H", sk: "@" };
}

/** An inbox: who has it open, and what waits in it. */
export function inboxPk({ nsp, inbox }: InboxName): string {
  return build("I", [nsp, inbox], MAX_PK_BYTES);
}

/** Openers sort before all events, whose keys begin with a digit or a letter. */
export const OPENER_SK = "!";

export function openerKey(opener: Pick<InboxOpener, "nsp" | "inbox" | "id">): Key {
  return { pk: inboxPk(opener), sk: `${OPENER_SK}${socketIdSk(opener.id)}` };
}

export function inboxEventKey(event: Pick<InboxEvent, "nsp" | "inbox" | "key">): Key {
  return { pk: inboxPk(event), sk: event.key };
}

/** Parts of packets have a partition of their own: an ordinary event does not read them. */
export function partsPk(connectionId: string): string {
  return build("B", [connectionId], MAX_PK_BYTES);
}

/** 16 digits hold any time that JavaScript can count exactly. */
const TIME_DIGITS = 16;

/** Sorts by the time at which the part was received. */
export function partKey({ connectionId, at, id }: PartId): Key {
  const time = String(Math.max(0, Math.trunc(at))).padStart(TIME_DIGITS, "0");
  return { pk: partsPk(connectionId), sk: build("T", [time, id], MAX_SK_BYTES) };
}

/** Frames that came early, by connection: read only while there are any. */
export function earlyPk(connectionId: string): string {
  return build("N", [connectionId], MAX_PK_BYTES);
}

/** Sorts by the count. */
export function earlyKey({ connectionId, count }: Pick<EarlyFrame, "connectionId" | "count">): Key {
  return { pk: earlyPk(connectionId), sk: String(count).padStart(COUNT_DIGITS, "0") };
}
/** Of 32 bits, which a client counts with. */
const COUNT_DIGITS = 10;

/** Sorts before all parts. */
export function refusalKey(connectionId: string): Key {
  return { pk: partsPk(connectionId), sk: REFUSAL_SK };
}
export const REFUSAL_SK = "!";

/** The variables that a namespace shares: its lease, and rows with their pieces. */
export function sharedPk(nsp: string): string {
  return build("V", [nsp], MAX_PK_BYTES);
}

export function leaseKey(nsp: string): Key {
  return { pk: sharedPk(nsp), sk: "@" };
}

/** With what the sort keys of pieces begin, and not that of the lease. */
export const PIECE_SK = "V";

/** A piece's name is that of its variable and its own, with a line break between them. */
export function pieceKey(nsp: string, piece: string): Key {
  const at = piece.indexOf("\n");
  const parts = [piece.slice(0, at), piece.slice(at + 1)];
  return { pk: sharedPk(nsp), sk: build(PIECE_SK, parts, MAX_SK_BYTES) };
}

/** The name that {@link pieceKey} was made with; `name` is the attribute that {@link hashedName} made. */
export function pieceOf(sk: string, name: string | undefined): string {
  if (name !== undefined) return unescapeName(name);
  const [, variable = "", piece = ""] = sk.split("#");
  return `${unescapeName(variable)}\n${unescapeName(piece)}`;
}

/** A slice of what is put aside, in a partition of its own: nobody reads it by the way. */
export function sharedAsideKey(nsp: string, id: string, at: number): Key {
  return { pk: build("V", [nsp, id], MAX_PK_BYTES), sk: String(at) };
}
