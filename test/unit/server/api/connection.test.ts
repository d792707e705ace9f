/** `socket.conn`, `socket.request` and `socket.client`. Every invocation is a new instance. */
import { describe, expect, test } from "@jest/globals";
import { Server } from "../../../../lambdas/server/api/index.ts";
import { Harness } from "../../../support/harness.ts";

const harnessOf = (setUp: (io: Server) => void): Harness =>
  new Harness({
    app: () => {
      const io = new Server();
      setUp(io);
      return io;
    },
  });

test("they tell what is known, and none of them is the application's state", async () => {
  const harness = harnessOf((io) => {
    io.on("connection", (socket) => {
      socket.on("tell", () => {
        const { conn, client, request } = socket;
        socket.emit("told", {
          own: Object.keys(socket),
          conn: [conn.transport.name, conn.protocol, conn.remoteAddress, conn.readyState, conn.upgraded],
          sameId: [conn.id === client.id, conn.id.length > 10, conn.id !== socket.id],
          sameRequest: [request === conn.request, request === client.request, client.conn === conn],
          request: [request.method, request.url, request.headers.host, request._query.EIO],
          address: [request.connection.remoteAddress, request.socket.remoteAddress],
          server: [socket.server === io, socket.nsp.server === io, socket.disconnected],
        });
      });
    });
  });
  const wire = await harness.join();
  await wire.emit("tell");
  expect(wire.events).toEqual([
    [
      "told",
      {
        own: [],
        conn: ["websocket", 4, "127.0.0.1", "open", false],
        sameId: [true, true, true],
        sameRequest: [true, true, true],
        request: ["GET", "/prod/?EIO=4&transport=websocket", "localhost", "4"],
        address: ["127.0.0.1", "127.0.0.1"],
        server: [true, true, false],
      },
    ],
  ]);
  expect(harness.log).toEqual([]);
});

test("what a middleware of Socket.IO puts on the request is there in each later event", async () => {
  const harness = harnessOf((io) => {
    io.use((socket, next) => {
      socket.request.session = { user: "ada", count: () => 1 };
      next();
    });
    io.on("connection", (socket) => {
      socket.on("who", () => socket.emit("you", socket.request.session.user, socket.request.session.count()));
    });
  });
  const wire = await harness.join();
  await harness.settled();
  await wire.emit("who");
  await wire.emit("who");
  expect(wire.events).toEqual([
    ["you", "ada", 1],
    ["you", "ada", 1],
  ]);
});

describe("conn.close()", () => {
  const closing = (ends: unknown[]) => (io: Server) => {
    io.on("connection", (socket) => {
      if (socket.handshake.auth.leave) socket.conn.close();
      socket.on("close me", () => {
        socket.emit("sent before");
        socket.conn.close();
        ends.push([socket.conn.readyState, socket.connected]);
        socket.emit("goes nowhere");
      });
      socket.on("disconnect", (reason) => ends.push(["disconnect", reason]));
      socket.conn.on("close", (reason) => ends.push(["close", reason, socket.conn.readyState]));
    });
  };

  test("closes the connection after what was sent, with stock's reasons and in stock's order", async () => {
    const ends: unknown[] = [];
    const harness = harnessOf(closing(ends));
    const wire = await harness.join();
    await harness.settled();
    await wire.emit("close me");
    expect([wire.open, wire.events]).toEqual([false, [["sent before"]]]);
    expect(ends).toEqual([
      ["closing", true],
      ["disconnect", "forced close"],
      ["close", "forced close", "closed"],
    ]);
    await wire.close();
    expect(ends).toHaveLength(3);
    expect(harness.log).toEqual([]);
  });

  test("works in the connection listener too", async () => {
    const ends: unknown[] = [];
    const harness = harnessOf(closing(ends));
    const wire = await harness.join("/", { leave: true });
    await harness.settled();
    expect(wire.open).toBe(false);
    expect(ends).toEqual([
      ["disconnect", "forced close"],
      ["close", "forced close", "closed"],
    ]);
    expect(harness.log).toEqual([]);
  });
});

describe('conn.on("close")', () => {
  const listening = (ends: unknown[]) => (io: Server) => {
    for (const nsp of [io.of("/"), io.of("/other")]) {
      nsp.on("connection", (socket) => {
        socket.on("leave", () => socket.disconnect());
        socket.on("end", () => socket.disconnect(true));
        socket.on("disconnect", (reason) => ends.push(["disconnect", nsp.name, reason]));
        socket.conn.once("close", (reason) => ends.push(["close", nsp.name, reason]));
      });
    }
  };

  test("runs at the end of the connection, after all disconnects, also for a socket that had left before", async () => {
    const ends: unknown[] = [];
    const harness = harnessOf(listening(ends));
    const wire = await harness.join();
    await wire.send("40/other,");
    await harness.settled();
    await wire.emit("leave");
    expect(ends.splice(0)).toEqual([["disconnect", "/", "server namespace disconnect"]]);
    await wire.close(1006);
    expect(ends.splice(0)).toEqual([
      ["disconnect", "/other", "transport close"],
      ["close", "/", "transport close"],
      ["close", "/other", "transport close"],
    ]);
  });

  test("runs after socket.disconnect(true), once", async () => {
    const ends: unknown[] = [];
    const harness = harnessOf(listening(ends));
    const wire = await harness.join();
    await harness.settled();
    await wire.emit("end");
    await wire.close();
    expect(ends).toEqual([
      ["disconnect", "/", "server namespace disconnect"],
      ["close", "/", "forced close"],
    ]);
  });

  test("runs when the client says good-bye to its only namespace and closes", async () => {
    const ends: unknown[] = [];
    const harness = harnessOf(listening(ends));
    const wire = await harness.join();
    await harness.settled();
    await Promise.all([wire.send("41"), wire.close()]);
    expect(ends).toEqual([
      ["disconnect", "/", "client namespace disconnect"],
      ["close", "/", "transport close"],
    ]);
  });

  test("inside an event handler is a clear error", async () => {
    const harness = harnessOf((io) => {
      io.on("connection", (socket) => {
        socket.on("late", () => socket.conn.on("close", () => undefined));
      });
    });
    const wire = await harness.join();
    await harness.settled();
    await wire.emit("late");
    expect(harness.errors("SKY_HANDLER_FAILED")).toHaveLength(1);
  });
});
