import { describe, expect, it } from "@jest/globals";
import type { SharedCommit, SharedLease } from "../../lambdas/server/ports/shared.ts";
import { noteOf } from "../../lambdas/server/shared/notes.ts";
import { atOnce, type StoreBench } from "./store-contract-bench.ts";

const commitOf = (version: string, more: Partial<SharedCommit> = {}): SharedCommit => ({
  version,
  redo: new Map(),
  notes: [],
  ...more,
});

export function sharedContract(bench: StoreBench): void {
  const later = (ms: number): number => bench.clock.now() + ms;

  /** A namespace, and who has its lease. */
  async function held(): Promise<{ nsp: string; token: string; lease: SharedLease }> {
    const [nsp, token] = [bench.name("/shared"), bench.name("token")];
    const lease = await bench.store.takeLease(nsp, { token, until: later(8_000) });
    if (!lease) throw new Error("a fresh lease was refused");
    return { nsp, token, lease };
  }

  describe("the lease of a namespace", () => {
    it("is not there before it is first taken", async () => {
      expect(await bench.store.readLease(bench.name("/shared"))).toBeUndefined();
    });

    it("is given to one of several, at the first place", async () => {
      const nsp = bench.name("/shared");
      const taken = await atOnce(6, () => bench.store.takeLease(nsp, { token: bench.name("t"), until: 5 }));
      const mine = taken.filter((lease) => lease !== undefined);
      expect(mine).toEqual([{ place: 0, next: 1, taken: true, until: 5, redo: new Map(), notes: [] }]);
    });

    it("gives each who waits a place of its own, and goes to the first when it is given up", async () => {
      const { nsp, token } = await held();
      const places = await atOnce(5, () => bench.store.standInLine(nsp));
      expect(places.toSorted()).toEqual([1, 2, 3, 4, 5]);
      expect(await bench.store.takeLease(nsp, { token: "late", until: later(8_000) })).toBeUndefined();
      expect(await bench.store.writeLease(nsp, token, { gives: true, until: later(500) })).toBe(true);
      const seen = await bench.store.readLease(nsp);
      expect(seen).toMatchObject({ place: 1, next: 6, taken: false, until: later(500) });
      const claims = await atOnce(3, () =>
        bench.store.claimLease(
          nsp,
          { place: 1, until: later(500) },
          { place: 1, token: bench.name("t"), until: 9 },
        ),
      );
      expect(claims.filter((lease) => lease !== undefined)).toMatchObject([
        { place: 1, taken: true, until: 9 },
      ]);
    });

    it("stands in line where nobody has ever had it", async () => {
      const nsp = bench.name("/shared");
      expect(await bench.store.standInLine(nsp)).toBe(0);
      const seen = { place: 0, until: 0 };
      expect(await bench.store.readLease(nsp)).toMatchObject({ ...seen, next: 1, taken: false });
      const claim = { place: 0, token: "t", until: later(8_000) };
      expect(await bench.store.claimLease(nsp, seen, claim)).toMatchObject({ place: 0, taken: true });
    });

    it("is claimed from who has died, past those before in line, and not from who has renewed", async () => {
      const { nsp, token, lease } = await held();
      const place = 2 + (await bench.store.standInLine(nsp)) - 1;
      expect(await bench.store.writeLease(nsp, token, { gives: false, until: later(9_000) })).toBe(true);
      const claim = { place, token: "next", until: later(20_000) };
      expect(await bench.store.claimLease(nsp, lease, claim)).toBeUndefined();
      const seen = { place: 0, until: later(9_000) };
      expect(await bench.store.claimLease(nsp, seen, claim)).toMatchObject({ place, taken: true });
    });

    it("takes no commit of who has lost it, nor gives it up for them", async () => {
      const { nsp, token, lease } = await held();
      const place = await bench.store.standInLine(nsp);
      await bench.store.claimLease(nsp, lease, { place, token: "next", until: later(20_000) });
      const change = { gives: true, until: later(500), commit: commitOf("late") };
      expect(await bench.store.writeLease(nsp, token, change)).toBe(false);
      expect(await bench.store.writeLease(nsp, token, { gives: false, until: later(500) })).toBe(false);
      const row = await bench.store.readLease(nsp);
      expect(row).toMatchObject({ place, taken: true, until: later(20_000) });
      expect(row?.version).toBeUndefined();
    });

    it("keeps a commit with what it remembers, and says yes to the same once more", async () => {
      const { nsp, token } = await held();
      const redo = new Map<string, string | null>([
        ["users\n", '[["ü"]]'],
        ["games\nogone", null],
      ]);
      const notes = ["a", "b"].map(noteOf);
      const aside = { id: "large", count: 2 };
      const commit = commitOf("v1", { redo, notes, aside, base: "b1" });
      const change = { gives: true, until: later(500), commit };
      expect(await bench.store.writeLease(nsp, token, change)).toBe(true);
      expect(await bench.store.writeLease(nsp, token, change)).toBe(true);
      const lease = await bench.store.takeLease(nsp, { token: "next", until: later(8_000) });
      expect(lease).toEqual({
        ...{ place: 1, next: 2, taken: true, until: later(8_000) },
        ...{ version: "v1", base: "b1", redo, notes, aside },
      });
      const plain = { gives: false, until: later(8_000), commit: commitOf("v2") };
      expect(await bench.store.writeLease(nsp, "next", plain)).toBe(true);
      expect(await bench.store.readLease(nsp)).toEqual({
        ...{ place: 1, next: 2, taken: true, until: later(8_000) },
        ...{ version: "v2", redo: new Map(), notes: [] },
      });
    });
  });

  describe("the pieces of shared variables", () => {
    it("come back, and those that are gone do not, whatever their names are", async () => {
      const nsp = bench.name("/shared");
      const names = ["users\n", "users\nm[1]", "a#b~%\no\u0000", `long\no${"ü".repeat(2_000)}`, "gone\n"];
      await bench.store.putPieces(nsp, 1, new Map(names.map((name) => [name, `of ${name}`])));
      await bench.store.putPieces(nsp, 2, new Map([["gone\n", null]]));
      const rest = names.slice(0, -1).map((name) => [name, `of ${name}`] as const);
      expect(await bench.store.readPieces(nsp)).toEqual(new Map(rest));
    });

    it("are not written by an earlier place, nor brought back by one", async () => {
      const nsp = bench.name("/shared");
      await bench.store.putPieces(
        nsp,
        5,
        new Map([
          ["a\n", "new"],
          ["b\n", null],
        ]),
      );
      await bench.store.putPieces(
        nsp,
        4,
        new Map([
          ["a\n", "old"],
          ["b\n", "old"],
        ]),
      );
      expect(await bench.store.readPieces(nsp)).toEqual(new Map([["a\n", "new"]]));
      await bench.store.putPieces(nsp, 5, new Map([["a\n", "newer"]]));
      expect(await bench.store.readPieces(nsp)).toEqual(new Map([["a\n", "newer"]]));
    });

    it("are those of one namespace, and not its lease", async () => {
      const { nsp } = await held();
      expect(await bench.store.readPieces(nsp)).toEqual(new Map());
      await bench.store.putPieces(`${nsp}2`, 1, new Map([["a\n", "other"]]));
      expect(await bench.store.readPieces(nsp)).toEqual(new Map());
    });
  });

  describe("the end of a socket whose listeners change shared variables", () => {
    it("says so until it is settled, and who ended it is given the row of before", async () => {
      const now = bench.clock.now();
      const key = { connectionId: bench.name("C="), nsp: "/" };
      const id = bench.name("socket");
      const times = { deadline: now + 10_000, expiresAt: now + 3_600_000 };
      await bench.store.beginSocket({ ...key, ...times, id, auth: "{}", token: "t" });
      const state = { rooms: {}, data: {}, props: {}, rerunMiddlewares: false, running: now };
      await bench.store.openSocket(key, id, state);
      const before = await bench.store.endSocket(key, id, "transport close", 1, "open", true);
      expect([before?.phase, before?.unshared]).toEqual(["open", undefined]);
      expect(await bench.store.readSocket(key)).toMatchObject({ phase: "ended", unshared: true });
      await bench.store.settleEnd(key, id);
      const settled = await bench.store.readSocket(key);
      expect([settled?.phase, settled?.unshared]).toEqual(["ended", undefined]);
    });
  });

  describe("what is put aside of shared variables", () => {
    it("comes back whole, and is gone when it is dropped", async () => {
      const nsp = bench.name("/shared");
      const text = "ü€😀".repeat(100_000);
      const aside = await bench.store.putAside(nsp, "one", text);
      expect(await bench.store.readAside(nsp, aside)).toBe(text);
      expect(await bench.store.readPieces(nsp)).toEqual(new Map());
      await bench.store.dropAside(nsp, aside);
      await bench.store.dropAside(nsp, aside);
      await expect(bench.store.readAside(nsp, aside)).rejects.toThrow("missing");
    });
  });
}
