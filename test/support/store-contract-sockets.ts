import { describe, expect, it } from "@jest/globals";
import { atOnce, countOf, largeJson, MINUTE, type StoreBench } from "./store-contract-bench.ts";

export function socketContract(bench: StoreBench): void {
  describe("a socket's life", () => {
    it("begins empty", async () => {
      const socket = await bench.connecting("/chat");
      const { expiresAt: _, ...given } = socket;
      expect(await bench.store.readSocket(socket)).toEqual({
        ...given,
        phase: "connecting",
        data: {},
        props: {},
        rooms: {},
        spent: [],
        answers: [],
        trace: "",
        rerunMiddlewares: false,
      });
    });

    it("lets exactly one of two CONNECTs begin", async () => {
      const { connectionId } = await bench.connection();
      const sockets = Array.from({ length: 4 }, () => bench.newSocket(connectionId));
      const begun = await Promise.all(sockets.map((socket) => bench.store.beginSocket(socket)));
      expect(countOf(begun, true)).toBe(1);
      const row = await bench.store.readSocket({ connectionId, nsp: "/" });
      expect(row?.id).toBe(sockets[begun.indexOf(true)]?.id);
    });

    it("begins over an ended socket, not over a living one", async () => {
      const { key, id } = await bench.open();
      const next = bench.newSocket(key.connectionId);
      expect(await bench.store.beginSocket(next)).toBe(false);
      await bench.store.endSocket(key, id, "client namespace disconnect", 1);
      expect(await bench.store.beginSocket(next)).toBe(true);
      const row = await bench.store.readSocket(key);
      expect(row).toMatchObject({ id: next.id, phase: "connecting" });
      expect(row?.bye).toBeUndefined();
    });

    it("begins over an expired socket", async () => {
      const { connectionId } = await bench.connection();
      const old = { ...bench.newSocket(connectionId), expiresAt: bench.clock.now() };
      await bench.store.beginSocket(old);
      bench.pass(11 * MINUTE);
      expect(await bench.store.beginSocket(bench.newSocket(connectionId))).toBe(true);
    });

    it("opens with what the listeners made", async () => {
      const socket = await bench.connecting();
      const commit = bench.commit({
        rooms: { lobby: "t1" },
        data: { user: '{"name":"ada"}' },
        props: { username: '"ada"' },
        rerunMiddlewares: true,
      });
      expect(await bench.store.openSocket(socket, socket.id, commit)).toBe(true);
      expect(await bench.store.readSocket(socket)).toMatchObject({ phase: "open", ...commit });
    });

    it("refuses to open what is not this connecting socket", async () => {
      const socket = await bench.connecting();
      const { connectionId, nsp, id } = socket;
      expect(await bench.store.openSocket({ connectionId, nsp: "/none" }, id, bench.commit())).toBe(false);
      expect(await bench.store.openSocket(socket, "other", bench.commit())).toBe(false);
      expect(await bench.store.openSocket({ connectionId, nsp }, id, bench.commit())).toBe(true);
      expect(await bench.store.openSocket(socket, id, bench.commit())).toBe(false);
    });

    it("decides between opening and forbidding", async () => {
      for (const forbidFirst of [true, false, true, false]) {
        const socket = await bench.connecting();
        const forbid = () => bench.store.forbidSocket(socket, socket.id, "transport close");
        const open = () => bench.store.openSocket(socket, socket.id, bench.commit());
        const [first, second] = forbidFirst ? [forbid, open] : [open, forbid];
        const results = await Promise.all([first(), second()]);
        expect(countOf(results, true)).toBe(1);
        const row = await bench.store.readSocket(socket);
        const forbade = results[forbidFirst ? 0 : 1];
        expect(row?.phase).toBe(forbade ? "connecting" : "open");
        expect(row?.bye).toBe(forbade ? "transport close" : undefined);
      }
    });

    it("forbids a connecting socket only, and keeps the first reason", async () => {
      const socket = await bench.connecting();
      expect(await bench.store.forbidSocket(socket, "other", "ping timeout")).toBe(false);
      expect(await bench.store.forbidSocket(socket, socket.id, "ping timeout")).toBe(true);
      expect(await bench.store.forbidSocket(socket, socket.id, "transport close")).toBe(true);
      expect((await bench.store.readSocket(socket))?.bye).toBe("ping timeout");
      const { key, id } = await bench.open();
      expect(await bench.store.forbidSocket(key, id, "ping timeout")).toBe(false);
    });

    it("settles: no longer running, with what replay needs", async () => {
      const { key, id } = await bench.open();
      const run = { trace: "f00", answers: ['{"a":1}', "null"] };
      const { rooms } = (await bench.store.readSocket(key)) ?? {};
      expect(await bench.store.settleSocket(key, "other", run)).toBeUndefined();
      expect(await bench.store.settleSocket(key, id, run)).toEqual(rooms);
      const row = await bench.store.readSocket(key);
      expect(row).toMatchObject(run);
      expect(row).not.toHaveProperty("running");
      await bench.store.endSocket(key, id, "transport close", 1);
      expect(await bench.store.settleSocket(key, id, run)).toBeUndefined();
      const connecting = await bench.connecting();
      expect(await bench.store.settleSocket(connecting, connecting.id, run)).toBeUndefined();
    });

    it("drops a connecting socket only", async () => {
      const socket = await bench.connecting();
      await bench.store.dropSocket(socket, "other");
      expect(await bench.store.readSocket(socket)).toBeDefined();
      await bench.store.dropSocket(socket, socket.id);
      await bench.store.dropSocket(socket, socket.id);
      expect(await bench.store.readSocket(socket)).toBeUndefined();
      const { key, id } = await bench.open();
      await bench.store.dropSocket(key, id);
      expect((await bench.store.readSocket(key))?.phase).toBe("open");
    });

    it("ends once: the record as it was goes to exactly one caller", async () => {
      const { key, id } = await bench.open({ rooms: { lobby: "t" }, data: { n: "1" } });
      const before = await bench.store.readSocket(key);
      const ends = await atOnce(5, () => bench.store.endSocket(key, id, "transport close", 9));
      const records = ends.filter((record) => record !== undefined);
      expect(records).toEqual([before]);
      expect(await bench.store.endSocket(key, id, "ping timeout", 9)).toBeUndefined();
      expect(await bench.store.readSocket(key)).toEqual({
        ...before,
        phase: "ended",
        bye: "transport close",
        endedAt: 9,
      });
    });

    it("ends no connecting socket, no other socket, none that is not there", async () => {
      const socket = await bench.connecting();
      expect(await bench.store.endSocket(socket, socket.id, "transport close", 1)).toBeUndefined();
      const { key } = await bench.open();
      expect(await bench.store.endSocket(key, "other", "transport close", 1)).toBeUndefined();
      const nowhere = { connectionId: bench.name("conn"), nsp: "/" };
      expect(await bench.store.endSocket(nowhere, "x", "transport close", 1)).toBeUndefined();
      expect(await bench.store.readSocket(nowhere)).toBeUndefined();
    });

    it("tells its rooms alone", async () => {
      const { key, id } = await bench.open({ rooms: { a: "ta" }, data: { big: largeJson(5_000) } });
      expect(await bench.store.readRooms(key)).toMatchObject({ id, phase: "open", rooms: { a: "ta" } });
      const nowhere = { connectionId: bench.name("conn"), nsp: "/" };
      expect(await bench.store.readRooms(nowhere)).toBeUndefined();
    });

    it("shows an ended socket for five minutes", async () => {
      const { key, id } = await bench.open();
      await bench.store.endSocket(key, id, "transport close", bench.clock.now());
      bench.pass(4 * MINUTE);
      expect((await bench.store.readSocket(key))?.phase).toBe("ended");
      bench.pass(2 * MINUTE);
      expect(await bench.store.readSocket(key)).toBeUndefined();
    });

    it("gives each once listener to exactly one caller", async () => {
      const { key, id } = await bench.open();
      const claims = await atOnce(5, () => bench.store.claimOnce(key, id, "ready"));
      expect(countOf(claims, true)).toBe(1);
      expect(await bench.store.claimOnce(key, id, "steady")).toBe(true);
      expect(await bench.store.claimOnce(key, "other", "go")).toBe(false);
      expect((await bench.store.readSocket(key))?.spent).toEqual(["ready", "steady"]);
    });
  });

  describe("reading many sockets", () => {
    it("reads hundreds, each once, with their connections, and leaves out what is not there", async () => {
      const connections = await atOnce(101, () => bench.connection());
      const sockets = connections.map(({ connectionId }) => bench.newSocket(connectionId));
      await Promise.all(sockets.map((socket) => bench.store.beginSocket(socket)));
      const gone = await bench.open();
      await bench.store.deleteConnection(gone.key.connectionId);
      const never = { connectionId: bench.name("conn"), nsp: "/" };
      const views = await bench.store.readSockets([...sockets, ...sockets.slice(0, 20), gone.key, never]);
      expect(views).toHaveLength(101);
      expect(new Set(views.map(({ socket }) => socket.id))).toEqual(new Set(sockets.map(({ id }) => id)));
      for (const { connection, socket } of views) {
        expect(connection).toEqual(
          connections.find(({ connectionId }) => connectionId === socket.connectionId),
        );
      }
    });

    it("reads several namespaces of one connection", async () => {
      const { key, connection } = await bench.open();
      const chat = await bench.openOn(
        connection,
        { data: { big: JSON.stringify("x".repeat(3000)) } },
        "/chat",
      );
      const views = await bench.store.readSockets([key, chat.key]);
      expect(views.map(({ socket }) => socket.nsp).sort()).toEqual(["/", "/chat"]);
      expect(views.find(({ socket }) => socket.nsp === "/chat")?.socket.data.big).toHaveLength(3002);
      expect(await bench.store.readSockets([])).toEqual([]);
    });
  });
}
