import type { Part, PartId } from "../../server/ports/parts.ts";
import type { Store } from "../../server/ports/store.ts";
import { partKey } from "../keys.ts";
import { LINE_KEPT_MS, PART_KEPT_MS, REFUSAL_KEPT_MS, toTtl } from "../lifetimes.ts";
import type { PartStore } from "../parts.ts";
import { isLive } from "../table/expression.ts";
import type { Expiring, MemoryState } from "./state.ts";

/** The parts of a store in memory: same contract as ../parts.ts. */
export function memoryParts(state: MemoryState): PartStore {
  const { decide } = state;
  const isLiveRow = ({ expiresAt }: Expiring<Part>) => isLive(expiresAt, state.now());
  const partsOf = (connectionId: string) => {
    const parts = state.parts.get(connectionId) ?? new Map<string, Expiring<Part>>();
    state.parts.set(connectionId, parts);
    return parts;
  };
  const find = (part: PartId) => {
    const row = partsOf(part.connectionId).get(partKey(part).sk);
    return row && isLiveRow(row) ? row.value : undefined;
  };
  const set = (part: Part, keptMs = PART_KEPT_MS) => {
    const row = { value: structuredClone(part), expiresAt: toTtl(state.now() + keptMs) };
    partsOf(part.connectionId).set(partKey(part).sk, row);
  };
  return {
    putPart: (part, how) =>
      decide(() => {
        if (find(part) === undefined) set(part, how?.inLine ? LINE_KEPT_MS : PART_KEPT_MS);
      }),
    readParts: (connectionId) =>
      decide(() => {
        const live = [...partsOf(connectionId)].filter(([, row]) => isLiveRow(row));
        live.sort(([a], [b]) => (a < b ? -1 : 1));
        return live.map(([, { value }]) => structuredClone(value));
      }),
    claimPacket: ({ connectionId, id, at }, packet) =>
      decide(() => {
        if (find({ connectionId, id, at })?.kind !== "header") return false;
        set({ connectionId, id, at, kind: "done", ...packet });
        return true;
      }),
    deleteParts: (parts) =>
      decide(() => {
        for (const part of parts) partsOf(part.connectionId).delete(partKey(part).sk);
      }),
    claimRefusal: claimRefusal(state),
  };
}

const claimRefusal =
  ({ decide, refusals, now }: MemoryState): Store["claimRefusal"] =>
  (connectionId) =>
    decide(() => {
      if (isLive(refusals.get(connectionId) ?? 0, now())) return false;
      refusals.set(connectionId, toTtl(now() + REFUSAL_KEPT_MS));
      return true;
    });
