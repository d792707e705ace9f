import { describe, expect, it } from "@jest/globals";
import type { DisconnectReason, OpenClaim } from "../../lambdas/server/ports/sockets.ts";
import { atOnce, countOf, HOUR, largeJson, MINUTE, type StoreBench } from "./store-contract-bench.ts";

export function connectionContract(bench: StoreBench): void {
  describe("connections", () => {
    it("reads back what was put", async () => {
      const record = await bench.connection();
      expect(await bench.store.readConnection(record.connectionId)).toEqual({
        connection: record,
        sockets: [],
        socketCount: 0,
      });
    });

    it("knows nothing of a connection that never was", async () => {
      const view = await bench.store.readConnection(bench.name("conn"));
      expect(view).toEqual({ connection: undefined, sockets: [], socketCount: 0 });
    });

    it("keeps what came since when the same connection is put again", async () => {
      const record = await bench.connection();
      await bench.store.claimOpen(record.connectionId, 0);
      await bench.store.sayBye(record.connectionId, "transport close", 5);
      await bench.store.putConnection(record);
      const { connection } = await bench.store.readConnection(record.connectionId);
      expect(connection?.bye).toEqual({ reason: "transport close", at: 5 });
    });

    it("lets exactly one caller open a connection", async () => {
      const { connectionId } = await bench.connection();
      const claims = await atOnce(6, () => bench.store.claimOpen(connectionId, 0));
      expect(claims.toSorted()).toEqual(["claimed", ...Array<OpenClaim>(5).fill("over")]);
      expect(await bench.store.claimOpen(connectionId, 0)).toBe("over");
    });

    it("lets one caller after the other go on with it, each once", async () => {
      const { connectionId } = await bench.connection();
      expect(await bench.store.claimOpen(connectionId, 1)).toBe("over");
      expect(await bench.store.claimOpen(connectionId, 0)).toBe("claimed");
      const claims = await atOnce(6, () => bench.store.claimOpen(connectionId, 1));
      expect(claims.toSorted()).toEqual(["claimed", ...Array<OpenClaim>(5).fill("over")]);
      expect(await bench.store.claimOpen(connectionId, 0)).toBe("over");
      expect(await bench.store.claimOpen(connectionId, 3)).toBe("over");
      await bench.store.sayBye(connectionId, "transport close", 1);
      expect(await bench.store.claimOpen(connectionId, 2)).toBe("over");
    });

    it("tells a connection that is not there from one that has ended", async () => {
      expect(await bench.store.claimOpen(bench.name("conn"), 0)).toBe("absent");
      const { connectionId } = await bench.connection();
      await bench.store.sayBye(connectionId, "transport close", 1);
      expect(await bench.store.claimOpen(connectionId, 0)).toBe("over");
    });

    it("says whether somebody has opened it", async () => {
      const { connectionId } = await bench.connection();
      expect((await bench.store.readConnection(connectionId)).connection?.opened).toBeUndefined();
      await bench.store.claimOpen(connectionId, 0);
      expect((await bench.store.readConnection(connectionId)).connection?.opened).toBe(true);
    });

    it("lets exactly one caller say bye, and keeps that one's reason", async () => {
      const { connectionId } = await bench.connection();
      const reasons: readonly DisconnectReason[] = ["transport close", "ping timeout", "forced server close"];
      const said = await atOnce(3, (i) => bench.store.sayBye(connectionId, reasons[i] ?? "parse error", i));
      expect(countOf(said, true)).toBe(1);
      const { connection } = await bench.store.readConnection(connectionId);
      const winner = said.indexOf(true);
      expect(connection?.bye).toEqual({ reason: reasons[winner], at: winner });
    });

    it("says bye to no connection that is not there", async () => {
      const { connectionId } = await bench.connection();
      await bench.store.deleteConnection(connectionId);
      expect(await bench.store.sayBye(connectionId, "transport close", 1)).toBe(false);
      expect((await bench.store.readConnection(connectionId)).connection).toBeUndefined();
    });

    it("keeps the sockets when the connection is deleted", async () => {
      const { key, id } = await bench.open();
      await bench.store.deleteConnection(key.connectionId);
      await bench.store.deleteConnection(key.connectionId);
      const view = await bench.store.readConnection(key.connectionId);
      expect(view.connection).toBeUndefined();
      expect(view.sockets.map((socket) => socket.id)).toEqual([id]);
    });

    it("clears a connection away, with its sockets and what they are members of", async () => {
      const room = bench.name("room");
      const { key, id, connection } = await bench.open({ rooms: { [room]: "t" } });
      const other = await bench.open({ rooms: { [room]: "t" } });
      for (const socket of [{ key, id }, other]) {
        const { connectionId } = socket.key;
        await bench.store.putMember(bench.member(room, { id: socket.id, connectionId }));
      }
      await bench.store.clearConnection(connection.connectionId);
      const view = await bench.store.readConnection(key.connectionId);
      expect(view).toEqual({ connection: undefined, sockets: [], socketCount: 0 });
      expect((await bench.members("/", room)).map((member) => member.id)).toEqual([other.id]);
    });

    it("reads a connection and its sockets of all phases and namespaces together", async () => {
      const { key, connection } = await bench.open();
      const chat = bench.newSocket(key.connectionId, "/chat");
      await bench.store.beginSocket(chat);
      const news = await bench.openOn(connection, {}, "/news");
      await bench.store.endSocket(news.key, news.id, "client namespace disconnect", 1);
      const view = await bench.store.readConnection(key.connectionId);
      expect(view.connection).toEqual(connection);
      expect(Object.fromEntries(view.sockets.map(({ nsp, phase }) => [nsp, phase]))).toEqual({
        "/": "open",
        "/chat": "connecting",
        "/news": "ended",
      });
    });

    it("forgets a connection and its sockets when two hours and a margin have passed", async () => {
      const { key, id } = await bench.open();
      bench.pass(2 * HOUR + MINUTE);
      expect((await bench.store.readConnection(key.connectionId)).sockets).toHaveLength(1);
      bench.pass(30 * MINUTE);
      const view = await bench.store.readConnection(key.connectionId);
      expect(view).toEqual({ connection: undefined, sockets: [], socketCount: 0 });
      expect(await bench.store.claimOpen(key.connectionId, 0)).toBe("absent");
      expect(await bench.store.sayBye(key.connectionId, "ping timeout", 1)).toBe(false);
      expect(await bench.store.readSocket(key)).toBeUndefined();
      expect(await bench.store.readSockets([key])).toEqual([]);
      expect(await bench.store.saveState(key, id, { data: { a: "1" } })).toBe(false);
      expect(await bench.store.endSocket(key, id, "ping timeout", 1)).toBeUndefined();
    });
  });

  describe("sockets of a connection", () => {
    it("are told by namespace, and counted all; a large auth is whole wherever it is read", async () => {
      const connection = await bench.connection();
      const { connectionId } = connection;
      const auth = { "/small": "{}", "/large": largeJson(2_500), "/larger": largeJson(30_000, "ü") };
      for (const [nsp, json] of Object.entries(auth)) {
        await bench.store.beginSocket({ ...bench.newSocket(connectionId, nsp), auth: json });
      }
      const read = async (only?: string | null) => {
        const { sockets, socketCount } = await bench.store.readConnection(connectionId, only);
        return [Object.fromEntries(sockets.map((socket) => [socket.nsp, socket.auth])), socketCount];
      };
      expect(await read()).toEqual([auth, 3]);
      expect(await read("/large")).toEqual([{ "/large": auth["/large"] }, 3]);
      expect(await read(null)).toEqual([{}, 3]);
      expect(await read("/other")).toEqual([{}, 3]);
      expect((await bench.store.readSocket({ connectionId, nsp: "/larger" }))?.auth).toBe(auth["/larger"]);
      const [view] = await bench.store.readSockets([{ connectionId, nsp: "/large" }]);
      expect(view?.socket.auth).toBe(auth["/large"]);
    });

    it("have their auth as long as their rows are there", async () => {
      const connection = await bench.connection();
      const socket = { ...bench.newSocket(connection.connectionId), auth: largeJson(3_000) };
      await bench.store.beginSocket(socket);
      await bench.store.openSocket(socket, socket.id, bench.commit());
      bench.pass(2 * HOUR + 9 * MINUTE);
      const ended = await bench.store.endSocket(socket, socket.id, "transport close", 1);
      expect(ended?.auth).toBe(socket.auth);
      bench.pass(4 * MINUTE);
      expect((await bench.store.readSocket(socket))?.auth).toBe(socket.auth);
    });
  });

  describe("answers", () => {
    const ask = (nsp: string, askId: number, ms = 10_000) =>
      bench.store.putAsk(nsp, askId, bench.clock.now() + ms);

    it("keeps the first answer", async () => {
      const socket = { nsp: bench.name("/nsp"), id: bench.name("socket") };
      await ask(socket.nsp, 7);
      expect(await bench.store.readAnswer(socket.id, 7)).toBeUndefined();
      await bench.store.putAnswer(socket, 7, '["first"]');
      await bench.store.putAnswer(socket, 7, '["second"]');
      expect(await bench.store.readAnswer(socket.id, 7)).toBe('["first"]');
    });

    it("keeps none that nobody asked for, in this namespace and with this id, or not any more", async () => {
      const socket = { nsp: bench.name("/nsp"), id: bench.name("socket") };
      await ask(socket.nsp, 1);
      await ask(bench.name("/other"), 2);
      await bench.store.putAnswer(socket, 2, "[2]");
      await bench.store.putAnswer({ ...socket, nsp: `${socket.nsp}#1` }, 1, "[1]");
      expect(await bench.store.readAnswer(socket.id, 1)).toBeUndefined();
      expect(await bench.store.readAnswer(socket.id, 2)).toBeUndefined();
      bench.pass(12_000);
      await bench.store.putAnswer(socket, 1, "[1]");
      expect(await bench.store.readAnswer(socket.id, 1)).toBeUndefined();
    });

    it("tells asks and sockets apart", async () => {
      const socket = { nsp: bench.name("/nsp"), id: bench.name("socket") };
      await ask(socket.nsp, 1);
      await ask(socket.nsp, 11);
      await bench.store.putAnswer(socket, 1, "[1]");
      await bench.store.putAnswer(socket, 11, "[11]");
      expect(await bench.store.readAnswer(socket.id, 1)).toBe("[1]");
      expect(await bench.store.readAnswer(socket.id, 11)).toBe("[11]");
      expect(await bench.store.readAnswer(`${socket.id}#1`, 1)).toBeUndefined();
    });

    it("forgets an answer after a minute, and takes a new one", async () => {
      const socket = { nsp: bench.name("/nsp"), id: bench.name("socket") };
      await ask(socket.nsp, 1);
      await bench.store.putAnswer(socket, 1, '"old"');
      bench.pass(59_000);
      expect(await bench.store.readAnswer(socket.id, 1)).toBe('"old"');
      bench.pass(2_000);
      expect(await bench.store.readAnswer(socket.id, 1)).toBeUndefined();
      await ask(socket.nsp, 1);
      await bench.store.putAnswer(socket, 1, '"new"');
      expect(await bench.store.readAnswer(socket.id, 1)).toBe('"new"');
    });
  });
}
