/** What an application can do about a connection at $connect: `allowRequest`, `cors.origin` and `io.engine`. */
import { createRequire } from "node:module";
import { describe, expect, jest, test } from "@jest/globals";
import { type AllowedOrigin, Server, type ServerOptions } from "../../../../lambdas/server/api/index.ts";
import type { AnyFunction } from "../../../../lambdas/server/common/typed-events.ts";
import { Harness, Wire } from "../../../support/harness.ts";

const harnessOf = (
  options: ServerOptions,
  setUp: (io: Server) => void = () => undefined,
  timeoutMs = 29_000,
): Harness =>
  new Harness({
    timeoutMs,
    app: () => {
      const io = new Server(options);
      setUp(io);
      return io;
    },
  });

const register = (harness: Harness): Wire => {
  const wire = new Wire(harness);
  harness.wires.set(wire.connectionId, wire);
  return wire;
};

/** A $connect as API Gateway delivers it. */
const connect = (
  harness: Harness,
  headers: Record<string, string> = {},
  query: Record<string, string> = {},
): Promise<{ statusCode: number; body?: string }> => {
  const parameters = { EIO: "4", transport: "websocket", ...query };
  // On the gateway from now on, so that the open packet finds it.
  const { connectionId, connectedAt } = register(harness);
  return harness.invoke({
    headers: { Host: "localhost", ...headers },
    multiValueQueryStringParameters: Object.fromEntries(
      Object.entries(parameters).map(([name, value]) => [name, [value]]),
    ),
    requestContext: {
      eventType: "CONNECT",
      connectionId,
      connectedAt,
      stage: "prod",
      identity: { sourceIp: "192.0.2.1" },
    },
  });
};

const answer = (statusCode: number, code: number, message: string) => ({
  statusCode,
  body: JSON.stringify({ code, message }),
});
const ACCEPTED = { statusCode: 200 };

describe("allowRequest", () => {
  test("decides by the request, with all its headers", async () => {
    const harness = harnessOf({
      allowRequest: (request, fn) => {
        const { "x-key": key } = request.headers;
        setTimeout(() => fn(key === "good" ? null : "no key", key === "good"), 1);
      },
    });
    expect(await connect(harness, { "X-Key": "good" })).toEqual(ACCEPTED);
    expect(await connect(harness)).toEqual(answer(400, 4, "no key"));
  });

  test.each([
    [
      "throws",
      () => {
        throw new Error("broken");
      },
      "SKY_LISTENER_FAILED",
    ],
    ["stays silent", () => undefined, "SKY_MIDDLEWARE_SILENT"],
  ])("lets nobody in if it %s", async (_, allowRequest, code) => {
    const harness = harnessOf({ allowRequest }, undefined, 4_100);
    expect(await connect(harness)).toEqual(answer(400, 4, "Forbidden"));
    expect(harness.log.map((entry) => entry.code)).toEqual([code]);
  });
});

describe("cors.origin", () => {
  test.each<[string, AllowedOrigin, boolean]>([
    ["a list that has it", ["https://a.example", /b/], true],
    ["a list that does not", ["https://c.example"], false],
    ["a function that says yes", (_, callback) => callback(null, true), true],
    ["a function that names it", (origin, callback) => callback(null, origin ?? ""), true],
    ["a function that names another", (_, callback) => callback(null, ["https://c.example"]), false],
    ["a function that fails", (_, callback) => callback(new Error("no")), false],
  ])("%s", async (_, origin, allowed) => {
    const response = await connect(harnessOf({ cors: { origin } }), { Origin: "https://a.example" });
    expect(response).toEqual(allowed ? ACCEPTED : answer(403, 4, "Forbidden"));
  });

  test("does not ask about clients that are no pages", async () => {
    const harness = harnessOf({ cors: { origin: false } });
    expect(await connect(harness)).toEqual(ACCEPTED);
  });
});

describe("io.engine.use()", () => {
  test("middlewares run in order; what they put on the request is there later as socket.request", async () => {
    const harness = harnessOf({}, (io) => {
      io.engine.use((request: { step: number }, _response: unknown, next: () => void) => {
        request.step = 1;
        setTimeout(next, 1);
      });
      io.engine.use(
        (request: { step: number; user: unknown; open: () => void }, _: unknown, next: () => void) => {
          request.user = { name: "ada", step: request.step };
          request.open = () => undefined;
          next();
        },
      );
      io.on("connection", (socket) => {
        socket.on("who", () => socket.emit("you", socket.request.user, Object.keys(socket.handshake)));
      });
    });
    const wire: Wire = await harness.join();
    await wire.emit("who");
    const handshake = ["headers", "address", "xdomain", "secure", "url", "query", "time", "issued", "auth"];
    expect(wire.events).toEqual([["you", { name: "ada", step: 1 }, handshake]]);
  });

  test("a session of express-session is there in each event, by its values", async () => {
    const session: (options: object) => AnyFunction = createRequire(import.meta.url)("express-session");
    const middleware = session({ secret: "keyboard cat", resave: false, saveUninitialized: true });
    const harness = harnessOf({}, (io) => {
      io.engine.use(middleware);
      io.engine.use((request: { session: { user?: string } }, _response: unknown, next: () => void) => {
        request.session.user = "ada";
        next();
      });
      io.on("connection", (socket) => {
        const { session, sessionID } = socket.request;
        socket.on("who", () => socket.emit("you", session, typeof sessionID));
      });
    });
    const wire: Wire = await harness.join();
    await wire.emit("who");
    const cookie = { originalMaxAge: null, expires: null, httpOnly: true, path: "/" };
    expect(wire.events).toEqual([
      ["you", { cookie: expect.objectContaining(cookie), user: "ada" }, "string"],
    ]);
  });

  test("an error refuses the connection as a bad request", async () => {
    const harness = harnessOf({}, (io) => {
      io.engine.use((_request: unknown, _response: unknown, next: (error: Error) => void) =>
        next(new Error("secret")),
      );
    });
    expect(await connect(harness)).toEqual(answer(400, 3, "Bad request"));
  });

  test("a response that is ended refuses the connection with its status and text", async () => {
    const harness = harnessOf({}, (io) => {
      io.engine.use(
        (
          _request: unknown,
          response: { writeHead(status: number): { end(text: string): void } },
          _next: unknown,
        ) => response.writeHead(401).end("who are you?"),
      );
    });
    expect(await connect(harness)).toEqual({ statusCode: 401, body: "who are you?" });
  });
});

describe("io.engine", () => {
  test("connection_error tells why a connection was refused, and may emit", async () => {
    const errors: unknown[] = [];
    const harness = harnessOf({ allowRequest: (_, fn) => fn("closed today", false) }, (io) => {
      io.engine.on("connection_error", async ({ req, code, message, context }) => {
        await io.emit("somebody was refused");
        errors.push([req.url, code, message, context]);
      });
    });
    await connect(harness);
    await connect(harness, {}, { EIO: "3" });
    await connect(harness, {}, { transport: "polling" });
    await connect(harness, {}, { sid: "x" });
    expect(errors).toEqual([
      ["/prod/?EIO=4&transport=websocket", 4, "Forbidden", { message: "closed today" }],
      ["/prod/?EIO=3&transport=websocket", 5, "Unsupported protocol version", { protocol: "3" }],
      ["/prod/?EIO=4&transport=polling", 0, "Transport unknown", { transport: "polling" }],
      ["/prod/?EIO=4&transport=websocket&sid=x", 1, "Session ID unknown", { sid: "x" }],
    ]);
    expect(harness.log).toEqual([]);
  });

  test("generateId makes the connection's id", async () => {
    const harness = harnessOf({}, (io) => {
      io.engine.generateId = async (request) => `id of ${request.socket.remoteAddress}`;
      io.on("connection", (socket) => socket.emit("id", socket.conn.id));
    });
    const wire = await harness.join();
    await harness.settled();
    expect(wire.events).toEqual([["id", "id of 127.0.0.1"]]);
  });

  test.each<[string, () => string | Promise<string>, string]>([
    [
      "throws",
      () => {
        throw new Error("no ids left");
      },
      "SKY_LISTENER_FAILED",
    ],
    ["rejects", () => Promise.reject(new Error("no ids left")), "SKY_LISTENER_FAILED"],
    ["stays silent", () => new Promise(() => undefined), "SKY_MIDDLEWARE_SILENT"],
  ])("a generateId that %s lets nobody in, and connection_error tells why", async (_, generateId, code) => {
    const seen: unknown[] = [];
    const app = (io: Server): void => {
      io.engine.generateId = generateId;
      io.engine.on("connection_error", ({ code: errorCode, context }) => seen.push([errorCode, context]));
    };
    const harness = harnessOf({}, app, 4_100);
    expect(await connect(harness)).toEqual(answer(400, 3, "Bad request"));
    expect(seen).toEqual([[3, { name: "ID_GENERATION_ERROR" }]]);
    expect(harness.log.map((entry) => entry.code)).toEqual([code]);
  });

  test("what API Gateway never tells is accepted with one notice; the number of clients is an error", () => {
    const warn = jest.spyOn(console, "warn").mockImplementation(() => undefined);
    try {
      const io = new Server();
      for (const event of ["initial_headers", "headers", "connection", "headers"]) {
        io.engine.on(event, () => undefined);
      }
      expect(warn).toHaveBeenCalledTimes(3);
      expect(() => io.engine.clientsCount).toThrow("fetchSockets()).length");
    } finally {
      warn.mockRestore();
    }
  });
});
