import type { Directive } from "../../server/ports/rooms.ts";
import type { DirectiveStore } from "../directives.ts";
import { toTtl } from "../lifetimes.ts";
import { isLive } from "../table/expression.ts";
import type { Expiring, MemoryState } from "./state.ts";

/** The directives of a store in memory: same contract as ../directives.ts. */
export function memoryDirectives(state: MemoryState): DirectiveStore {
  const rows = new Map<string, Expiring<Directive>[]>();
  return {
    putDirective: (directive, expiresAt) =>
      state.decide(() => {
        const all = rows.get(directive.nsp) ?? [];
        rows.set(directive.nsp, [...all, { value: structuredClone(directive), expiresAt: toTtl(expiresAt) }]);
      }),
    readDirectives: (nsp, from) =>
      state.decide(() =>
        (rows.get(nsp) ?? [])
          .filter(({ value, expiresAt }) => value.id >= from && isLive(expiresAt, state.now()))
          .map(({ value }) => structuredClone(value))
          .sort((a, b) => (a.id < b.id ? -1 : 1)),
      ),
  };
}
