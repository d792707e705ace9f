import { describe, expect, test } from "@jest/globals";
import { Server, type ServerOptions } from "../../../lambdas/server/api/index.ts";
import { Seldom } from "../../../lambdas/server/declared/seldom.ts";
import { VirtualClock } from "../../support/fake-ports.ts";
import { Harness } from "../../support/harness.ts";

/** What a client may ask for over one connection. */

const middlewareRuns: string[] = [];
const harnessOf = (options: ServerOptions, warm = false): Harness =>
  new Harness({
    warm,
    app: () => {
      const io = new Server(options);
      io.of(/^\/room-/).use((socket, next) => {
        middlewareRuns.push(socket.nsp.name);
        next();
      });
      io.on("connection", (socket) => {
        socket.on("echo", (value, ack) => ack(value));
      });
      return io;
    },
  });

const refusals = (frames: readonly string[]): string[] => frames.filter((frame) => frame.startsWith("44"));

describe("namespaces of a connection", () => {
  test("may be 32; one more is refused before any middleware, and the others go on", async () => {
    const harness = harnessOf({}, true);
    const wire = await harness.join();
    for (let i = 1; i < 32; i++) await wire.send(`40/room-${i},`);
    expect(refusals(wire.frames)).toEqual([]);
    middlewareRuns.length = 0;
    await wire.send("40/room-32,");
    await wire.send("40/room-33,");
    expect(refusals(wire.frames)).toEqual([
      '44/room-32,{"message":"too many namespaces"}',
      '44/room-33,{"message":"too many namespaces"}',
    ]);
    expect(middlewareRuns).toEqual([]);
    // One line for both: clients cause them.
    expect(harness.log.map(({ code }) => code)).toEqual(["SKY_CLIENT_LIMIT"]);
    await wire.send('421["echo",1]');
    expect(wire.frames.at(-1)).toBe("431[1]");
  });

  test("of more at the same moment no more are let in than may be", async () => {
    const harness = harnessOf({ maxNamespacesPerConnection: 3, lingerTimeout: 100 });
    const wire = await harness.connect();
    await Promise.all(Array.from({ length: 8 }, (_, i) => wire.send(`40/room-${i},`)));
    const connected = wire.frames.filter((frame) => frame.startsWith("40/"));
    expect(connected.length).toBeLessThanOrEqual(3);
    expect(connected.length + refusals(wire.frames).length).toBe(8);
    const { sockets } = await harness.store.readConnection(wire.connectionId);
    expect(sockets.filter(({ phase }) => phase === "open")).toHaveLength(connected.length);
    expect(sockets).toHaveLength(connected.length);
  });

  test("that was let in by what it read first, and refused then, gets nothing but that", async () => {
    const app = (): Server => {
      const io = new Server({ maxNamespacesPerConnection: 1, lingerTimeout: 100 });
      io.of(/^\/room-/).use((socket, next) => {
        setTimeout(() => socket.emit("late"), 20);
        next();
      });
      return io;
    };
    const harness = new Harness({ app });
    const wire = await harness.connect();
    await Promise.all([1, 2, 3].map((i) => wire.send(`40/room-${i},`)));
    const to = (i: number): string[] =>
      wire.frames.filter((frame) => frame.includes(`/room-${i},`)).map((frame) => frame.slice(0, 2));
    for (const i of [1, 2, 3]) {
      if (to(i).includes("44")) expect(to(i)).toEqual(["44"]);
    }
    expect(refusals(wire.frames).length).toBeGreaterThan(1);
  });

  test("that it has left count as well, and it may come back to them", async () => {
    const harness = harnessOf({ maxNamespacesPerConnection: 2 });
    const wire = await harness.join();
    await wire.send("40/room-1,");
    await wire.send("41/room-1,");
    await wire.send("40/room-2,");
    await wire.send("40/room-1,");
    expect(refusals(wire.frames)).toEqual(['44/room-2,{"message":"too many namespaces"}']);
    expect(wire.frames.at(-1)).toMatch(/^40\/room-1,/);
  });
});

describe("auth", () => {
  test("may take 16 KB as JSON, and handlers have the whole of it", async () => {
    const harness = new Harness({
      app: () => {
        const io = new Server();
        io.on("connection", (socket) => {
          socket.on("length", (ack) => ack(socket.handshake.auth.token.length));
        });
        return io;
      },
    });
    const fits = await harness.join("/", { token: "x".repeat(16_384 - '{"token":""}'.length) });
    await fits.send('421["length"]');
    expect(fits.frames.at(-1)).toBe("431[16372]");
    const over = await harness.join("/", { token: "x".repeat(16_385 - '{"token":""}'.length) });
    expect(over.frames.at(-1)).toBe('44{"message":"auth too large"}');
    expect(over.open).toBe(true);
  });

  test("may be larger where the application says so", async () => {
    const wire = await harnessOf({ maxAuthBytes: Number.POSITIVE_INFINITY }).join("/", {
      token: "x".repeat(20_000),
    });
    expect(wire.frames.at(-1)).toMatch(/^40/);
  });
});

test("a line that clients can cause comes once a minute, with the number of those left out", () => {
  let now = 0;
  const lines: unknown[] = [];
  const ports = {
    clock: { ...new VirtualClock(), now: () => now, sleep: async () => {}, turn: async () => {} },
    log: { error: () => {}, warn: (...line: unknown[]) => void lines.push(line) },
  };
  const seldom = new Seldom();
  for (now of [0, 1, 59_999, 60_000, 60_001]) seldom.warn(ports, "SKY_CLIENT_LIMIT", "text", { now });
  expect(lines).toEqual([
    ["SKY_CLIENT_LIMIT", "text", { now: 0 }],
    ["SKY_CLIENT_LIMIT", "text", { now: 60_000, leftOut: 2 }],
  ]);
});
