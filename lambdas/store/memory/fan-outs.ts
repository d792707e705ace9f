import type { FanOutStore, Leg, LegKey } from "../../server/ports/fan-out.ts";
import { FAN_OUT_KEPT_MS, LEAVERS_KEPT_MS, toTtl } from "../lifetimes.ts";
import { isLive } from "../table/expression.ts";
import { type MemoryState, roomAddress } from "./state.ts";

interface MemoryLeg {
  readonly leg: Leg;
  readonly claim?: string;
  readonly until?: number;
  readonly expiresAt: number;
}

const NEW_LEG: Leg = { missed: [], branches: [], finished: {} };

/** Fan-outs in a store in memory: same contract as ../fan-outs.ts. */
export function memoryFanOuts(state: MemoryState, pageSize: number): FanOutStore {
  const { decide, logs } = state;
  const messages = new Map<string, { readonly json: string; readonly expiresAt: number }>();
  const legs = new Map<string, MemoryLeg>();
  const addressOf = ({ id, path }: LegKey) => JSON.stringify([id, path]);
  const find = (key: LegKey): MemoryLeg | undefined => {
    const row = legs.get(addressOf(key));
    return row && isLive(row.expiresAt, state.now()) ? row : undefined;
  };
  const expiresAt = () => toTtl(state.now() + FAN_OUT_KEPT_MS);
  return {
    ...memoryRanges(state, pageSize),
    putMessage: (id, json) => decide(() => void messages.set(id, { json, expiresAt: expiresAt() })),
    readMessage: (id) => decide(() => messages.get(id)?.json),
    putRoot: (id, branches) =>
      decide(() => {
        const leg = structuredClone({ ...NEW_LEG, branches });
        legs.set(addressOf({ id, path: "@" }), { leg, expiresAt: expiresAt() });
      }),
    claimLeg: (key, { token, until }) =>
      decide(() => {
        const row = find(key) ?? { leg: NEW_LEG, expiresAt: expiresAt() };
        if (row.until !== undefined && row.until > state.now()) return undefined;
        legs.set(addressOf(key), { ...row, claim: token, until });
        return structuredClone(row.leg);
      }),
    saveLeg: (key, token, change) =>
      decide(() => {
        const row = find(key);
        if (row?.claim !== token) return false;
        legs.set(addressOf(key), { ...row, leg: structuredClone({ ...row.leg, ...change }) });
        return true;
      }),
    finishLeg: (key, part, missed, token) =>
      decide(() => {
        const row = find(key);
        if (!row || (token !== undefined && row.claim !== token)) return undefined;
        const leg = structuredClone({ ...row.leg, finished: { ...row.leg.finished, [part]: missed } });
        legs.set(addressOf(key), { ...row, leg });
        return structuredClone(leg);
      }),
    readLeg: (key) => decide(() => structuredClone(find(key)?.leg)),
    markFannedOut: ({ nsp, room, id }) =>
      decide(() => {
        const rows = logs.get(nsp)?.get(room);
        const row = rows?.get(id);
        if (rows && row && isLive(row.expiresAt, state.now())) {
          rows.set(id, { ...row, value: { ...row.value, fannedOut: true } });
        }
      }),
    noteLeavers: (nsp, room) =>
      decide(() => {
        state.leaversNoted.set(roomAddress(nsp, room), toTtl(state.now() + LEAVERS_KEPT_MS));
      }),
    readLeavers: (nsp, room, from) =>
      decide(() =>
        (state.leavers.get(roomAddress(nsp, room)) ?? [])
          .filter(({ value: { until }, expiresAt }) => until >= from && isLive(expiresAt, state.now()))
          .map(({ value }) => ({ ...value }))
          .sort((a, b) => (`${a.until}#${a.id}` < `${b.until}#${b.id}` ? -1 : 1)),
      ),
  };
}

function memoryRanges(state: MemoryState, pageSize: number): Pick<FanOutStore, "listMembersInOrder"> {
  const { decide, rooms } = state;
  return {
    listMembersInOrder: (nsp, room, { from, to }, wanted = pageSize) => {
      const size = Math.min(wanted, pageSize);
      async function* pages() {
        let after: string | undefined;
        do {
          const last = after;
          const page = await decide(() =>
            [...(rooms.get(nsp)?.get(room)?.values() ?? [])]
              .filter(
                ({ value: { id }, expiresAt }) =>
                  (last === undefined || id > last) &&
                  (from === undefined || id >= from) &&
                  (to === undefined || id < to) &&
                  isLive(expiresAt, state.now()),
              )
              .map(({ value }) => ({ ...value }))
              .sort((a, b) => (a.id < b.id ? -1 : 1))
              .slice(0, size),
          );
          yield page;
          after = page.length < size ? undefined : page.at(-1)?.id;
        } while (after !== undefined);
      }
      return [pages()];
    },
  };
}
