import type { EarlyFrame } from "../../server/ports/early.ts";
import type { EarlyStore } from "../early.ts";
import { earlyKey } from "../keys.ts";
import { LINE_KEPT_MS, toTtl } from "../lifetimes.ts";
import { isLive } from "../table/expression.ts";
import type { MemoryState } from "./state.ts";

/** The early frames of a store in memory: same contract as ../early.ts. */
export function memoryEarly({ decide, early, now }: MemoryState): EarlyStore {
  const addressOf = (frame: Pick<EarlyFrame, "connectionId" | "count">): string => {
    const { pk, sk } = earlyKey(frame);
    return `${pk} ${sk}`;
  };
  return {
    putEarly: (frames) =>
      decide(() => {
        const expiresAt = toTtl(now() + LINE_KEPT_MS);
        for (const value of frames) early.set(addressOf(value), { value, expiresAt });
      }),
    readEarly: (connectionId) =>
      decide(() =>
        [...early.values()]
          .filter(({ value, expiresAt }) => value.connectionId === connectionId && isLive(expiresAt, now()))
          .map(({ value }) => value)
          .sort((a, b) => a.count - b.count),
      ),
    deleteEarly: (frames) =>
      decide(() => {
        for (const frame of frames) early.delete(addressOf(frame));
      }),
  };
}
