/** A connection that a post finds gone while a handler is at work: the handler sees it, and what it goes on sending costs nothing. */
import { describe, expect, test } from "@jest/globals";
import { handleMessage } from "../../../../lambdas/handlers/message.ts";
import type { ServerOptions, Socket } from "../../../../lambdas/server/api/index.ts";
import type { Store } from "../../../../lambdas/server/ports/store.ts";
import { createMemoryStore } from "../../../../lambdas/store/memory/store.ts";
import { fakePorts, frameOf, serverOf, VirtualClock } from "../../../support/fake-ports.ts";

const CONNECTION = "C=";

/** A connected client that goes when its event begins; its handler is `stream`. */
async function bench(stream: (socket: Socket) => Promise<void>, options: ServerOptions = {}) {
  const calls: string[] = [];
  const counted = new Proxy(createMemoryStore({ clock: new VirtualClock() }), {
    get: (store: Store, name: keyof Store) => {
      calls.push(name);
      return store[name];
    },
  });
  const ports = fakePorts({ store: counted });
  const server = serverOf((io) => {
    io.on("connection", (socket) => {
      socket.join("lobby");
      socket.on("stream", () => stream(socket));
    });
  }, options);
  // Old enough for a 410 to be believed at once.
  const connectedAt = ports.clock.now() - 61_000;
  await ports.store.putConnection({ connectionId: CONNECTION, connectedAt, sid: "s", handshake: "{}" });
  const send = async (frame: string): Promise<void> => {
    const context = { server, ports, deadline: ports.clock.now() + 27_000 };
    await handleMessage(context, CONNECTION, frameOf(ports, frame));
  };
  await send("40");
  ports.gateway.answer = () => "gone";
  return {
    ...ports,
    calls,
    async stream() {
      await send('42["stream"]');
      expect(ports.logged).toEqual([]); // where what a handler did not expect is told
    },
  };
}

describe("a handler whose client has gone", () => {
  test("sees it after the post that found it, and what it sends then asks nobody anything", async () => {
    const seen: unknown[] = [];
    const look = (socket: Socket) => [socket.connected, socket.disconnected, [...socket.rooms].length];
    const { gateway, calls, stream, started } = await bench(async (socket) => {
      seen.push(look(socket));
      await socket.emit("token", 1);
      seen.push([...look(socket), socket.conn.readyState]);
      const before = [gateway.posts.length, calls.length];
      await socket.emit("token", 2);
      await socket.join("elsewhere");
      await expect(socket.timeout(500).emitWithAck("anybody?")).rejects.toThrow("operation has timed out");
      socket.disconnect(true);
      expect([gateway.posts.length, calls.length]).toEqual(before);
    });
    await stream();
    expect(seen).toEqual([
      [true, false, 2],
      [false, true, 0, "closed"],
    ]);
    expect(started).toMatchObject([{ task: "end", targets: [{ connectionId: CONNECTION }] }]);
  });

  test("whose emits nobody awaits sends none of those that had not had their turn", async () => {
    const { gateway, stream } = await bench(async (socket) => {
      for (let i = 0; i < 100; i++) socket.emit("token", i);
    });
    const before = gateway.posts.length;
    await stream();
    expect(gateway.posts.length - before).toBe(1);
  });

  test("sees it too when it was a broadcast that found it", async () => {
    const seen: boolean[] = [];
    const { stream } = await bench(async (socket) => {
      await socket.nsp.to("lobby").emit("to all");
      seen.push(socket.connected);
    });
    await stream();
    expect(seen).toEqual([false]);
  });

  test("waits no longer for an answer that was asked for before, by looking for it", async () => {
    const { calls, stream } = await bench(async (socket) => {
      await expect(socket.emitWithAck("anybody?")).rejects.toThrow("operation has timed out");
    });
    await stream();
    expect(calls.filter((name) => name === "readAnswer")).toEqual([]);
  });

  test("keeps what a session that may come back is owed, with recovery on", async () => {
    const kept: string[] = [];
    const { store, calls, stream } = await bench(
      async (socket) => {
        await socket.emit("token", 1);
        expect(socket.connected).toBe(false);
        await socket.emit("token", 2);
        const before = calls.length;
        await socket.volatile.emit("noise");
        expect(calls.length).toBe(before);
        for await (const rows of store.listLog("/", socket.id, ""))
          kept.push(...rows.flatMap(({ frames }) => frames));
      },
      { connectionStateRecovery: {} },
    );
    await stream();
    expect(kept).toEqual([
      expect.stringMatching(/^42\["token",1,/),
      expect.stringMatching(/^42\["token",2,/),
    ]);
  });
});
