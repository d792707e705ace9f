import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { EVERYONE } from "../../lambdas/server/ports/rooms.ts";
import type { LeftRoom, SocketKey } from "../../lambdas/server/ports/sockets.ts";
import type { Store } from "../../lambdas/server/ports/store.ts";
import { plays } from "./schedules.ts";
import { atOnce, HOUR, largeJson, MINUTE, type StoreBench } from "./store-contract-bench.ts";
import { anyName } from "./store-contract-names.ts";

/** What connection state recovery keeps in the rows of sockets and members. */
export function recoveryContract(bench: StoreBench, keeping: (keepEndedMs: number) => Store): void {
  describe("a socket with a session", () => {
    it("has its pid, and whether it was recovered, from the beginning", async () => {
      const { connectionId } = await bench.connection();
      const socket = { ...bench.newSocket(connectionId), pid: "p1", recovered: true };
      await bench.store.beginSocket(socket);
      expect(await bench.store.readSocket(socket)).toMatchObject({ pid: "p1", recovered: true });
      const fresh = { ...bench.newSocket(connectionId, "/fresh"), pid: "p2", recovered: false };
      await bench.store.beginSocket(fresh);
      const row = await bench.store.readSocket(fresh);
      expect(row).toMatchObject({ pid: "p2", recovered: false });
      for (const name of ["resuming", "left", "forgotten", "endedAt"]) expect(row).not.toHaveProperty(name);
    });

    it("goes on with what the commit brings, its token of everyone too", async () => {
      const left = [
        { room: "a", token: "t1", until: "5" },
        { room: "a", token: "t2", until: "7" },
        { room: "b#c", token: "t3", until: "7" },
      ];
      const commit = { token: "renewed", resuming: true, left, forgotten: "3", rooms: { d: "t4" } };
      const { key } = await bench.open(commit);
      const row = await bench.store.readSocket(key);
      expect(row).toMatchObject({ token: "renewed", resuming: true, forgotten: "3", rooms: { d: "t4" } });
      expect(sorted(row?.left)).toEqual(left);
    });

    it("keeps the token it began with if the commit brings none", async () => {
      const socket = await bench.connecting();
      await bench.store.openSocket(socket, socket.id, bench.commit());
      expect((await bench.store.readSocket(socket))?.token).toBe(socket.token);
    });

    it("resumes until it is told that it has everything, while it is open", async () => {
      const { key, id } = await bench.open({ resuming: true, rooms: { a: "t" } });
      expect(await bench.store.endResuming(key, "other")).toBeUndefined();
      expect((await bench.store.readSocket(key))?.resuming).toBe(true);
      expect(await bench.store.endResuming(key, id)).toEqual({ a: "t" });
      expect(await bench.store.readSocket(key)).not.toHaveProperty("resuming");
      expect(await bench.store.endResuming(key, id)).toEqual({ a: "t" });
      await bench.store.endSocket(key, id, "transport close", 1);
      expect(await bench.store.endResuming(key, id)).toBeUndefined();
      const connecting = await bench.connecting();
      expect(await bench.store.endResuming(connecting, connecting.id)).toBeUndefined();
    });

    it("is kept as long as it can be restored, with its large values", async () => {
      const store = keeping(48 * HOUR);
      const key = bench.newSocket(bench.name("conn"));
      const { id } = key;
      await store.beginSocket(key);
      await store.openSocket(key, id, bench.commit({ data: { a: largeJson(5_000) } }));
      await store.saveState(key, id, { data: { b: largeJson(4_000) } });
      bench.pass(HOUR);
      const at = bench.clock.now();
      await store.endSocket(key, id, "transport close", at);
      bench.pass(48 * HOUR - MINUTE);
      const row = await store.readSocket(key);
      expect(row).toMatchObject({ phase: "ended", endedAt: at });
      expect(Object.keys(row?.data ?? {}).sort()).toEqual(["a", "b"]);
      bench.pass(2 * MINUTE);
      expect(await store.readSocket(key)).toBeUndefined();
    });
  });

  leavingContract(bench);
  holdContract(bench);
}

/** By `until`, then by room. */
function sorted(left: readonly LeftRoom[] = []): readonly LeftRoom[] {
  const keyOf = ({ room, until }: LeftRoom) => `${until} ${room}`;
  return [...left].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

function leavingContract(bench: StoreBench): void {
  const withSession = async (rooms: Readonly<Record<string, string>>) => {
    const { connectionId } = await bench.connection();
    const socket = { ...bench.newSocket(connectionId), pid: bench.name("pid") };
    await bench.store.beginSocket(socket);
    await bench.store.openSocket(socket, socket.id, bench.commit({ rooms }));
    return { key: { connectionId, nsp: "/" }, id: socket.id };
  };
  const leftOf = async (key: SocketKey) => sorted((await bench.store.readSocket(key))?.left);

  describe("rooms that a socket has left", () => {
    it("are remembered with their tokens, and are given back like others", async () => {
      const { key, id } = await withSession({ a: "ta", b: "tb", c: "tc" });
      const leave = (rooms: readonly string[], until: string) =>
        bench.store.removeRooms(key, id, rooms, { until, forget: [] });
      expect(await leave(["a", "b", "a"], "5")).toEqual({ a: "ta", b: "tb" });
      expect((await bench.store.readSocket(key))?.rooms).toEqual({ c: "tc" });
      expect(await leftOf(key)).toEqual([
        { room: "a", token: "ta", until: "5" },
        { room: "b", token: "tb", until: "5" },
      ]);
      await bench.store.addRooms(key, id, { a: "again" });
      expect(await leave(["a"], "6")).toEqual({ a: "again" });
      expect(await leftOf(key)).toHaveLength(3);
      const ended = await bench.store.endSocket(key, id, "transport close", 1);
      expect(sorted(ended?.left)).toEqual(await leftOf(key));
    });

    it("are not remembered by a leave that says nothing of it", async () => {
      const { key, id } = await withSession({ a: "ta" });
      expect(await bench.store.removeRooms(key, id, ["a"])).toEqual({ a: "ta" });
      expect(await leftOf(key)).toEqual([]);
    });

    it("are only those it was in, and only its own", async () => {
      const { key, id } = await withSession({ a: "ta" });
      const leaving = { until: "5", forget: [], forgotten: "1" };
      expect(await bench.store.removeRooms(key, "other", ["a"], leaving)).toEqual({});
      expect(await bench.store.removeRooms(key, id, ["none", "never"], leaving)).toEqual({});
      expect(await bench.store.readSocket(key)).not.toHaveProperty("forgotten");
      expect(await bench.store.removeRooms(key, id, ["none", "a", "never"], leaving)).toEqual({ a: "ta" });
      expect(await leftOf(key)).toEqual([{ room: "a", token: "ta", until: "5" }]);
      const nowhere = { connectionId: bench.name("conn"), nsp: "/" };
      expect(await bench.store.removeRooms(nowhere, id, ["a"], leaving)).toEqual({});
      expect(await bench.store.readSocket(nowhere)).toBeUndefined();
    });

    it("are forgotten on request, and it is remembered up to when", async () => {
      const { key, id } = await withSession({ a: "ta", b: "tb", c: "tc" });
      await bench.store.removeRooms(key, id, ["a"], { until: "5", forget: [] });
      await bench.store.removeRooms(key, id, ["b"], { until: "6", forget: [] });
      const forget = [
        { room: "a", token: "ta", until: "5" },
        { room: "never", token: "t", until: "5" },
      ];
      await bench.store.removeRooms(key, id, ["c"], { until: "7", forget, forgotten: "5" });
      expect(await leftOf(key)).toEqual([
        { room: "b", token: "tb", until: "6" },
        { room: "c", token: "tc", until: "7" },
      ]);
      expect((await bench.store.readSocket(key))?.forgotten).toBe("5");
    });

    it("keep the earlier of two stays that ended at the same offset", async () => {
      const { key, id } = await withSession({ a: "first" });
      await bench.store.removeRooms(key, id, ["a"], { until: "5", forget: [] });
      await bench.store.addRooms(key, id, { a: "second" });
      const same = { room: "a", token: "first", until: "5" };
      const leaving = { until: "5", forget: [same], forgotten: "5" };
      expect(await bench.store.removeRooms(key, id, ["a"], leaving)).toEqual({ a: "second" });
      expect((await bench.store.readSocket(key))?.rooms).toEqual({});
      expect(await leftOf(key)).toEqual([same]);
    });

    it("may be hundreds at once, and as many forgotten", async () => {
      const rooms = Object.fromEntries(Array.from({ length: 180 }, (_, i) => [`room ${i}`, `t${i}`]));
      const { key, id } = await withSession({ ...rooms, last: "t" });
      const left = await bench.store.removeRooms(key, id, Object.keys(rooms), { until: "5", forget: [] });
      expect(left).toEqual(rooms);
      const forget = await leftOf(key);
      expect(forget).toHaveLength(180);
      const leaving = { until: "6", forget, forgotten: "5" };
      expect(await bench.store.removeRooms(key, id, ["last"], leaving)).toEqual({ last: "t" });
      expect(await leftOf(key)).toEqual([{ room: "last", token: "t", until: "6" }]);
    });

    it("are remembered once by several leavers, beside racing joins", async () => {
      const { key, id } = await withSession({ a: "ta", b: "tb" });
      const [left] = await Promise.all([
        atOnce(4, (i) => bench.store.removeRooms(key, id, ["a", "b"], { until: `5${i}`, forget: [] })),
        atOnce(4, (i) => bench.store.addRooms(key, id, { [`r${i}`]: `t${i}` })),
      ]);
      expect(left.flatMap((tokens) => Object.keys(tokens)).sort()).toEqual(["a", "b"]);
      const row = await bench.store.readSocket(key);
      expect(row?.rooms).toEqual({ r0: "t0", r1: "t1", r2: "t2", r3: "t3" });
      expect(row?.left?.map(({ room, token }) => `${room} ${token}`).sort()).toEqual(["a ta", "b tb"]);
    });

    it("are remembered by a row that was begun without a session too", async () => {
      const { key, id } = await bench.open({ rooms: { a: "ta", b: "tb" } });
      const leaving = { until: "5", forget: [] };
      expect(await bench.store.removeRooms(key, id, ["a"], leaving)).toEqual({ a: "ta" });
      expect(await bench.store.removeRooms(key, id, ["b"], leaving)).toEqual({ b: "tb" });
      expect((await leftOf(key)).map(({ room }) => room)).toEqual(["a", "b"]);
    });

    it("may have any names", async () => {
      const names = fc.uniqueArray(anyName(), { minLength: 1, maxLength: 6 });
      await fc.assert(
        fc.asyncProperty(names, async (rooms) => {
          const tokens = Object.fromEntries(rooms.map((room, i) => [room, `t${i}`] as const));
          const { key, id } = await withSession(tokens);
          const removed = await bench.store.removeRooms(key, id, rooms, { until: "5", forget: [] });
          expect(Object.entries(removed).sort()).toEqual(Object.entries(tokens).sort());
          const left = await leftOf(key);
          expect(left.map(({ room, token }) => [room, token]).sort()).toEqual(Object.entries(tokens).sort());
          const copy = await bench.open({ left });
          expect(await leftOf(copy.key)).toEqual(left);
          await bench.store.addRooms(key, id, { next: "t" });
          await bench.store.removeRooms(key, id, ["next"], { until: "6", forget: left, forgotten: "5" });
          expect((await leftOf(key)).map(({ until }) => until)).toEqual(["6"]);
        }),
        plays(15),
      );
    });
  });
}

function holdContract(bench: StoreBench): void {
  describe("members of a connection that catches up", () => {
    it("are held until they are released by their token", async () => {
      for (const room of [bench.name("room"), EVERYONE] as const) {
        const nsp = bench.name("/nsp");
        const held = bench.member(room, { nsp, hold: "p1" });
        await bench.store.holdMember(held);
        await bench.store.holdMember(held);
        expect(await bench.members(nsp, room)).toEqual([held]);
        await bench.store.releaseMember({ ...held, token: "of another join" });
        expect(await bench.members(nsp, room)).toEqual([held]);
        await bench.store.releaseMember(held);
        await bench.store.releaseMember(held);
        const { hold: _, ...released } = held;
        const [member] = await bench.members(nsp, room);
        expect(member).toEqual(released);
        expect(member).not.toHaveProperty("hold");
      }
    });

    it("are not brought back by a release", async () => {
      const member = bench.member(bench.name("room"), { hold: "p1" });
      await bench.store.releaseMember(member);
      expect(await bench.members("/", member.room)).toEqual([]);
    });

    it("take the row of an earlier connection, not of a later one", async () => {
      const room = bench.name("room");
      const earlier = bench.member(room);
      const held = { ...earlier, connectionId: "later", connectedAt: earlier.connectedAt + 1, hold: "p1" };
      await bench.store.putMember(earlier);
      await bench.store.holdMember(held);
      expect(await bench.members("/", room)).toEqual([held]);
      const latest = { ...held, connectionId: "latest", connectedAt: held.connectedAt + 1, hold: "p2" };
      await bench.store.holdMember(latest);
      await bench.store.holdMember(held);
      await bench.store.holdMember({ ...earlier, hold: "p3" });
      expect(await bench.members("/", room)).toEqual([latest]);
    });

    it("take the row of a later connection that has expired", async () => {
      const room = bench.name("room");
      const old = bench.member(room);
      await bench.store.putMember(old);
      bench.pass(3 * HOUR);
      const held = { ...old, connectedAt: old.connectedAt - 1, hold: "p1" };
      await bench.store.holdMember(held);
      await bench.store.deleteMemberOf(old.connectionId, old);
      await bench.store.putMember({ ...held, connectedAt: bench.clock.now() });
      expect(await bench.members("/", room)).toHaveLength(1);
    });

    it("end one way however releases and later holds race", async () => {
      for (const releaseFirst of [true, false]) {
        const room = bench.name("room");
        const held = bench.member(room, { hold: "p1" });
        const next = { ...held, token: "next", connectedAt: held.connectedAt + 1, hold: "p2" };
        await bench.store.holdMember(held);
        const calls = [() => bench.store.releaseMember(held), () => bench.store.holdMember(next)];
        await Promise.all((releaseFirst ? calls : calls.reverse()).map((call) => call()));
        expect(await bench.members("/", room)).toEqual([next]);
      }
    });
  });
}
