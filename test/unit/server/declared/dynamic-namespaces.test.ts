/** Namespaces by pattern and by function. Every invocation is a new instance unless a test says "warm". */
import { describe, expect, test } from "@jest/globals";
import { Server } from "../../../../lambdas/server/api/index.ts";
import { Harness, type HarnessOptions, type Wire } from "../../../support/harness.ts";

const harnessOf = (setUp: (io: Server) => void, options: Omit<HarnessOptions, "app"> = {}): Harness =>
  new Harness({
    ...options,
    app: () => {
      const io = new Server();
      setUp(io);
      return io;
    },
  });

/** The events of a namespace that a client got, as `[name, ...args]`. */
const eventsOf = (wire: Wire, nsp: string): unknown[][] =>
  wire.frames
    .filter((frame) => frame.startsWith(`42${nsp},[`))
    .map((frame) => JSON.parse(frame.slice(`42${nsp},`.length)));

const refusalOf = (wire: Wire): string | undefined => wire.frames.find((frame) => frame.startsWith("44"));

const send = (wire: Wire, nsp: string, ...event: unknown[]) => wire.send(`42${nsp},${JSON.stringify(event)}`);

describe("by pattern", () => {
  const byPattern = (io: Server): void => {
    const parent = io.of(/^\/dynamic-\d+$/);
    parent.use((socket, next) => {
      if (socket.handshake.auth.refuse) return next(new Error(`not in ${socket.nsp.name}`));
      next();
    });
    parent.on("connection", (socket) => {
      socket.on("where", () => socket.emit("here", socket.nsp.name));
      socket.on("tell", (text) => socket.nsp.emit("told", text));
    });
  };

  test("clients connect to any name that matches, and each name is a namespace of its own", async () => {
    const harness = harnessOf(byPattern);
    const one = await harness.join("/dynamic-1");
    const two = await harness.join("/dynamic-2");
    await send(one, "/dynamic-1", "where");
    await send(one, "/dynamic-1", "tell", "hi");
    expect(eventsOf(one, "/dynamic-1")).toEqual([
      ["here", "/dynamic-1"],
      ["told", "hi"],
    ]);
    expect(eventsOf(two, "/dynamic-2")).toEqual([]);
    expect(harness.log).toEqual([]);
  });

  test("a name that does not match is no namespace", async () => {
    const wire = await harnessOf(byPattern).join("/dynamic-x");
    expect(refusalOf(wire)).toBe('44/dynamic-x,{"message":"Invalid namespace"}');
  });

  test("middlewares are inherited", async () => {
    const wire = await harnessOf(byPattern).join("/dynamic-7", { refuse: true });
    expect(refusalOf(wire)).toBe('44/dynamic-7,{"message":"not in /dynamic-7"}');
  });

  test("a namespace that is named has its own listeners, and inherits those that the pattern had before", async () => {
    const harness = harnessOf((io) => {
      const seen = (text: string) => (socket: { emit(event: string, text: string): unknown }) =>
        void socket.emit("seen", text);
      io.of(/^\/a/, seen("pattern"));
      io.of("/a1").on("connection", seen("named"));
      io.of(/^\/a/).on("connection", seen("never: the first pattern that matches wins"));
    });
    const named = await harness.join("/a1");
    const other = await harness.join("/a2");
    await harness.settled();
    expect(eventsOf(named, "/a1")).toEqual([
      ["seen", "pattern"],
      ["seen", "named"],
    ]);
    expect(eventsOf(other, "/a2")).toEqual([["seen", "pattern"]]);
  });

  test("another namespace's handler emits to it by name", async () => {
    const harness = harnessOf((io) => {
      byPattern(io);
      io.on("connection", (socket) => {
        socket.on("tell", (n) => io.of(`/dynamic-${n}`).emit("told from outside"));
      });
    });
    const one = await harness.join("/dynamic-1");
    const main = await harness.join();
    await main.emit("tell", 1);
    expect(eventsOf(one, "/dynamic-1")).toEqual([["told from outside"]]);
  });

  test("a pattern that remembers where it stopped is refused", () => {
    const io = new Server();
    expect(() => io.of(/^\/a/g)).toThrow("stateful regular expressions are not supported");
    expect(() => io.of(/^\/a/y)).toThrow("stateful regular expressions are not supported");
  });
});

describe("by function", () => {
  test("the function is asked once, with name and auth, and the row leads back to its listeners", async () => {
    const asked: unknown[] = [];
    const harness = harnessOf((io) => {
      io.of((name, auth, next) => {
        asked.push(["first", name, auth]);
        next(null, false);
      }).on("connection", (socket) => {
        socket.on("where", () => socket.emit("wrong"));
      });
      io.of((name, auth, next) => {
        asked.push(["second", name, auth]);
        setTimeout(() => next(null, auth.key === "right"), 1);
      }).on("connection", (socket) => {
        socket.on("where", () => socket.emit("here", socket.nsp.name));
        socket.on("disconnect", (reason) => asked.push(["disconnect", socket.nsp.name, reason]));
      });
    });
    const wire = await harness.join("/tenant/7", { key: "right" });
    await harness.settled();
    await send(wire, "/tenant/7", "where");
    await send(wire, "/tenant/7", "where");
    await wire.close(1006);
    expect(eventsOf(wire, "/tenant/7")).toEqual([
      ["here", "/tenant/7"],
      ["here", "/tenant/7"],
    ]);
    expect(asked).toEqual([
      ["first", "/tenant/7", { key: "right" }],
      ["second", "/tenant/7", { key: "right" }],
      ["disconnect", "/tenant/7", "transport close"],
    ]);
    expect(harness.log).toEqual([]);
  });

  test.each([
    ["says no", (next: (error: Error | null, success: boolean) => void) => next(null, false), []],
    ["says an error", (next: (error: Error | null, success: boolean) => void) => next(new Error(), true), []],
    [
      "throws",
      () => {
        throw new Error("broken");
      },
      ["SKY_LISTENER_FAILED"],
    ],
    ["rejects", () => Promise.reject(new Error("broken")), ["SKY_LISTENER_FAILED"]],
    ["stays silent", () => undefined, ["SKY_MIDDLEWARE_SILENT"]],
  ] as const)("one that %s lets nobody in", async (_, decide, codes) => {
    const harness = harnessOf((io) => void io.of((_name, _auth, next) => decide(next)), { timeoutMs: 4_300 });
    const wire = await harness.join("/x");
    expect(refusalOf(wire)).toBe('44/x,{"message":"Invalid namespace"}');
    expect(harness.log.map(({ code }) => code)).toEqual(codes);
  });

  test("disconnectSockets from outside runs the listeners of its sockets", async () => {
    const ended: string[] = [];
    const harness = harnessOf((io) => {
      io.of((_name, _auth, next) => next(null, true)).on("connection", (socket) => {
        socket.on("disconnect", (reason) => ended.push(reason));
      });
      io.on("connection", (socket) => {
        socket.on("end", () => io.of("/any").disconnectSockets());
      });
    });
    const any = await harness.join("/any");
    const main = await harness.join();
    await main.emit("end");
    expect(any.frames).toContain("41/any,");
    expect(ended).toEqual(["server namespace disconnect"]);
  });
});

describe("the parent", () => {
  const withParent = (io: Server): void => {
    const parent = io.of(/^\/p\d$/);
    parent.on("connection", (socket) => {
      if (socket.handshake.auth.room) socket.join(socket.handshake.auth.room);
    });
    io.on("connection", (socket) => {
      socket.on("all", () => {
        const list = [1, new Date(0)];
        parent.emit("to all", { list });
        list.push(2);
      });
      socket.on("room", (room) => parent.to(room).emit("to room"));
      socket.on("fetch", async () => {
        const outcomes = await Promise.allSettled([
          parent.fetchSockets(),
          parent.allSockets(),
          parent.in("x").fetchSockets(),
          (async () => parent.disconnectSockets())(),
          parent.timeout(10).emitWithAck("x"),
        ]);
        socket.emit(
          "fetched",
          outcomes.map((one) => one.status === "rejected" && String(one.reason.message).split(" and ")[0]),
        );
      });
    });
  };

  test("emits to the clients of all its namespaces, on whatever instance they connected", async () => {
    const harness = harnessOf(withParent);
    const one = await harness.join("/p1", { room: "r" });
    const two = await harness.join("/p2");
    const main = await harness.join();
    await main.emit("all");
    await main.emit("room", "r");
    const all = ["to all", { list: [1, "1970-01-01T00:00:00.000Z"] }];
    expect(eventsOf(one, "/p1")).toEqual([all, ["to room"]]);
    expect(eventsOf(two, "/p2")).toEqual([all]);
    expect(main.events).toEqual([]);
  });

  test("a warm instance writes a name once, however many clients connect", async () => {
    const harness = harnessOf(withParent, { warm: true });
    await harness.join("/p1");
    await harness.settled();
    harness.storeCalls.length = 0;
    await harness.join("/p1");
    await harness.settled();
    // Its own room, and everyone's.
    expect(harness.storeCalls.filter((name) => name === "putMember")).toHaveLength(2);
  });

  test("what would need all their sockets at once is refused", async () => {
    const harness = harnessOf(withParent);
    const main = await harness.join();
    await main.emit("fetch");
    expect(main.events).toEqual([
      [
        "fetched",
        [
          "fetchSockets() is not supported on parent namespaces",
          "allSockets() is not supported on parent namespaces",
          "fetchSockets() is not supported on parent namespaces",
          "disconnectSockets() is not supported on parent namespaces",
          'emit("x") with an acknowledgement is not supported on parent namespaces',
        ],
      ],
    ]);
  });
});

test("new_namespace is told of namespaces that are named, and of those that clients ask for", async () => {
  const names: string[] = [];
  const harness = harnessOf(
    (io) => {
      io.on("new_namespace", (nsp) => {
        names.push(nsp.name);
        nsp.use((socket, next) => {
          socket.data.by = "the common middleware";
          next();
        });
      });
      io.of("/named");
      io.of(/^\/dyn/).on("connection", (socket) => socket.emit("data", socket.data.by));
    },
    { warm: true },
  );
  const wire = await harness.join("/dyn");
  await harness.settled();
  expect(names).toEqual(["/named", "/dyn"]);
  expect(eventsOf(wire, "/dyn")).toEqual([["data", "the common middleware"]]);
});
