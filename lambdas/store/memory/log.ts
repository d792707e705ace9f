import type { LogRow, RoomName } from "../../server/ports/rooms.ts";
import { LEAVERS_KEPT_MS, toTtl } from "../lifetimes.ts";
import type { LogStore } from "../log.ts";
import { isLive } from "../table/expression.ts";
import { type Expiring, type MemoryState, roomAddress } from "./state.ts";

/** The log of a store in memory: same contract as ../log.ts. */
export function memoryLog(state: MemoryState, pageSize: number): LogStore {
  const { decide, logs } = state;
  const logOf = (nsp: string, room: RoomName) => {
    const ofNsp = logs.get(nsp) ?? new Map<RoomName, Map<string, Expiring<LogRow>>>();
    logs.set(nsp, ofNsp);
    const rows = ofNsp.get(room) ?? new Map<string, Expiring<LogRow>>();
    ofNsp.set(room, rows);
    return rows;
  };
  const isLiveRow = ({ expiresAt }: Expiring<LogRow>) => isLive(expiresAt, state.now());
  return {
    putLog: ({ nsp, room, id, frames, except }, expiresAt) =>
      decide(() => {
        const rows = logOf(nsp, room);
        if (rows.has(id)) return;
        const value: LogRow = { nsp, room, id, frames: [...frames], except: [...except], missed: [] };
        rows.set(id, { value, expiresAt: toTtl(expiresAt) });
      }),
    finishLog: ({ nsp, room, id, done, missed }) =>
      decide(() => {
        const row = logOf(nsp, room).get(id);
        if (row === undefined || !isLiveRow(row)) return;
        logOf(nsp, room).set(id, { ...row, value: { ...row.value, done, missed: [...missed] } });
      }),
    readLogEnd: (nsp, room, from) =>
      decide(() => {
        const ids = [...logOf(nsp, room).values()].filter(isLiveRow).map(({ value: { id } }) => id);
        const last = ids
          .filter((id) => id >= from)
          .sort()
          .at(-1);
        const noted = state.leaversNoted.get(roomAddress(nsp, room));
        return {
          ...(last !== undefined && { last }),
          notesLeavers: noted !== undefined && isLive(noted, state.now()),
        };
      }),
    putLeaver: (leaver) =>
      decide(() => {
        const address = roomAddress(leaver.nsp, leaver.room);
        const row = { value: { ...leaver }, expiresAt: toTtl(state.now() + LEAVERS_KEPT_MS) };
        const others = (state.leavers.get(address) ?? []).filter(
          ({ value: { id, until } }) => id !== leaver.id || until !== leaver.until,
        );
        state.leavers.set(address, [...others, row]);
      }),
    async *listLog(nsp, room, from, to) {
      // Like a Query, no snapshot: each page shows the log as it is when the page is read.
      let after: string | undefined;
      do {
        const last = after;
        const page = await decide(() =>
          [...logOf(nsp, room).values()]
            .filter((row) => isLiveRow(row))
            .map(({ value }) => value)
            .filter(({ id }) => id >= from && (to === undefined || id <= to || id.startsWith(to)))
            .filter(({ id }) => last === undefined || id > last)
            .sort((a, b) => (a.id < b.id ? -1 : 1))
            .slice(0, pageSize)
            .map((row) => ({ ...row, frames: [...row.frames], except: [...row.except] })),
        );
        if (page.length > 0) yield page;
        after = page.length < pageSize ? undefined : page.at(-1)?.id;
      } while (after !== undefined);
    },
  };
}
