import { DONE, forgettable, type HeartbeatStore } from "../../server/ports/heartbeat.ts";
import { MINUTE_MS } from "../lifetimes.ts";
import { isLive } from "../table/expression.ts";
import type { MemoryState } from "./state.ts";

export function memoryHeartbeats(state: MemoryState): HeartbeatStore {
  const { decide, connections, sockets } = state;
  const turns = new Map<number, number>();
  return {
    async *listConnections(minute) {
      const page = await decide(() =>
        [...connections.values()]
          .filter(({ expiresAt }) => isLive(expiresAt, state.now()))
          .filter(({ value }) => Math.floor(value.connectedAt / MINUTE_MS) === minute)
          .map(({ value: { connectionId, connectedAt, bye } }) => ({
            connectionId,
            connectedAt,
            ...(bye && { bye: { ...bye } }),
          })),
      );
      if (page.length > 0) yield page;
    },
    hasSocket: (connectionId) =>
      decide(() => [...sockets.values()].some((row) => row.connectionId === connectionId)),
    claimTurn: (minute, now, until) =>
      decide(() => {
        const held = turns.get(minute);
        if (held !== undefined && held >= now) return undefined;
        turns.set(minute, until);
        return new Map(turns);
      }),
    finishTurns: (minutes, known) =>
      decide(() => {
        for (const minute of minutes) turns.set(minute, DONE);
        for (const minute of forgettable(minutes, known)) turns.delete(minute);
      }),
    releaseTurns: (minutes) =>
      decide(() => {
        for (const minute of minutes) turns.delete(minute);
      }),
  };
}
