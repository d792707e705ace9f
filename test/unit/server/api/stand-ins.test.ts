import { createServer } from "node:http";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { Server } from "../../../../lambdas/server/api/server.ts";
import type { Socket } from "../../../../lambdas/server/api/socket.ts";
import { Harness, type LogEntry } from "../../../support/harness.ts";

/** Members that Socket.IO's classes have, whose work is API Gateway's here. */

let notices: string[];
beforeEach(() => {
  notices = [];
  jest.spyOn(console, "warn").mockImplementation((line: string) => void notices.push(line));
});
afterEach(() => void jest.restoreAllMocks());

const noticed = (): (string | undefined)[] =>
  notices.map((line) => /^\[skysocket\] SKY_OPTION_IGNORED: (?:the server option )?(\S+)/.exec(line)?.[1]);

test.each<[string, (io: Server) => unknown, string]>([
  ["io.httpServer", (io) => io.httpServer, "allowRequest"],
  ["io.engine.httpServer", (io) => io.engine.httpServer, "allowRequest"],
  ["io.engine.attach()", (io) => io.engine.attach(), "allowRequest"],
  ["io.engine.handleRequest()", (io) => io.engine.handleRequest(), "allowRequest"],
  ["io.engine.handleUpgrade()", (io) => io.engine.handleUpgrade(), "io.engine.use()"],
  ["io.engine.onWebTransportSession()", (io) => io.engine.onWebTransportSession(), "Remove the call"],
  ["io.engine.opts", (io) => io.engine.opts, "Keep your own options"],
  ['io.engine.emit("x")', (io) => io.engine.emit("x"), "Call your own function"],
  ["io.engine.once", (io) => io.engine.once("connection_error", () => undefined), "first time"],
  [
    "io.engine.prependOnceListener",
    (io) => io.engine.prependOnceListener("connection_error", () => 1),
    "first",
  ],
  ["prependOnceListener", (io) => io.prependOnceListener("connection", () => 1), "under a condition"],
  ["prependOnceListener", (io) => io.of(/x/).prependOnceListener("connection", () => 1), "under a condition"],
])("%s is a clear error that names the way out", (_, code, way) => {
  expect(() => code(new Server())).toThrow(
    expect.objectContaining({ code: "SKY_NOT_AVAILABLE", message: expect.stringContaining(way) }),
  );
});

test("attachApp, bind and engine.close are accepted with one notice each", () => {
  const io = new Server();
  for (let n = 0; n < 2; n++) {
    io.attachApp({});
    expect(io.bind({})).toBe(io);
    expect(io.engine.close()).toBe(io.engine);
  }
  expect(noticed()).toEqual(["io.attachApp()", "io.bind()", "io.engine.close()"]);
});

test("options about what API Gateway decides are accepted with one notice each", () => {
  const options = {
    ...{ allowUpgrades: true, cleanupEmptyChildNamespaces: true, connectTimeout: 1, cookie: true },
    ...{ destroyUpgrade: true, destroyUpgradeTimeout: 1, httpCompression: true, initialPacket: ["x"] },
    ...{ maxHttpBufferSize: 1, perMessageDeflate: true, pingInterval: 1, pingTimeout: 1, serveClient: true },
    ...{ upgradeTimeout: 1, wsEngine: {} },
  };
  new Server(createServer(), options);
  expect(noticed().slice(0, -1)).toEqual(Object.keys(options));
});

describe("socket.conn", () => {
  /** @returns what the log was told */
  async function conn(use: (socket: Socket) => unknown): Promise<readonly LogEntry[]> {
    let problem: unknown;
    const harness = new Harness({
      app: () => {
        const io = new Server();
        io.on("connection", (socket) => {
          try {
            use(socket);
          } catch (error) {
            problem = error;
          }
        });
        return io;
      },
    });
    await harness.join();
    await harness.settled();
    if (problem !== undefined) throw problem;
    return harness.log;
  }

  const OF_FRAMES = ["data", "drain", "flush", "heartbeat", "message", "open", "packet"];

  test("events of frames are accepted with one notice each, those of an upgrade without", async () => {
    const log = await conn((socket) => {
      for (const event of [...OF_FRAMES, "upgrading", "upgrade", "packet"])
        socket.conn.on(event, () => undefined);
    });
    expect(log).toEqual(
      OF_FRAMES.map((event) =>
        expect.objectContaining({
          code: "SKY_OPTION_IGNORED",
          message: expect.stringContaining(`socket.conn.on("${event}") has no effect`),
        }),
      ),
    );
  });

  test.each<[string, (socket: Socket) => unknown, string]>([
    ["socket.conn.send()", ({ conn: { send } }) => send(), "socket.emit()"],
    ["socket.conn.write()", (socket) => socket.conn.write(), "socket.emit()"],
    ["socket.conn.emit()", (socket) => socket.conn.emit("close"), "Call your own function"],
  ])("%s is a clear error that names the way out", async (_, use, way) => {
    await expect(conn(use)).rejects.toMatchObject({
      code: "SKY_NOT_AVAILABLE",
      message: expect.stringContaining(way),
    });
  });

  test("once and prependOnceListener are on and prependListener: it closes once", async () => {
    await conn((socket) => {
      const [first, second] = [() => 1, () => 2];
      socket.conn.once("close", second);
      socket.conn.prependOnceListener("close", first);
      expect(socket.conn.listeners("close")).toEqual([first, second]);
      socket.conn.removeAllListeners();
      expect(socket.conn.eventNames()).toEqual([]);
    });
  });

  test("the request has what API Gateway tells, and no stream", async () => {
    await conn(({ request }) => {
      const { headers, url, method, httpVersion } = request;
      expect([typeof headers, typeof url, method, httpVersion]).toEqual(["object", "string", "GET", "1.1"]);
      for (const member of [
        "aborted",
        "complete",
        "destroy",
        "headersDistinct",
        "rawHeaders",
        "signal",
        "trailers",
      ]) {
        expect([member, request[member]]).toEqual([member, undefined]);
      }
    });
  });
});
