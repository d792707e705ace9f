import type { Clock } from "../../server/ports/environment.ts";
import type { FanOutStore } from "../../server/ports/fan-out.ts";
import { CONNECTION_LIFE_MS } from "../../server/ports/gateway.ts";
import type { HeartbeatStore } from "../../server/ports/heartbeat.ts";
import type { Member, RoomName } from "../../server/ports/rooms.ts";
import type { ConnectionRecord, LinePosition } from "../../server/ports/sockets.ts";
import type { Store } from "../../server/ports/store.ts";
import { ANSWER_KEPT_MS, connectionTtl, ENDED_KEPT_MS, toTtl } from "../lifetimes.ts";
import type { LineStore } from "../line.ts";
import type { MemberStore } from "../members.ts";
import { isLive } from "../table/expression.ts";
import { memoryDirectives } from "./directives.ts";
import { memoryEarly } from "./early.ts";
import { memoryFanOuts } from "./fan-outs.ts";
import { memoryHeartbeats } from "./heartbeats.ts";
import { memoryInboxes } from "./inboxes.ts";
import { memoryLog } from "./log.ts";
import { memoryParts } from "./parts.ts";
import { memorySessions } from "./sessions.ts";
import { memoryShared } from "./shared.ts";
import { memorySockets, snapshot } from "./sockets.ts";
import type { Expiring, MemorySocket, MemoryState } from "./state.ts";
import { addressOf } from "./state.ts";

export interface MemoryStoreOptions {
  readonly clock: Pick<Clock, "now">;
  /** Members in a page of `listMembers`. */
  readonly pageSize?: number;
  /** Packets in a page of `listLog`; few, so that much can happen between two pages. */
  readonly logPageSize?: number;
  /** How long ended sockets are kept, in milliseconds. */
  readonly keepEndedMs?: number;
}

/** The store for interleaving tests: same contract as the one in DynamoDB, nothing kept beyond the object. */
export function createMemoryStore(options: MemoryStoreOptions): Store & HeartbeatStore & FanOutStore {
  const { clock, pageSize = 100, logPageSize = 3, keepEndedMs = ENDED_KEPT_MS } = options;
  const state: MemoryState = {
    connections: new Map(),
    opened: new Map(),
    sockets: new Map(),
    rooms: new Map(),
    sessions: new Map(),
    logs: new Map(),
    leavers: new Map(),
    leaversNoted: new Map(),
    asks: new Map(),
    answers: new Map(),
    parts: new Map(),
    refusals: new Map(),
    early: new Map(),
    keepEndedMs,
    now: () => clock.now(),
    decide: async (decision) => {
      await Promise.resolve();
      return decision();
    },
  };
  return {
    ...memoryConnections(state),
    ...memoryLines(state),
    ...memorySockets(state),
    ...memoryViews(state),
    ...memoryMembers(state, pageSize),
    ...memorySessions(state),
    ...memoryLog(state, logPageSize),
    ...memoryDirectives(state),
    ...memoryAnswers(state),
    ...memoryParts(state),
    ...memoryEarly(state),
    ...memoryInboxes(state),
    ...memoryShared(state),
    ...memoryHeartbeats(state),
    ...memoryFanOuts(state, pageSize),
  };
}

function liveConnection(state: MemoryState, connectionId: string): ConnectionRecord | undefined {
  const row = state.connections.get(connectionId);
  if (!row || !isLive(row.expiresAt, state.now())) return undefined;
  return state.opened.has(connectionId) ? { ...row.value, opened: true } : row.value;
}

function memoryConnections(
  state: MemoryState,
): Pick<Store, "putConnection" | "claimOpen" | "sayBye" | "deleteConnection" | "clearConnection"> {
  const { decide, connections, opened } = state;
  return {
    putConnection: (record) =>
      decide(() => {
        const expiresAt = connectionTtl(record.connectedAt + CONNECTION_LIFE_MS);
        if (!connections.has(record.connectionId)) {
          connections.set(record.connectionId, { value: structuredClone(record), expiresAt });
        }
      }),
    claimOpen: (connectionId, turn) =>
      decide(() => {
        const connection = liveConnection(state, connectionId);
        if (connection === undefined) return "absent";
        const isNext = (opened.get(connectionId) ?? -1) === turn - 1;
        if (connection.bye !== undefined || !isNext) return "over";
        opened.set(connectionId, turn);
        return "claimed";
      }),
    sayBye: (connectionId, reason, at) =>
      decide(() => {
        const row = connections.get(connectionId);
        const connection = liveConnection(state, connectionId);
        if (row === undefined || connection === undefined || connection.bye !== undefined) return false;
        connections.set(connectionId, { ...row, value: { ...connection, bye: { reason, at } } });
        return true;
      }),
    deleteConnection: (connectionId) =>
      decide(() => {
        connections.delete(connectionId);
        opened.delete(connectionId);
      }),
    clearConnection: (connectionId) =>
      decide(() => {
        for (const [address, row] of state.sockets) {
          if (row.connectionId === connectionId) state.sockets.delete(address);
        }
        for (const members of [...state.rooms.values()].flatMap((ofNsp) => [...ofNsp.values()])) {
          for (const [id, { value }] of members) if (value.connectionId === connectionId) members.delete(id);
        }
        connections.delete(connectionId);
        opened.delete(connectionId);
      }),
  };
}

function memoryLines({ decide, connections, now }: MemoryState): LineStore {
  const change = (
    connectionId: string,
    to: (line: LinePosition) => LinePosition,
    isAllowed: (line: LinePosition) => boolean,
  ) =>
    decide(() => {
      const row = connections.get(connectionId);
      if (!row || !isLive(row.expiresAt, now()) || !isAllowed(row.value.line ?? {})) return false;
      const line = to(row.value.line ?? {});
      connections.set(connectionId, { ...row, value: { ...row.value, line } });
      return true;
    });
  return {
    moveLine: async (connectionId, done) => {
      const isLater = (line: LinePosition) => (line.done ?? "") < done;
      await change(connectionId, (line) => ({ ...line, done }), isLater);
    },
    countLine: async (connectionId, { done, gap }) => {
      const isNoStepBack = (line: LinePosition) => (line.done ?? "") <= done;
      const counted = ({ gap: _, ...line }: LinePosition) => ({
        ...{ ...line, done },
        ...(gap !== undefined && { gap }),
      });
      await change(connectionId, counted, isNoStepBack);
    },
    claimRetry: (connectionId, sequence) =>
      change(
        connectionId,
        (line) => ({ ...line, retried: sequence }),
        ({ done = "", retried = "" }) => done < sequence && retried < sequence,
      ),
  };
}

function memoryViews(state: MemoryState): Pick<Store, "readConnection" | "readSockets"> {
  const { decide, sockets } = state;
  const isLiveRow = (row: MemorySocket) => isLive(row.expiresAt, state.now());
  return {
    readConnection: (connectionId, only) =>
      decide(() => {
        const rows = [...sockets.values()].filter(
          (row) => row.connectionId === connectionId && isLiveRow(row),
        );
        return {
          connection: structuredClone(liveConnection(state, connectionId)),
          sockets: rows.filter(({ nsp }) => only === undefined || nsp === only).map(snapshot),
          socketCount: rows.length,
        };
      }),
    readSockets: (keys) =>
      decide(() =>
        [...new Set(keys.map(addressOf))].flatMap((address) => {
          const row = sockets.get(address);
          if (row === undefined || !isLiveRow(row)) return [];
          const connection = liveConnection(state, row.connectionId);
          return connection ? [{ connection: structuredClone(connection), socket: snapshot(row) }] : [];
        }),
      ),
  };
}

function memoryMembers(state: MemoryState, pageSize: number): MemberStore {
  const { decide, rooms } = state;
  const roomOf = (nsp: string, room: RoomName) => {
    const ofNsp = rooms.get(nsp) ?? new Map<RoomName, Map<string, Expiring<Member>>>();
    rooms.set(nsp, ofNsp);
    const members = ofNsp.get(room) ?? new Map<string, Expiring<Member>>();
    ofNsp.set(room, members);
    return members;
  };
  const deleteIf = (
    { nsp, room, id }: Pick<Member, "nsp" | "room" | "id">,
    isIt: (member: Member) => boolean,
  ) =>
    decide(() => {
      const found = roomOf(nsp, room).get(id);
      return found !== undefined && isIt(found.value) && roomOf(nsp, room).delete(id);
    });
  const put = (member: Member) => {
    const expiresAt = connectionTtl(member.connectedAt + CONNECTION_LIFE_MS);
    roomOf(member.nsp, member.room).set(member.id, { value: { ...member }, expiresAt });
  };
  return {
    putMember: (member) => decide(() => put(member)),
    holdMember: (member) =>
      decide(() => {
        const there = roomOf(member.nsp, member.room).get(member.id);
        const isLater = there !== undefined && there.value.connectedAt > member.connectedAt;
        if (!isLater || !isLive(there.expiresAt, state.now())) put(member);
      }),
    readMember: ({ nsp, room, id }) =>
      decide(() => {
        const there = roomOf(nsp, room).get(id);
        return there && isLive(there.expiresAt, state.now()) ? { ...there.value } : undefined;
      }),
    releaseMember: ({ nsp, room, id, token }) =>
      decide(() => {
        const there = roomOf(nsp, room).get(id);
        if (there?.value.token !== token) return;
        const { hold: _, ...value } = there.value;
        roomOf(nsp, room).set(id, { ...there, value });
      }),
    deleteMember: (member) => deleteIf(member, ({ token }) => token === member.token),
    deleteMemberOf: async (connectionId, member) => {
      await deleteIf(member, (found) => found.connectionId === connectionId);
    },
    async *listMembers(nsp, room) {
      // Like a Query, no snapshot: each page shows the room as it is when the page is read, in the order of the ids.
      let after: string | undefined;
      do {
        const from = after;
        const page = await decide(() =>
          [...roomOf(nsp, room).values()]
            .filter(
              ({ value, expiresAt }) =>
                isLive(expiresAt, state.now()) && (from === undefined || value.id > from),
            )
            .map(({ value }) => ({ ...value }))
            .sort((a, b) => (a.id < b.id ? -1 : 1))
            .slice(0, pageSize),
        );
        if (page.length > 0) yield page;
        after = page.length < pageSize ? undefined : page.at(-1)?.id;
      } while (after !== undefined);
    },
  };
}

function memoryAnswers(state: MemoryState): Pick<Store, "putAsk" | "putAnswer" | "readAnswer"> {
  const { decide, asks, answers } = state;
  const find = (address: string) => {
    const row = answers.get(address);
    return row && isLive(row.expiresAt, state.now()) ? row.value : undefined;
  };
  return {
    putAsk: (nsp, askId, until) =>
      decide(() => {
        asks.set(JSON.stringify([nsp, askId]), toTtl(until));
      }),
    putAnswer: ({ nsp, id }, askId, args) =>
      decide(() => {
        const address = JSON.stringify([id, askId]);
        const asked = asks.get(JSON.stringify([nsp, askId]));
        if (asked === undefined || !isLive(asked, state.now())) return;
        if (find(address) !== undefined) return;
        answers.set(address, { value: args, expiresAt: toTtl(state.now() + ANSWER_KEPT_MS) });
      }),
    readAnswer: (socketId, askId) => decide(() => find(JSON.stringify([socketId, askId]))),
  };
}
