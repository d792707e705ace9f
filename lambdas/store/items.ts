import { isDisconnectReason } from "../server/common/disconnect-reason.ts";
import { CONNECTION_LIFE_MS } from "../server/ports/gateway.ts";
import type { Leaver, Member, RoomName } from "../server/ports/rooms.ts";
import type {
  ConnectionRecord,
  Json,
  LeftRoom,
  NewSocket,
  SocketPhase,
  SocketRecord,
} from "../server/ports/sockets.ts";
import { entryName, leftEntry, leftOfEntry, nameOfEntry } from "./entry-names.ts";
import {
  beatPk,
  connectionKey,
  escapeName,
  hashedName,
  leaverKey,
  memberIdOf,
  memberKey,
  namespaceOf,
  socketKey,
  unescapeName,
} from "./keys.ts";
import { connectionTtl } from "./lifetimes.ts";
import { ITEM_VERSION, type Item, ItemReader, isObject, toRecord } from "./table/item-reader.ts";

/** A value over the inline limit: the map holds the token of the item that holds it (see sockets/asides.ts). */
export interface AsideMarker {
  readonly aside: string;
}

export type StoredValue = Json | AsideMarker;
export type StoredState = Readonly<Record<string, StoredValue>>;

/** A socket row as it is in the table: values that live aside are still markers. */
export interface SocketRow extends Omit<SocketRecord, "auth" | "data" | "props"> {
  readonly auth: StoredValue;
  readonly data: StoredState;
  readonly props: StoredState;
  readonly expiresAt: number;
  /** Tokens of the calls that did what only one may do (see table/claims.ts); `onceBy` by listener name. */
  readonly begunBy: string;
  readonly openedBy: string | undefined;
  readonly endedBy: string | undefined;
  readonly onceBy: Readonly<Record<string, string>>;
}

function isPhase(value: string): value is SocketPhase {
  return value === "connecting" || value === "open" || value === "ended";
}

export function asText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** A name of the application's as a value; see `escapeName`. */
function asName(value: unknown): string | undefined {
  return typeof value === "string" ? unescapeName(value) : undefined;
}

export function asStoredValue(value: unknown): StoredValue | undefined {
  if (typeof value === "string") return value;
  return isObject(value) && typeof value.aside === "string" ? { aside: value.aside } : undefined;
}

/** A record's entries under names that DynamoDB takes. */
export function toEntries<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [entryName(name), value]));
}

export function fromEntries<T>(entries: readonly (readonly [string, T])[]): Readonly<Record<string, T>> {
  return toRecord(entries.map(([entry, value]) => [nameOfEntry(entry), value]));
}

// ── connections ────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * The attribute that the heartbeat's index is over: the minute of $connect. Not the minute of an interval, so that another
 * interval finds the connections that were made under the one before.
 */
export const BEAT = "beat";

/** @param minuteMs as in {@link DynamoStoreOptions} */
export function connectionItem(record: ConnectionRecord, minuteMs: number): Item {
  return {
    ...connectionKey(record.connectionId),
    v: ITEM_VERSION,
    [BEAT]: beatPk(record.connectionId, Math.floor(record.connectedAt / minuteMs)),
    sid: record.sid,
    connectedAt: record.connectedAt,
    handshake: record.handshake,
    ...(record.bye === undefined ? {} : { bye: record.bye.reason, byeAt: record.bye.at }),
    expiresAt: connectionTtl(record.connectedAt + CONNECTION_LIFE_MS),
  };
}

export interface ConnectionRow extends ConnectionRecord {
  readonly expiresAt: number;
}

export function readConnectionItem(item: Item, connectionId: string): ConnectionRow {
  const read = new ItemReader(item);
  return {
    connectionId,
    sid: read.text("sid"),
    connectedAt: read.number("connectedAt"),
    handshake: read.text("handshake"),
    ...(read.optionalText("openBy") !== undefined && { opened: true }),
    ...lineOf(read),
    ...byeOf(read),
    expiresAt: read.number("expiresAt"),
  };
}

function lineOf(read: ItemReader): Pick<ConnectionRecord, "line"> {
  const [done, retried] = [read.optionalText("lineDone"), read.optionalText("lineRetried")];
  const gap = read.optionalNumber("lineGap");
  if (done === undefined && retried === undefined) return {};
  return {
    line: {
      ...(done !== undefined && { done }),
      ...(retried !== undefined && { retried }),
      ...(gap !== undefined && { gap }),
    },
  };
}

/** Also for an item of the heartbeat's index, which holds as much. */
export function byeOf(read: ItemReader): Pick<ConnectionRecord, "bye"> {
  if (read.optionalText("bye") === undefined) return {};
  return { bye: { reason: read.known("bye", isDisconnectReason), at: read.number("byeAt") } };
}

// ── sockets ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A map from room and `until` to token. */
export function leftEntries(left: readonly LeftRoom[]): Record<string, string> {
  return Object.fromEntries(left.map((one) => [leftEntry(one), one.token]));
}

/** What a commit and the settling bring (`running`, `answers`, `trace`, `rerun`) is absent until then. */
export function newSocketItem(socket: NewSocket, auth: StoredValue, begunBy: string): Item {
  const key = socketKey(socket);
  return {
    ...key,
    v: ITEM_VERSION,
    ...hashedName(key.sk, socket.nsp),
    id: socket.id,
    phase: "connecting",
    deadline: socket.deadline,
    auth,
    token: socket.token,
    ...(socket.place !== undefined && { place: socket.place }),
    ...(socket.pid !== undefined && { pid: socket.pid, left: {} }),
    ...(socket.recovered !== undefined && { recovered: socket.recovered }),
    data: {},
    props: {},
    rooms: {},
    once: {},
    inboxes: {},
    begunBy,
    expiresAt: connectionTtl(socket.expiresAt),
  };
}

/** What connection state recovery keeps. */
function readRecovery(
  item: Item,
  read: ItemReader,
): Pick<SocketRecord, "pid" | "recovered" | "resuming" | "left" | "forgotten"> {
  const pid = read.optionalText("pid");
  const forgotten = read.optionalText("forgotten");
  const left =
    item.left === undefined
      ? []
      : read.entries("left", asText).map(([entry, token]) => ({ ...leftOfEntry(entry), token }));
  return {
    ...(pid === undefined ? {} : { pid }),
    ...(item.recovered === undefined ? {} : { recovered: read.boolean("recovered") }),
    ...(item.resuming === undefined ? {} : { resuming: read.boolean("resuming") }),
    ...(left.length === 0 ? {} : { left }),
    ...(forgotten === undefined ? {} : { forgotten }),
  };
}

export function readSocketItem(item: Item, connectionId: string): SocketRow {
  const read = new ItemReader(item);
  const running = read.optionalNumber("running");
  const place = read.optionalNumber("place");
  const endedAt = read.optionalNumber("endedAt");
  const nextInbox = read.optionalNumber("nextInbox");
  const once = fromEntries(read.entries("once", asText));
  return {
    connectionId,
    nsp: namespaceOf(read.text("sk"), read.optionalText("name")),
    id: read.text("id"),
    phase: read.known("phase", isPhase),
    deadline: read.number("deadline"),
    ...(running === undefined ? {} : { running }),
    auth: asStoredValue(item.auth) ?? read.text("auth"),
    data: fromEntries(read.entries("data", asStoredValue)),
    props: fromEntries(read.entries("props", asStoredValue)),
    rooms: fromEntries(read.entries("rooms", asText)),
    token: read.text("token"),
    spent: Object.keys(once).sort(),
    answers: item.answers === undefined ? [] : read.texts("answers"),
    trace: read.optionalText("trace") ?? "",
    rerunMiddlewares: item.rerun === undefined ? false : read.boolean("rerun"),
    ...(place === undefined ? {} : { place }),
    ...(nextInbox === undefined ? {} : { nextInbox, inboxes: fromEntries(read.entries("inboxes", asName)) }),
    ...(item.bye === undefined ? {} : { bye: read.known("bye", isDisconnectReason) }),
    ...(endedAt === undefined ? {} : { endedAt }),
    ...(item.unshared === undefined ? {} : { unshared: true as const }),
    ...readRecovery(item, read),
    expiresAt: read.number("expiresAt"),
    begunBy: read.text("begunBy"),
    openedBy: read.optionalText("openedBy"),
    endedBy: read.optionalText("endedBy"),
    onceBy: once,
  };
}

// ── members ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Short names: a broadcast reads all of a room's rows, and names are billed like values. */
export function memberItem(member: Member): Item {
  const key = memberKey(member);
  return {
    ...key,
    v: ITEM_VERSION,
    ...hashedName(key.sk, member.id),
    conn: member.connectionId,
    at: member.connectedAt,
    token: member.token,
    ...(member.hold !== undefined && { hold: member.hold }),
    expiresAt: connectionTtl(member.connectedAt + CONNECTION_LIFE_MS),
  };
}

export interface MemberRow extends Member {
  readonly expiresAt: number;
}

export function readMemberItem(item: Item, nsp: string, room: RoomName): MemberRow {
  const read = new ItemReader(item);
  const hold = read.optionalText("hold");
  return {
    nsp,
    room,
    id: memberIdOf(read.text("sk"), read.optionalText("name")),
    connectionId: read.text("conn"),
    connectedAt: read.number("at"),
    token: read.text("token"),
    ...(hold === undefined ? {} : { hold }),
    expiresAt: read.number("expiresAt"),
  };
}

/** What a worker would have found in the member row. */
export function leaverItem(leaver: Leaver, expiresAt: number): Item {
  return {
    ...leaverKey(leaver),
    v: ITEM_VERSION,
    id: escapeName(leaver.id),
    until: leaver.until,
    conn: leaver.connectionId,
    at: leaver.connectedAt,
    token: leaver.token,
    ...(leaver.hold !== undefined && { hold: leaver.hold }),
    expiresAt,
  };
}

export function readLeaverItem(item: Item, nsp: string, room: RoomName): Leaver & MemberRow {
  const read = new ItemReader(item);
  const hold = read.optionalText("hold");
  return {
    nsp,
    room,
    id: unescapeName(read.text("id")),
    connectionId: read.text("conn"),
    connectedAt: read.number("at"),
    token: read.text("token"),
    ...(hold === undefined ? {} : { hold }),
    until: read.text("until"),
    expiresAt: read.number("expiresAt"),
  };
}
