import { describe, expect, it } from "@jest/globals";
import { atOnce, countOf, largeJson, type StoreBench } from "./store-contract-bench.ts";

export function stateContract(bench: StoreBench): void {
  describe("state", () => {
    it("changes, adds and removes keys, and leaves the others", async () => {
      const { key, id } = await bench.open({ data: { a: "1", b: "2", c: "3" }, props: { p: "1" } });
      const changes = { data: { a: "10", b: undefined, d: "4" }, props: { q: '"x"' } };
      expect(await bench.store.saveState(key, id, changes)).toBe(true);
      const row = await bench.store.readSocket(key);
      expect(row?.data).toEqual({ a: "10", c: "3", d: "4" });
      expect(row?.data).not.toHaveProperty("b");
      expect(row?.props).toEqual({ p: "1", q: '"x"' });
    });

    it("is refused for another socket or none, and takes an ended one", async () => {
      const { key, id } = await bench.open({ data: { a: "1" } });
      expect(await bench.store.saveState(key, "other", { data: { a: largeJson(5000) } })).toBe(false);
      expect((await bench.store.readSocket(key))?.data).toEqual({ a: "1" });
      const nowhere = { connectionId: bench.name("conn"), nsp: "/" };
      expect(await bench.store.saveState(nowhere, id, { data: { a: "1" } })).toBe(false);
      expect(await bench.store.readSocket(nowhere)).toBeUndefined();
      await bench.store.endSocket(key, id, "transport close", 1);
      expect(await bench.store.saveState(key, id, { data: { a: "2" } })).toBe(true);
      expect((await bench.store.readSocket(key))?.data).toEqual({ a: "2" });
    });

    it("keeps both of two racing writers of different keys, and one of two of the same key", async () => {
      const { key, id } = await bench.open();
      await atOnce(12, (i) =>
        bench.store.saveState(key, id, { data: { [`k${i}`]: String(i), same: String(i) } }),
      );
      const data = (await bench.store.readSocket(key))?.data ?? {};
      for (let i = 0; i < 12; i++) expect(data[`k${i}`]).toBe(String(i));
      expect(Number(data.same)).toBeLessThan(12);
    });

    it("saves hundreds of keys at once", async () => {
      const { key, id } = await bench.open();
      const data = Object.fromEntries(Array.from({ length: 320 }, (_, i) => [`key ${i}`, String(i)]));
      expect(await bench.store.saveState(key, id, { data })).toBe(true);
      expect((await bench.store.readSocket(key))?.data).toEqual(data);
      const none = Object.fromEntries(Object.keys(data).map((name) => [name, undefined]));
      expect(await bench.store.saveState(key, id, { data: none })).toBe(true);
      expect((await bench.store.readSocket(key))?.data).toEqual({});
    });
  });

  describe("large values", () => {
    it("are read like small ones, replaced, shrunk and removed", async () => {
      const { key, id } = await bench.open({ data: { a: largeJson(100_000), b: '"small"' } });
      const read = async () => (await bench.store.readSocket(key))?.data;
      expect(await read()).toEqual({ a: largeJson(100_000), b: '"small"' });
      await bench.store.saveState(key, id, { data: { a: largeJson(50_000, "y"), b: largeJson(2_000) } });
      expect(await read()).toEqual({ a: largeJson(50_000, "y"), b: largeJson(2_000) });
      await bench.store.saveState(key, id, { data: { a: "1" }, props: { p: largeJson(3_000) } });
      expect(await read()).toEqual({ a: "1", b: largeJson(2_000) });
      await bench.store.saveState(key, id, { data: { b: undefined } });
      expect(await read()).toEqual({ a: "1" });
      expect((await bench.store.readSocket(key))?.props).toEqual({ p: largeJson(3_000) });
    });

    it("come with the connection, over 1 MB and over several pages", async () => {
      const { key, connection } = await bench.open();
      const data = Object.fromEntries(
        Array.from({ length: 10 }, (_, i) => [`k${i}`, largeJson(45_000, String(i))]),
      );
      for (const nsp of ["/a", "/b", "/c"]) await bench.openOn(connection, { data }, nsp);
      const { sockets } = await bench.store.readConnection(key.connectionId);
      expect(sockets.map(({ nsp }) => nsp).sort()).toEqual(["/", "/a", "/b", "/c"]);
      for (const socket of sockets) expect(socket.data).toEqual(socket.nsp === "/" ? {} : data);
    });

    it("are in the record of the end, and still in the ended row", async () => {
      const { key, id } = await bench.open();
      await bench.store.saveState(key, id, {
        data: { a: largeJson(20_000) },
        props: { p: largeJson(1_500) },
      });
      const record = await bench.store.endSocket(key, id, "transport close", 1);
      expect(record?.data).toEqual({ a: largeJson(20_000) });
      expect(record?.props).toEqual({ p: largeJson(1_500) });
      expect((await bench.store.readSocket(key))?.data).toEqual({ a: largeJson(20_000) });
    });

    it("do not leak from an ended socket into the next one", async () => {
      const { key, id } = await bench.open({ data: { a: largeJson(5_000) } });
      await bench.store.endSocket(key, id, "client namespace disconnect", 1);
      const next = bench.newSocket(key.connectionId);
      await bench.store.beginSocket(next);
      expect((await bench.store.readConnection(key.connectionId)).sockets[0]?.data).toEqual({});
    });

    it("are whole for a reader while writers replace them", async () => {
      const { key, id } = await bench.open({ data: { a: largeJson(2_000, "0") } });
      const values = Array.from({ length: 8 }, (_, i) => largeJson(2_000, String(i)));
      const writes = values.map((a) => bench.store.saveState(key, id, { data: { a } }));
      const reads = await atOnce(8, (i) =>
        i % 2 === 0
          ? bench.store.readSocket(key).then((row) => row?.data.a)
          : bench.store.readConnection(key.connectionId).then(({ sockets }) => sockets[0]?.data.a),
      );
      await Promise.all(writes);
      for (const read of reads) expect(values).toContain(read);
      expect(values).toContain((await bench.store.readSocket(key))?.data.a);
    });
  });

  describe("rooms of a socket", () => {
    it("are added while open, and removed with the tokens they had", async () => {
      const { key, id } = await bench.open({ rooms: { lobby: "t1" } });
      expect(await bench.store.addRooms(key, id, { red: "t2", blue: "t3" })).toBe(true);
      expect(await bench.store.addRooms(key, id, { red: "t4" })).toBe(true);
      expect(await bench.store.removeRooms(key, "other", ["red"])).toEqual({});
      expect(await bench.store.removeRooms(key, id, ["red", "none", "lobby", "red"])).toEqual({
        red: "t4",
        lobby: "t1",
      });
      expect(await bench.store.removeRooms(key, id, ["red"])).toEqual({});
      expect((await bench.store.readSocket(key))?.rooms).toEqual({ blue: "t3" });
    });

    it("are refused to a socket that is not open, or is another", async () => {
      const socket = await bench.connecting();
      expect(await bench.store.addRooms(socket, socket.id, { a: "t" })).toBe(false);
      const { key, id } = await bench.open();
      expect(await bench.store.addRooms(key, "other", { a: "t" })).toBe(false);
      await bench.store.endSocket(key, id, "transport close", 1);
      expect(await bench.store.addRooms(key, id, { a: "t" })).toBe(false);
      expect((await bench.store.readSocket(key))?.rooms).toEqual({});
    });

    it("take five hundred at once", async () => {
      const { key, id } = await bench.open();
      const rooms = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`room ${i}`, `t${i}`]));
      expect(await bench.store.addRooms(key, id, rooms)).toBe(true);
      expect((await bench.store.readSocket(key))?.rooms).toEqual(rooms);
      expect(await bench.store.removeRooms(key, id, Object.keys(rooms))).toEqual(rooms);
      expect((await bench.store.readSocket(key))?.rooms).toEqual({});
    });

    it("decide between a join and an end: what the join got in is in the record", async () => {
      for (const endFirst of [true, false, true, false]) {
        const { key, id } = await bench.open();
        const join = () => bench.store.addRooms(key, id, { a: "t" });
        const end = () => bench.store.endSocket(key, id, "transport close", 1);
        const ended = endFirst ? end() : undefined;
        const joined = await join();
        const record = await (ended ?? end());
        expect(record?.rooms).toEqual(joined ? { a: "t" } : {});
      }
    });

    it("give a room's token to one of several leavers, and survive racing joins of other rooms", async () => {
      const { key, id } = await bench.open({ rooms: { a: "ta" } });
      const [left] = await Promise.all([
        atOnce(4, () => bench.store.removeRooms(key, id, ["a"])),
        atOnce(4, (i) => bench.store.addRooms(key, id, { [`r${i}`]: `t${i}` })),
      ]);
      expect(
        countOf(
          left.map(({ a }) => a),
          "ta",
        ),
      ).toBe(1);
      const row = await bench.store.readSocket(key);
      expect(row?.rooms).toEqual({ r0: "t0", r1: "t1", r2: "t2", r3: "t3" });
    });
  });
}
