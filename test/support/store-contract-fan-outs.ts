import { randomBytes } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import type { FanOutStore, SocketRange } from "../../lambdas/server/ports/fan-out.ts";
import { EVERYONE, type LogRow, type Member, type RoomName } from "../../lambdas/server/ports/rooms.ts";
import { atOnce, HOUR, MINUTE, type StoreBench } from "./store-contract-bench.ts";

const socketId = (): string => randomBytes(15).toString("base64url");

/** Registers the tests of what emitters and workers of fan-outs keep. */
export function fanOutContract(bench: StoreBench, store: () => FanOutStore): void {
  const leg = (path = "@.0") => ({ id: bench.name("job"), path });
  const lease = (token: string) => ({ token, until: bench.clock.now() + MINUTE });

  const inOrder = async (nsp: string, room: RoomName, range: SocketRange, pageSize?: number) =>
    await Promise.all(
      store()
        .listMembersInOrder(nsp, room, range, pageSize)
        .map(async (pages) => {
          const members: Member[] = [];
          for await (const page of pages) members.push(...page);
          return members;
        }),
    );

  describe("members by ranges", () => {
    test.each<RoomName>(["a room", EVERYONE])(
      "of %p come in the order of their ids, each once",
      async (room) => {
        const nsp = bench.name("/nsp");
        const ids = Array.from({ length: 30 }, socketId).sort((a, b) => (a < b ? -1 : 1));
        const all = ids.map((id) => bench.member(room, { nsp, id }));
        await Promise.all(all.map((member) => bench.store.putMember(member)));
        for (const pageSize of [undefined, 1, 7, 30]) {
          const sources = await inOrder(nsp, room, {}, pageSize);
          for (const members of sources) {
            const listed = members.map(({ id }) => id);
            expect(listed).toEqual(ids.filter((id) => listed.includes(id)));
          }
          const listed = sources.flat().sort((a, b) => (a.id < b.id ? -1 : 1));
          expect(listed).toEqual(all);
        }
      },
    );

    test("begin with `from` and end before `to`", async () => {
      const room = bench.name("room");
      const ids = ["-", "0", "A", "Z", "_", "a", "z"].map((first) => first.padEnd(20, "x"));
      for (const id of ids) await bench.store.putMember(bench.member(room, { id }));
      const [, second, third, , , sixth] = ids;
      const listed = async (range: SocketRange) =>
        (await inOrder("/", room, range, 2)).flat().map(({ id }) => id);
      expect(await listed({ from: second ?? "", to: sixth ?? "" })).toEqual(ids.slice(1, 5));
      expect(await listed({ to: third ?? "" })).toEqual(ids.slice(0, 2));
      expect(await listed({ from: `${second} ` })).toEqual(ids.slice(2));
      expect(await listed({ from: "Y", to: "Y0" })).toEqual([]);
    });

    test("leave out who cannot live any more, and tell of a session that is being resumed", async () => {
      const room = bench.name("room");
      const [old, held] = [socketId(), socketId()];
      await bench.store.putMember(bench.member(room, { id: old }));
      bench.pass(3 * HOUR);
      await bench.store.holdMember(bench.member(room, { id: held, hold: "pid" }));
      const listed = (await inOrder("/", room, {})).flat();
      expect(listed.map(({ id, hold }) => [id, hold])).toEqual([[held, "pid"]]);
    });
  });

  describe("messages of fan-outs", () => {
    test.each([10, 400_000, 1_500_000])("of %d characters come back as they were", async (length) => {
      const id = bench.name("job");
      // Four bytes each in UTF-8, and two units in JavaScript: no cut may divide one.
      const json = JSON.stringify({ frames: ["x", "🛰".repeat(length / 2)] });
      expect(await store().readMessage(id)).toBeUndefined();
      await store().putMessage(id, json);
      expect(await store().readMessage(id)).toBe(json);
    });
  });

  describe("legs of fan-outs", () => {
    test("are one worker's at a time, and another's when its time is over", async () => {
      const key = leg();
      const claims = await atOnce(8, (at) => store().claimLeg(key, lease(`token ${at}`)));
      expect(claims.filter((one) => one !== undefined)).toEqual([{ missed: [], branches: [], finished: {} }]);
      bench.pass(MINUTE - 1);
      expect(await store().claimLeg(key, lease("later"))).toBeUndefined();
      bench.pass(1);
      expect(await store().claimLeg(key, lease("later"))).toBeDefined();
    });

    test("keep how far they are, for who has them only", async () => {
      const key = leg();
      await store().claimLeg(key, lease("first"));
      const branches = [{ from: "m", to: "q" }, { from: "q" }];
      expect(await store().saveLeg(key, "first", { cursor: "c ", missed: ["a~b"] })).toBe(true);
      expect(await store().saveLeg(key, "first", { to: "m", branches })).toBe(true);
      expect(await store().saveLeg(key, "another", { cursor: "z" })).toBe(false);
      const known = { cursor: "c ", missed: ["a~b"], to: "m", branches, finished: {} };
      expect(await store().readLeg(key)).toEqual(known);
      bench.pass(MINUTE);
      expect(await store().claimLeg(key, lease("second"))).toEqual(known);
      expect(await store().saveLeg(key, "first", { cursor: "z" })).toBe(false);
      expect(await store().saveLeg(key, "second", { missed: "many" })).toBe(true);
      expect(await store().readLeg(key)).toEqual({ ...known, missed: "many" });
    });

    test("count their parts, each any number of times", async () => {
      const { id } = leg();
      const key = { id, path: "@" };
      const branches = [{ to: "m" }, { from: "m" }];
      expect(await store().finishLeg(key, "0", [])).toBeUndefined();
      await store().putRoot(id, branches);
      const two = await Promise.all([
        store().finishLeg(key, "0", ["a"]),
        store().finishLeg(key, "1", "many"),
      ]);
      expect(two.map((one) => Object.keys(one?.finished ?? {}).length).sort()).toEqual([1, 2]);
      const expected = {
        missed: [],
        branches,
        finished: expect.objectContaining({ "0": ["a"], "1": "many" }),
      };
      expect(await store().finishLeg(key, "0", ["a"])).toEqual(expected);
      const all = await store().finishLeg(key, "own", []);
      expect(Object.keys(all?.finished ?? {}).sort()).toEqual(["0", "1", "own"]);
      expect(await store().readLeg(key)).toEqual(all);
    });

    test("are finished by who has them only", async () => {
      const key = leg();
      await store().claimLeg(key, lease("first"));
      bench.pass(MINUTE);
      await store().claimLeg(key, lease("second"));
      expect(await store().finishLeg(key, "own", [], "first")).toBeUndefined();
      expect(await store().finishLeg(key, "own", [], "second")).toMatchObject({ finished: { own: [] } });
    });

    test("are forgotten after half an hour", async () => {
      const { id } = leg();
      await store().putRoot(id, []);
      bench.pass(HOUR);
      expect(await store().readLeg({ id, path: "@" })).toBeUndefined();
      expect(await store().finishLeg({ id, path: "@" }, "own", [])).toBeUndefined();
    });
  });

  describe("who has left a room", () => {
    const offset = (n: number): string => String(n).padStart(21, "0");
    const all = async (room: string, from: string) =>
      (await store().readLeavers("/", room, from)).map(({ id, until }) => [id, until]);

    test("is told by the end of the log to be noted, after an emitter has said so, for six minutes", async () => {
      const room = bench.name("room");
      const end = (from: number) => bench.store.readLogEnd("/", room, offset(from));
      expect(await end(0)).toEqual({ notesLeavers: false });
      const row = { nsp: "/", room, frames: ["42[]"], except: [] };
      for (const n of [1, 2]) await bench.store.putLog({ ...row, id: offset(n) }, bench.clock.now() + HOUR);
      await store().noteLeavers("/", room);
      expect(await end(0)).toEqual({ last: offset(2), notesLeavers: true });
      expect(await end(3)).toEqual({ notesLeavers: true });
      bench.pass(5 * MINUTE);
      expect(await end(3)).toEqual({ notesLeavers: true });
      bench.pass(2 * MINUTE);
      expect(await end(2)).toEqual({ last: offset(2), notesLeavers: false });
    });

    test("is noted with when it did, apart from the packets", async () => {
      const [room, id, hold] = [bench.name("room~#"), `${socketId()}#~`, "pid"];
      const leaver = { ...bench.member(room, { id, hold }), until: offset(5) };
      await bench.store.putLeaver(leaver);
      await bench.store.putLeaver(leaver);
      await store().noteLeavers("/", room);
      expect(await store().readLeavers("/", room, offset(5))).toEqual([leaver]);
      await bench.store.putLeaver({ ...leaver, until: offset(3) });
      expect(await all(room, offset(0))).toEqual([
        [id, offset(3)],
        [id, offset(5)],
      ]);
      expect(await all(room, offset(6))).toEqual([]);
      for await (const page of bench.store.listLog("/", room, "")) expect(page).toEqual([]);
      expect(await bench.store.readLogEnd("/", room, "")).toEqual({ notesLeavers: true });
      bench.pass(7 * MINUTE);
      expect(await all(room, offset(0))).toEqual([]);
    });
  });

  test.each<RoomName>(["a room", EVERYONE])(
    "a packet to %p in the log is marked as for workers",
    async (room) => {
      const nsp = bench.name("/nsp");
      const row: Omit<LogRow, "done" | "missed"> = {
        nsp,
        room,
        id: "0".repeat(21),
        frames: ["42[]"],
        except: [],
      };
      const read = async () => {
        for await (const [found] of bench.store.listLog(nsp, room, "")) return found;
        return undefined;
      };
      await store().markFannedOut(row);
      expect(await read()).toBeUndefined();
      await bench.store.putLog(row, bench.clock.now() + HOUR);
      expect(await read()).toEqual({ ...row, missed: [] });
      await store().markFannedOut(row);
      expect(await read()).toEqual({ ...row, missed: [], fannedOut: true });
      await bench.store.finishLog({ ...row, done: 5, missed: ["a"] });
      expect(await read()).toEqual({ ...row, missed: ["a"], fannedOut: true, done: 5 });
    },
  );
}
