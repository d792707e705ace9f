import type { EarlyFrame } from "../../server/ports/early.ts";
import type { Part } from "../../server/ports/parts.ts";
import type { Leaver, LogRow, Member, RoomName } from "../../server/ports/rooms.ts";
import type { SessionRecord } from "../../server/ports/sessions.ts";
import type {
  ConnectionRecord,
  Json,
  LeftRoom,
  SocketKey,
  SocketPhase,
  SocketRecord,
} from "../../server/ports/sockets.ts";
import type { leftEntry } from "../entry-names.ts";

export interface Expiring<T> {
  readonly value: T;
  readonly expiresAt: number;
}

/** All rows of a store in memory. */
export interface MemoryState {
  readonly connections: Map<string, Expiring<ConnectionRecord>>;
  /** The latest turn of `claimOpen`, by connection. */
  readonly opened: Map<string, number>;
  readonly sockets: Map<string, MemorySocket>;
  /** By room, then by socket id. A Map tells EVERYONE from any string by itself. */
  readonly rooms: Map<string, Map<RoomName, Map<string, Expiring<Member>>>>;
  /** By pid. */
  readonly sessions: Map<string, Expiring<SessionRecord>>;
  /** By namespace, then by room, then by id. */
  readonly logs: Map<string, Map<RoomName, Map<string, Expiring<LogRow>>>>;
  /** Who has left a room, by namespace and room. */
  readonly leavers: Map<string, Expiring<Leaver>[]>;
  /** Rooms whose leavers are noted, by namespace and room: the TTL. */
  readonly leaversNoted: Map<string, number>;
  /** By namespace and id: the TTL. */
  readonly asks: Map<string, number>;
  readonly answers: Map<string, Expiring<Json>>;
  /** By connection, then by time and id. */
  readonly parts: Map<string, Map<string, Expiring<Part>>>;
  /** By key. */
  readonly early: Map<string, Expiring<EarlyFrame>>;
  /** By connection: the TTL of its refusal. */
  readonly refusals: Map<string, number>;
  /** As in {@link MemoryStoreOptions}. */
  readonly keepEndedMs: number;
  now(): number;
  /** Waits one turn, then runs the whole decision at once. */
  decide<T>(decision: () => T): Promise<T>;
}

/** A socket row of the store in memory: {@link SocketRecord} with maps that can change. */
export interface MemorySocket
  extends Pick<
    SocketRecord,
    "connectionId" | "nsp" | "id" | "deadline" | "auth" | "place" | "pid" | "recovered"
  > {
  token: string;
  phase: SocketPhase;
  running: number | undefined;
  bye: SocketRecord["bye"];
  endedAt: number | undefined;
  neverOpened?: true;
  unshared?: true;
  resuming: boolean;
  forgotten: string | undefined;
  trace: string;
  answers: readonly string[];
  rerunMiddlewares: boolean;
  expiresAt: number;
  data: Map<string, string>;
  props: Map<string, string>;
  rooms: Map<string, string>;
  /** By {@link leftEntry}. */
  left: Map<string, LeftRoom>;
  readonly spent: Set<string>;
  /** As in {@link SocketRecord}; replaced, never changed in place. */
  inboxes?: SocketRecord["inboxes"] & {};
  nextInbox?: number;
}

export const roomAddress = (nsp: string, room: RoomName): string =>
  JSON.stringify(typeof room === "string" ? [nsp, room] : [nsp]);

export function addressOf(key: SocketKey): string {
  return JSON.stringify([key.connectionId, key.nsp]);
}
