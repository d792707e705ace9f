/** The rest of the server's surface: what has no meaning here, what has a way out, and members that are easy to forget. */
import { createServer } from "node:http";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { Server, type Socket } from "../../../../lambdas/server/api/index.ts";
import { Harness, type HarnessOptions } from "../../../support/harness.ts";

const harnessOf = (setUp: (io: Server) => void, options: Omit<HarnessOptions, "app"> = {}): Harness =>
  new Harness({
    ...options,
    app: () => {
      const io = new Server();
      setUp(io);
      return io;
    },
  });

describe("what only a server of one's own has", () => {
  let notices: string[];

  beforeEach(() => {
    notices = [];
    jest.spyOn(console, "warn").mockImplementation((line: string) => void notices.push(line));
  });
  afterEach(() => void jest.restoreAllMocks());

  test("is accepted with one notice each", async () => {
    const io = new Server(createServer(), { pingInterval: 1_000, cors: { origin: "*", credentials: true } });
    expect(io.listen(3000).attach(createServer()).path("/x").serveClient(true).connectTimeout(1)).toBe(io);
    io.listen(3001);
    io.local;
    io.local;
    io.compress(true);
    let closed = false;
    await io.close(() => {
      closed = true;
    });
    expect(closed).toBe(true);
    expect(notices.every((line) => line.startsWith("[skysocket] SKY_OPTION_IGNORED: "))).toBe(true);
    expect(
      notices.map((line) => /option (\w+)|IGNORED: (.+?) has no effect/.exec(line)?.slice(1).join("")),
    ).toEqual([
      "pingInterval",
      "new Server() with an HTTP server or a port",
      "io.listen()",
      "io.attach()",
      "io.path()",
      "io.serveClient(true)",
      "io.connectTimeout()",
      "local",
      "compress()",
      "io.close()",
    ]);
  });

  test.each([[[3000]], [["3000"]], [[undefined, { path: "/x" }]], [[{ path: "/x" }]], [[]]])(
    "new Server(...%j) is a server",
    (args) => {
      const io = Reflect.construct(Server, args);
      expect(io.sockets.name).toBe("/");
    },
  );

  test.each([
    ["adapter", {}, /all instances share the table/],
    ["allowEIO3", true, /Update them to version 3/],
    ["pingIntervall", 1, /misspelling/],
  ])("the option %s is refused with the way out", (name, value, message) => {
    expect(() => new Server({ [name]: value })).toThrow(message);
  });

  test("cors as a function is refused with the way out", () => {
    expect(() => Reflect.construct(Server, [{ cors: () => undefined }])).toThrow("{ origin:");
  });
});

describe("what would need one process that knows all clients", () => {
  const io = new Server();
  const nsp = io.of("/x");
  test.each<[string, () => unknown, string]>([
    ["serverSideEmit", () => io.serverSideEmit("hello"), "cannot send each other events"],
    ["serverSideEmitWithAck", () => nsp.serverSideEmitWithAck("hello"), "cannot send each other events"],
    ["io.adapter()", () => io.adapter(), "share the table"],
    ["io.path()", () => io.path(), "stage of the API"],
    ["nsp.sockets.size", () => nsp.sockets.size, "await nsp.fetchSockets()"],
    ["nsp.sockets.get()", () => nsp.sockets.get("x"), "nsp.in(id).fetchSockets()"],
    ["nsp.sockets.has()", () => nsp.sockets.has("x"), "nsp.in(id).fetchSockets()"],
    ["for (… of nsp.sockets)", () => [...nsp.sockets], "await nsp.fetchSockets()"],
    ["nsp.sockets.forEach()", () => nsp.sockets.forEach(), "await nsp.fetchSockets()"],
    ["nsp.sockets.keys()", () => nsp.sockets.keys(), "await nsp.allSockets()"],
    ["nsp.sockets.values()", () => nsp.sockets.values(), "await nsp.fetchSockets()"],
    ["nsp.sockets.entries()", () => nsp.sockets.entries(), "await nsp.fetchSockets()"],
    ["adapter.rooms", () => nsp.adapter.rooms, "await nsp.in(room).allSockets()"],
    ["adapter.sids", () => nsp.adapter.sids, "?.rooms"],
    ["adapter.on", () => nsp.adapter.on("create-room"), "socket.join()"],
    ["once", () => io.once("connection", () => undefined), "first time"],
    ["on", () => Reflect.apply(nsp.on, nsp, ["hello", () => undefined]), "socket.on(…)"],
  ])("%s is a clear error that names the way out", (_, code, way) => {
    let thrown: unknown;
    try {
      code();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ name: "SkysocketError", code: "SKY_NOT_AVAILABLE" });
    expect(String(thrown)).toContain(way);
  });

  test("the sockets of the running event are there", async () => {
    const harness = harnessOf((server) => {
      server.on("connection", (socket) => {
        const { sockets } = server.sockets;
        socket.on("me", () => socket.emit("is", sockets.get(socket.id) === socket, sockets.has(socket.id)));
      });
    });
    const wire = await harness.join();
    await wire.emit("me");
    expect(wire.events).toEqual([["is", true, true]]);
  });
});

test("listeners of a namespace: connect before connection, removed, prepended, counted", async () => {
  const says = (text: string) => (socket: Socket) => void socket.emit("says", text);
  const removed = says("removed");
  const harness = harnessOf((io) => {
    io.on("connection", says("connection"));
    io.on("connect", says("connect"));
    io.on("connection", removed);
    io.off("connection", removed);
    io.prependListener("connection", says("prepended"));
    io.of("/", says("by of()"));
    expect([io.listenerCount("connection"), io.listeners("connect").length, io.eventNames()]).toEqual([
      2,
      2,
      ["connect", "connection"],
    ]);
    io.of("/cleared", removed).removeAllListeners();
  });
  const wire = await harness.join();
  await harness.settled();
  expect(wire.events.map(([, text]) => text)).toEqual(["connect", "by of()", "prepended", "connection"]);
  const cleared = await harness.join("/cleared");
  await harness.settled();
  expect(cleared.frames.filter((frame) => frame.includes("says"))).toEqual([]);
});

test("allSockets gives the ids of namespaces and rooms, and the recorded ones in a replay", async () => {
  const harness = harnessOf((io) => {
    io.on("connection", async (socket) => {
      const first = await io.allSockets();
      socket.join("r");
      socket.on("count", async () => {
        const [all, room] = await Promise.all([io.allSockets(), io.in("r").except("nobody").allSockets()]);
        socket.emit("counted", first.size, all.size, room.has(socket.id));
      });
    });
  });
  const one = await harness.join();
  await harness.join();
  await harness.settled();
  await one.emit("count");
  expect(one.events).toEqual([["counted", 1, 2, true]]);
});

test("onAnyOutgoing sees broadcasts that reach the socket of the running event, when they are called", async () => {
  const harness = harnessOf((io) => {
    io.on("connection", (socket) => {
      const seen: unknown[] = [];
      socket.join("mine");
      socket.onAnyOutgoing((...event) => seen.push(event));
      socket.on("go", () => {
        io.emit("all", 1);
        io.to("mine").emit("room");
        io.to("other").emit("not mine");
        io.except("mine").emit("not me");
        socket.broadcast.emit("not myself");
        io.of("/other").emit("not here");
        const before = [...seen];
        socket.emit("seen", before);
      });
    });
  });
  const wire = await harness.join();
  await harness.settled();
  await wire.emit("go");
  expect(wire.events).toEqual([["all", 1], ["room"], ["seen", [["all", 1], ["room"]]]]);
});

test("send and write emit a message", async () => {
  const harness = harnessOf((io) => {
    io.on("connection", (socket) => {
      socket.on("message", (text) => {
        socket.send("to you", text).write(1);
        io.send("to all");
        io.to(socket.id).write({ a: 1 });
      });
    });
  });
  const wire = await harness.join();
  await harness.settled();
  await wire.emit("message", "hi");
  expect(wire.events).toEqual([
    ["message", "to you", "hi"],
    ["message", 1],
    ["message", "to all"],
    ["message", { a: 1 }],
  ]);
});
