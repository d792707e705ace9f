import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { plays } from "./schedules.ts";
import type { StoreBench } from "./store-contract-bench.ts";

/** Names that have broken other systems. */
export const TORTURE: readonly string[] = [
  "",
  " ",
  "#",
  "##",
  "%",
  "%0025",
  "~",
  ".",
  "/",
  "@",
  "a#b",
  "a",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "\u0000",
  "\n",
  "é",
  "e\u0301",
  "\ufffd",
  "\ud800",
  "\udfff",
  "\ud800\ud800",
  "\udfff\ud800",
  "😀",
  "x".repeat(10_240),
  `${"x".repeat(10_239)}y`,
  "€".repeat(700),
  "\ud800".repeat(2_000),
];

/** Any sequence of UTF-16 code units: well-formed or not. */
export const anyName = (): fc.Arbitrary<string> =>
  fc.oneof(
    fc.constantFrom(...TORTURE),
    fc
      .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 6 })
      .map((units) => String.fromCharCode(...units)),
    fc.string({ unit: fc.constantFrom("#", "%", "~", "0", "a", "\ud800", "\udc00"), maxLength: 5 }),
  );

const record = (names: readonly string[], value: (i: number) => string) =>
  Object.fromEntries(names.map((name, i) => [name, value(i)] as const));

export function nameContract(bench: StoreBench): void {
  describe("names", () => {
    it("of rooms, data, properties and once listeners may be anything", async () => {
      const names = fc.uniqueArray(anyName(), { minLength: 1, maxLength: 6 });
      await fc.assert(
        fc.asyncProperty(names, names, async (first, second) => {
          const commit = {
            rooms: record(first, (i) => `t${i}`),
            data: record(first, (i) => `${i}`),
            props: record(first, (i) => `"${i}"`),
          };
          const { key, id } = await bench.open(commit);
          expect(await bench.store.readSocket(key)).toMatchObject(commit);
          const added = record(second, (i) => `t-${i}`);
          await bench.store.addRooms(key, id, added);
          await bench.store.saveState(key, id, { data: added, props: added });
          for (const name of first) expect(await bench.store.claimOnce(key, id, name)).toBe(true);
          for (const name of first) expect(await bench.store.claimOnce(key, id, name)).toBe(false);
          const row = await bench.store.readSocket(key);
          expect(Object.entries(row?.rooms ?? {}).sort()).toEqual(
            Object.entries({ ...commit.rooms, ...added }).sort(),
          );
          expect(Object.entries(row?.data ?? {}).sort()).toEqual(
            Object.entries({ ...commit.data, ...added }).sort(),
          );
          expect(row?.spent).toEqual([...first].sort());
          expect(Object.entries(await bench.store.removeRooms(key, id, second)).sort()).toEqual(
            Object.entries(added).sort(),
          );
        }),
        plays(15),
      );
    });

    it("of namespaces may be anything, and two never share a socket", async () => {
      const names = fc.uniqueArray(anyName(), { minLength: 2, maxLength: 6 });
      await fc.assert(
        fc.asyncProperty(names, async (nsps) => {
          const connection = await bench.connection();
          const opened = await Promise.all(nsps.map((nsp) => bench.openOn(connection, {}, nsp)));
          const view = await bench.store.readConnection(connection.connectionId);
          const found = new Map(view.sockets.map((socket) => [socket.nsp, socket.id]));
          expect(found).toEqual(new Map(opened.map(({ key, id }) => [key.nsp, id])));
          const views = await bench.store.readSockets(opened.map(({ key }) => key));
          expect(views.map(({ socket }) => socket.nsp).sort()).toEqual([...nsps].sort());
        }),
        plays(20),
      );
    });

    it("of rooms and namespaces together name one room: no pair is another pair", async () => {
      const pairs = fc.uniqueArray(fc.tuple(anyName(), anyName()), {
        minLength: 2,
        maxLength: 6,
        selector: ([nsp, room]) => JSON.stringify([nsp, room]),
      });
      await fc.assert(
        fc.asyncProperty(pairs, async (rooms) => {
          const members = rooms.map(([nsp, room]) => bench.member(room, { nsp }));
          await Promise.all(members.map((member) => bench.store.putMember(member)));
          for (const member of members) {
            const ids = (await bench.members(member.nsp, member.room)).map(({ id }) => id);
            expect(ids).toContain(member.id);
            for (const other of members) if (other !== member) expect(ids).not.toContain(other.id);
          }
          await Promise.all(members.map((member) => bench.store.deleteMember(member)));
        }),
        plays(25),
      );
    });

    it("of every torturous kind keep their own members and sockets", async () => {
      const base = bench.name("/nsp");
      const members = TORTURE.map((room) => bench.member(room, { nsp: base }));
      await Promise.all(members.map((member) => bench.store.putMember(member)));
      for (const member of members) expect(await bench.members(base, member.room)).toEqual([member]);
    });

    it("that a record does not have are not found in it", async () => {
      const { key } = await bench.open();
      const row = await bench.store.readSocket(key);
      expect(row?.rooms.constructor).toBeUndefined();
      expect(row?.data.toString).toBeUndefined();
      expect(Object.getPrototypeOf(row?.data)).toBeNull();
    });
  });
}
