import type { SharedLease, SharedStore } from "../../server/ports/shared.ts";
import type { MemoryState } from "./state.ts";

interface Row extends SharedLease {
  readonly token?: string;
}

interface Shared {
  row: Row | undefined;
  readonly pieces: Map<string, { readonly at: number; readonly text: string | null }>;
  readonly asides: Map<string, string>;
}

/** Shared variables of a store in memory: same contract as ../shared.ts. */
export function memoryShared({ decide }: MemoryState): SharedStore {
  const namespaces = new Map<string, Shared>();
  const of = (nsp: string): Shared => {
    const known = namespaces.get(nsp) ?? { row: undefined, pieces: new Map(), asides: new Map() };
    namespaces.set(nsp, known);
    return known;
  };
  return { ...leases(decide, of), ...values(decide, of) };
}

const NEW: Row = { place: 0, next: 0, taken: false, until: 0, redo: new Map(), notes: [] };

const seenBy = ({ token: _, ...lease }: Row): SharedLease => ({ ...lease, redo: new Map(lease.redo) });

type Leases = "takeLease" | "standInLine" | "readLease" | "claimLease" | "writeLease";

function leases(decide: MemoryState["decide"], of: (nsp: string) => Shared): Pick<SharedStore, Leases> {
  const put = (nsp: string, row: Row): SharedLease => {
    of(nsp).row = row;
    return seenBy(row);
  };
  return {
    takeLease: (nsp, claim) =>
      decide(() => {
        const row = of(nsp).row ?? NEW;
        if (row.place !== row.next) return undefined;
        return put(nsp, { ...row, next: row.next + 1, ...claim, taken: true });
      }),
    standInLine: (nsp) =>
      decide(() => {
        const row = of(nsp).row ?? NEW;
        return put(nsp, { ...row, next: row.next + 1 }).next - 1;
      }),
    readLease: (nsp) =>
      decide(() => {
        const { row } = of(nsp);
        return row && seenBy(row);
      }),
    claimLease: (nsp, seen, claim) =>
      decide(() => {
        const { row } = of(nsp);
        if (row?.place !== seen.place || row.until !== seen.until) return undefined;
        return put(nsp, { ...row, ...claim, taken: true });
      }),
    writeLease: (nsp, token, { gives, until, commit }) =>
      decide(() => {
        const { row } = of(nsp);
        if (row?.token !== token) return commit !== undefined && row?.version === commit.version;
        const { base: _, aside: _1, ...rest } = row;
        const kept = commit ? { ...rest, ...commit, redo: new Map(commit.redo) } : row;
        const { token: _2, ...given } = kept;
        put(nsp, gives ? { ...given, place: row.place + 1, taken: false, until } : { ...kept, token, until });
        return true;
      }),
  };
}

function values(decide: MemoryState["decide"], of: (nsp: string) => Shared): Omit<SharedStore, Leases> {
  return {
    putPieces: async (nsp, place, pieces) => {
      // Each is a request of its own.
      for (const [piece, text] of pieces) {
        await decide(() => {
          const there = of(nsp).pieces.get(piece);
          if (!there || there.at <= place) of(nsp).pieces.set(piece, { at: place, text });
        });
      }
    },
    readPieces: (nsp) =>
      decide(
        () =>
          new Map(
            [...of(nsp).pieces].flatMap(([piece, { text }]) =>
              text === null ? [] : [[piece, text] as const],
            ),
          ),
      ),
    putAside: (nsp, id, text) =>
      decide(() => {
        of(nsp).asides.set(id, text);
        return { id, count: 1 };
      }),
    readAside: (nsp, { id }) =>
      decide(() => {
        const text = of(nsp).asides.get(id);
        if (text === undefined) throw new Error("a part of a large change is missing");
        return text;
      }),
    dropAside: (nsp, { id }) =>
      decide(() => {
        of(nsp).asides.delete(id);
      }),
  };
}
