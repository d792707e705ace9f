import { EventEmitter, once } from "node:events";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { Server } from "../../../../lambdas/server/api/server.ts";
import { askTimeout } from "../../../../lambdas/server/broadcast/asks.ts";
import { Harness } from "../../../support/harness.ts";

/** What an application registers, and what it asks emitters about events that they do not have. */

const INVALID = expect.objectContaining({ name: "TypeError", code: "ERR_INVALID_ARG_TYPE" });

test.each<[string, (io: Server) => unknown]>([
  ["io.on", (io) => io.on("connection", undefined as never)],
  ["io.on of another event", (io) => io.on("new_namespace", null as never)],
  ["nsp.prependListener", (io) => io.of("/a").prependListener("connect", "text" as never)],
  ["io.use", (io) => io.use(undefined as never)],
  ["parent.use", (io) => io.of(/a/).use({} as never)],
])("%s takes functions only, and says so where it is called, as Node's emitters do", (_, register) => {
  expect(() => register(new Server())).toThrow(INVALID);
  expect(() => new EventEmitter().on("x", undefined as never)).toThrow(INVALID);
});

test("a socket takes functions only: the log names the line, and what was registered before works", async () => {
  const registering = [
    "on",
    "once",
    "prependListener",
    "onAny",
    "prependAny",
    "onAnyOutgoing",
    "use",
  ] as const;
  const refused: unknown[] = [];
  const harness = new Harness({
    app: () => {
      const io = new Server();
      io.on("connection", (socket) => {
        socket.on("works", () => socket.emit("worked"));
        for (const name of registering) {
          const register = socket[name].bind(socket) as (...args: unknown[]) => unknown;
          try {
            if (/^(on|once|prependListener)$/.test(name)) register("event", undefined);
            else register(undefined);
          } catch (error) {
            refused.push(error);
          }
        }
        socket.on("never", undefined as never);
      });
      return io;
    },
  });
  const wire = await harness.join();
  await wire.emit("works");
  await harness.settled();
  expect(refused.length).toBeGreaterThanOrEqual(registering.length);
  expect(refused).toEqual(refused.map(() => INVALID));
  expect(wire.events).toEqual([["worked"]]);
  expect(harness.errors("SKY_LISTENER_FAILED").length).toBeGreaterThan(0);
});

test("an emitter has no listeners of events that it does not know, and none to take away", () => {
  const io = new Server();
  const listener = () => undefined;
  for (const emitter of [io, io.of("/a"), io.of(/a/)]) {
    const asked = emitter as unknown as EventEmitter;
    expect([asked.listenerCount("x"), asked.listeners("x"), asked.rawListeners("x")]).toEqual([0, [], []]);
    expect(asked.off("x", listener).removeAllListeners("x")).toBe(emitter);
    expect(() => asked.on("x", listener)).toThrow(
      expect.objectContaining({ code: "SKY_NOT_AVAILABLE", message: expect.stringContaining('on("x")') }),
    );
  }
});

test("listeners of new_namespace are listed, counted and removed", () => {
  const io = new Server();
  const asked = io as unknown as EventEmitter;
  const made: string[] = [];
  const listener = (nsp: { readonly name: string }) => made.push(nsp.name);
  io.on("new_namespace", listener);
  io.of("/seen");
  expect([asked.listenerCount("new_namespace"), asked.eventNames()]).toEqual([1, ["new_namespace"]]);
  asked.off("new_namespace", listener);
  io.of("/unseen");
  asked.on("new_namespace", listener).removeAllListeners();
  io.of("/unseen either");
  expect([asked.listenerCount("new_namespace"), made]).toEqual([0, ["/seen"]]);
});

describe("an HTTP server", () => {
  let notices: string[];
  beforeEach(() => {
    notices = [];
    jest.spyOn(console, "warn").mockImplementation((line: string) => void notices.push(line));
  });
  afterEach(() => void jest.restoreAllMocks());

  test.each<[string, (http: HttpServer) => unknown]>([
    ["new Server()", (http) => new Server(http)],
    ["io.attach()", (http) => new Server().attach(http)],
    ["io.listen()", (http) => new Server().listen(http)],
  ])("given to %s listens no more, and who waits for that goes on", async (_, give) => {
    const http = createServer();
    give(http);
    for (let n = 0; n < 2; n++) await new Promise<void>((resolve) => void http.listen(0, resolve));
    expect([http.listening, http.address()]).toEqual([false, null]);
    expect(notices.filter((line) => line.includes("listen() of the HTTP server"))).toHaveLength(1);
  });

  test("that listens already is closed, and a port in use ends nobody", async () => {
    const [first, second] = [createServer(), createServer()];
    await new Promise<void>((resolve) => void first.listen(0, resolve));
    const { port } = first.address() as AddressInfo;
    second.listen(port);
    new Server(second); // its error comes after this
    await once(second, "error");
    const closed = once(first, "close");
    new Server(first);
    await closed;
    expect([first.listening, second.listening]).toEqual([false, false]);
    expect(() => second.emit("error", new Error("another"))).toThrow("another");
  });
});

test("a server is not made of a request handler, and needs nothing", () => {
  const express = Object.assign(() => undefined, { listen: () => undefined });
  for (const handler of [express, () => undefined]) {
    expect(() => new Server(handler as never)).toThrow(
      expect.objectContaining({ code: "SKY_OPTION_INVALID", message: expect.stringContaining("Express") }),
    );
  }
  jest.spyOn(console, "warn").mockImplementation(() => undefined);
  const io = new Server(null as never, {});
  for (const attach of [io.attach, io.listen]) {
    expect(() => attach.call(io, express)).toThrow(expect.objectContaining({ code: "SKY_OPTION_INVALID" }));
  }
  jest.restoreAllMocks();
});

test.each([
  [undefined, 10_000],
  [250, 250],
  ["250", 250],
  [0, 0],
  [-5, -5],
  [Number.NaN, 0],
  ["soon", 0],
])("timeout(%p) is %p ms, as setTimeout has it", (given, ms) => {
  expect(askTimeout(given as number | undefined)).toBe(ms);
});
