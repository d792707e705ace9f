import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { EVERYONE, type LogRow, type RoomName } from "../../lambdas/server/ports/rooms.ts";
import { plays } from "./schedules.ts";
import { atOnce, HOUR, type StoreBench } from "./store-contract-bench.ts";
import { anyName, TORTURE } from "./store-contract-names.ts";

type NewRow = Omit<LogRow, "done" | "missed">;

/** As offsets are: of one length, sorted by their number. */
export const offset = (n: number): string => n.toString(36).padStart(21, "0");

export function logContract(bench: StoreBench): void {
  const row = (nsp: string, room: RoomName, n: number, changes: Partial<NewRow> = {}): NewRow => ({
    ...{ nsp, room, id: offset(n), frames: [`42["m",${n}]`], except: [] },
    ...changes,
  });
  const put = async (one: NewRow) => {
    await bench.store.putLog(one, bench.clock.now() + HOUR);
    return one;
  };
  const list = async (nsp: string, room: RoomName, from = "0", to?: string) => {
    const rows: LogRow[] = [];
    for await (const page of bench.store.listLog(nsp, room, from, to)) {
      expect(page.length).toBeGreaterThan(0);
      rows.push(...page);
    }
    return rows;
  };
  const idsOf = (rows: readonly LogRow[]) => rows.map(({ id }) => id);

  describe("the log of a room", () => {
    it("lists packets as they were put, by their ids", async () => {
      const nsp = bench.name("/nsp");
      for (const room of ["lobby", EVERYONE] as const) {
        expect(await list(nsp, room)).toEqual([]);
        const second = await put(row(nsp, room, 2, { except: ["a", "b"], frames: ["451-[]", "bAAAA"] }));
        const first = await put(row(nsp, room, 1));
        const rows = await list(nsp, room);
        expect(rows).toEqual([
          { ...first, missed: [] },
          { ...second, missed: [] },
        ]);
        expect(rows[0]).not.toHaveProperty("done");
      }
    });

    it("says when a packet was done and who missed it", async () => {
      const nsp = bench.name("/nsp");
      for (const room of ["lobby", EVERYONE] as const) {
        const one = await put(row(nsp, room, 1, { except: ["x"] }));
        const two = await put(row(nsp, room, 2));
        await bench.store.finishLog({ nsp, room, id: one.id, done: 77, missed: ["s1", "s2"] });
        await bench.store.finishLog({ nsp, room, id: two.id, done: 78, missed: [] });
        expect(await list(nsp, room)).toEqual([
          { ...one, done: 77, missed: ["s1", "s2"] },
          { ...two, done: 78, missed: [] },
        ]);
      }
    });

    it("does not take back that a packet is done when it is put again", async () => {
      const one = await put(row(bench.name("/nsp"), "lobby", 1));
      const { nsp, room, id } = one;
      await bench.store.finishLog({ nsp, room, id, done: 77, missed: ["s1"] });
      await put(one);
      expect(await list(nsp, room)).toEqual([{ ...one, done: 77, missed: ["s1"] }]);
    });

    it("finishes no packet that is not there", async () => {
      const nsp = bench.name("/nsp");
      await bench.store.finishLog({ nsp, room: "lobby", id: offset(1), done: 1, missed: [] });
      expect(await list(nsp, "lobby")).toEqual([]);
    });

    it("lists a range: offsets or their beginnings, both ends included", async () => {
      const nsp = bench.name("/nsp");
      await Promise.all([1, 2, 3, 35, 36, 37].map((n) => put(row(nsp, "lobby", n))));
      const ids = async (from: string, to?: string) =>
        idsOf(await list(nsp, "lobby", from, to)).map((id) => Number.parseInt(id, 36));
      expect(await ids(offset(2))).toEqual([2, 3, 35, 36, 37]);
      expect(await ids(offset(2), offset(36))).toEqual([2, 3, 35, 36]);
      expect(await ids(offset(4), offset(5))).toEqual([]);
      expect(await ids(offset(3), offset(2))).toEqual([]);
      expect(await ids(offset(36).slice(0, -1))).toEqual([36, 37]);
      expect(await ids("0", offset(1).slice(0, -1))).toEqual([1, 2, 3, 35]);
      expect(await ids("")).toHaveLength(6);
      expect(await ids("z")).toEqual([]);
    });

    it("comes in pages, by id across them, and can be left after the first", async () => {
      const nsp = bench.name("/nsp");
      // Large packets, so that 12 of them are more than the 1 MB of a page.
      const frames = ["x".repeat(120_000)];
      await Promise.all(Array.from({ length: 12 }, (_, n) => put(row(nsp, "lobby", n, { frames }))));
      const pages: (readonly LogRow[])[] = [];
      for await (const page of bench.store.listLog(nsp, "lobby", "0")) pages.push(page);
      expect(pages.length).toBeGreaterThan(1);
      expect(idsOf(pages.flat())).toEqual(Array.from({ length: 12 }, (_, n) => offset(n)));
      for await (const page of bench.store.listLog(nsp, "lobby", offset(3))) {
        expect(page[0]?.id).toBe(offset(3));
        break;
      }
    });

    it("shows in later pages what was put while earlier ones were read", async () => {
      const nsp = bench.name("/nsp");
      await atOnce(150, (n) => put(row(nsp, "lobby", n + 1)));
      const ids: string[] = [];
      for await (const page of bench.store.listLog(nsp, "lobby", "0")) {
        if (ids.length === 0) await Promise.all([put(row(nsp, "lobby", 0)), put(row(nsp, "lobby", 999))]);
        ids.push(...idsOf(page));
      }
      expect(ids).toEqual([...Array.from({ length: 150 }, (_, n) => offset(n + 1)), offset(999)]);
    });

    it("lists nothing that has expired", async () => {
      const nsp = bench.name("/nsp");
      const old = await put(row(nsp, "lobby", 1));
      bench.pass(HOUR / 2);
      await put(row(nsp, "lobby", 2));
      expect(await list(nsp, "lobby")).toHaveLength(2);
      bench.pass(HOUR / 2 + 1_000);
      expect(idsOf(await list(nsp, "lobby"))).toEqual([offset(2)]);
      await bench.store.finishLog({ nsp, room: "lobby", id: old.id, done: 1, missed: [] });
      expect(idsOf(await list(nsp, "lobby"))).toEqual([offset(2)]);
    });

    it("is its own whatever the names of room and namespace, and so are the rooms left out", async () => {
      const pairs = fc.uniqueArray(fc.tuple(anyName(), anyName()), {
        minLength: 2,
        maxLength: 5,
        selector: ([nsp, room]) => JSON.stringify([nsp, room]),
      });
      const base = bench.name("n");
      let n = 0;
      await fc.assert(
        fc.asyncProperty(pairs, fc.array(anyName(), { maxLength: 3 }), async (rooms, except) => {
          const begin = n;
          const rows = rooms.map(([nsp, room]) => row(`${nsp}${base}`, room, n++, { except }));
          await Promise.all(rows.map((one) => put(one)));
          for (const one of rows) {
            const { nsp, room, id } = one;
            await bench.store.finishLog({ nsp, room, id, done: 1, missed: except });
            expect(await list(nsp, room, offset(begin))).toEqual([{ ...one, done: 1, missed: except }]);
            expect(await list(nsp, EVERYONE)).toEqual([]);
          }
        }),
        plays(15),
      );
    });

    it("of everyone is not that of any room", async () => {
      const nsp = bench.name("/nsp");
      await put(row(nsp, EVERYONE, 1));
      for (const room of [...TORTURE, "everyone"]) expect(await list(nsp, room)).toEqual([]);
      expect(await list(`${nsp}#`, EVERYONE)).toEqual([]);
      expect(await list(nsp, EVERYONE)).toHaveLength(1);
    });
  });
}
