import { afterEach, describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { FrameLengths } from "../../../infra/local/api-gateway/frame-limit.ts";
import { Lifetime } from "../../../infra/local/api-gateway/lifetime.ts";
import type { InvokeResult } from "../../../infra/local/model.ts";
import { OK } from "../../support/fake-lambda.ts";
import { api, route, startGateway } from "../../support/local-gateway.ts";

type Gateway = Awaited<ReturnType<typeof startGateway>>;
let gateway: Gateway | undefined;

async function start(...args: Parameters<typeof startGateway>): Promise<Gateway> {
  gateway = await startGateway(...args);
  return gateway;
}

afterEach(async () => {
  await gateway?.stop();
  expect(gateway?.errors ?? []).toEqual([]);
  gateway = undefined;
});

async function open(current: Gateway) {
  const client = current.dial();
  await client.opened;
  return client;
}

const KB = 1024;
const proxy = (payload: unknown): InvokeResult => ({ outcome: "ok", payload });
const onDefault =
  (result: InvokeResult | undefined) =>
  ({ event }: { event: { requestContext: Readonly<Record<string, unknown>> } }) =>
    event.requestContext.routeKey === "$default" ? result : OK;

describe("a client's frames", () => {
  test("are invocations of their own, none waiting for another", async () => {
    const { lambda, ...current } = await start();
    lambda.handle = onDefault(undefined);
    const client = current.dial();
    await client.opened;
    for (const text of ["a", "b", "c"]) client.socket.send(text);
    await lambda.invoked("$default", 3);
    expect(lambda.ofRoute("$default").map(({ event }) => event.body)).toEqual(["a", "b", "c"]);
  });

  test.each([
    ['{"action":"chat"}', "chat"],
    ['{"action":"other"}', "$default"],
    ['{"action":"$connect"}', "$default"],
    ['{"action":{"a":1}}', "$default"],
    ['42["chat"]', "$default"],
    ["3", "$default"],
    ["", "$default"],
  ])("select their route: %s goes to %s", async (text, routeKey) => {
    const current = await start({ apis: [api({ routes: [route("$default"), route("chat")] })] });
    const client = await open(current);
    client.socket.send(text);
    const { event, source } = await current.lambda.invoked(routeKey);
    expect(event.body).toBe(text);
    expect(source.arn).toMatch(`/prod/${routeKey}`);
  });

  test("select their route by a path into the body", async () => {
    const current = await start({
      apis: [
        api({
          routeSelectionExpression: `$${"{request.body.a.b}"}`,
          routes: [route("deep"), route("$default")],
        }),
      ],
    });
    const client = await open(current);
    client.socket.send('{"a":{"b":"deep"}}');
    await current.lambda.invoked("deep");
  });

  test("without any route get a Forbidden frame", async () => {
    const current = await start({ apis: [api({ routes: [] })] });
    const client = await open(current);
    client.socket.send("2");
    expect(JSON.parse((await client.next()).text)).toEqual({
      message: "Forbidden",
      connectionId: expect.stringMatching(/=$/),
      requestId: expect.stringMatching(/=$/),
    });
  });

  test("that are binary close the connection with 1003", async () => {
    const current = await start();
    const client = await open(current);
    client.socket.send(Buffer.from("42"));
    expect(await client.closed).toMatchObject({ code: 1003 });
    const { event } = await current.lambda.invoked("$disconnect");
    expect(event.requestContext).toMatchObject({ disconnectStatusCode: 1003 });
    expect(current.lambda.ofRoute("$default")).toEqual([]);
  });

  test("may be 32 KB long", async () => {
    const current = await start();
    const client = await open(current);
    client.socket.send("x".repeat(32 * KB));
    const { event } = await current.lambda.invoked("$default");
    expect(event.body).toHaveLength(32 * KB);
  });

  test.each([32 * KB + 1, 40 * KB, 200 * KB])("of %d bytes close the connection with 1009", async (bytes) => {
    const current = await start();
    const client = await open(current);
    client.socket.send("x".repeat(bytes));
    expect(await client.closed).toMatchObject({ code: 1009 });
    const { event } = await current.lambda.invoked("$disconnect");
    expect(event.requestContext).toMatchObject({ disconnectStatusCode: 1009 });
    expect(current.lambda.ofRoute("$default")).toEqual([]);
  });

  test("may make up a message of 128 KB", async () => {
    const current = await start();
    const client = await open(current);
    for (let i = 0; i < 4; i++) client.socket.send("x".repeat(32 * KB), { fin: i === 3 });
    const { event } = await current.lambda.invoked("$default");
    expect(event.body).toHaveLength(128 * KB);
  });

  test("that make up a longer message close the connection with 1009", async () => {
    const current = await start();
    const client = await open(current);
    for (let i = 0; i < 4; i++) client.socket.send("x".repeat(32 * KB), { fin: false });
    client.socket.send("x");
    expect(await client.closed).toMatchObject({ code: 1009 });
    const { event } = await current.lambda.invoked("$disconnect");
    expect(event.requestContext).toMatchObject({ disconnectStatusCode: 1009 });
  });

  test("over the stage's throttle close the connection with 1008", async () => {
    const current = await start({ apis: [api({ throttle: { ratePerSec: 0, burst: 2 } })] });
    const client = await open(current);
    client.socket.send("first");
    await current.lambda.invoked("$default");
    client.socket.send("second");
    expect(await client.closed).toMatchObject({ code: 1008 });
  });
});

describe("a connection", () => {
  test("without messages for 10 minutes is closed with 1001", async () => {
    const current = await start({ timeScale: 10 * 60 * 20 });
    const client = await open(current);
    expect(await client.closed).toEqual({ code: 1001, reason: "Going away" });
    const { event } = await current.lambda.invoked("$disconnect");
    expect(event.requestContext).toMatchObject({
      disconnectStatusCode: 1001,
      disconnectReason: "Going away",
    });
  });

  test("lives on with messages, but not over 2 hours", () => {
    jest.useFakeTimers();
    try {
      const over = jest.fn();
      const lifetime = new Lifetime(1, over);
      const MINUTE = 60_000;
      for (let minute = 0; minute < 119; minute += 9) {
        lifetime.active();
        jest.advanceTimersByTime(9 * MINUTE - 1);
        if (minute < 108) expect(over).not.toHaveBeenCalled();
      }
      expect(over).toHaveBeenCalled();
      lifetime.stop();
    } finally {
      jest.useRealTimers();
    }
  });

  test("lives on for messages of the client, and of the server", async () => {
    const active = jest.spyOn(Lifetime.prototype, "active");
    try {
      const current = await start({
        apis: [api({ routes: [route("$default"), route("$connect"), route("$disconnect")] })],
        behavior: { openDelayMs: 0 },
      });
      const client = current.dial();
      await client.opened;
      const { event } = await current.lambda.invoked("$connect");
      const before = active.mock.calls.length;
      client.socket.send("2");
      await current.lambda.invoked("$default");
      const afterClient = active.mock.calls.length;
      expect(afterClient).toBeGreaterThan(before);
      await current.post(String(event.requestContext.connectionId), "2");
      expect(active.mock.calls.length).toBeGreaterThan(afterClient);
    } finally {
      active.mockRestore();
    }
  });
});

describe("what a client gets back", () => {
  test.each<{ what: string; result: InvokeResult | undefined; message: string }>([
    {
      what: "an error of the function",
      result: { outcome: "error", errorType: "Error", message: "secret" },
      message: "Internal server error",
    },
    { what: "a timeout of the function", result: { outcome: "timeout" }, message: "Internal server error" },
    { what: "a throttled function", result: { outcome: "throttled" }, message: "Internal server error" },
    { what: "a malformed response", result: proxy(undefined), message: "Internal server error" },
    { what: "the integration's timeout", result: undefined, message: "Endpoint request timed out" },
  ])("is an error frame after $what", async ({ result, message }) => {
    const routes = [route("$connect"), route("$default", { timeoutMs: 50 })];
    const current = await start({ apis: [api({ routes })] });
    current.lambda.handle = onDefault(result);
    const client = await open(current);
    client.socket.send("2");
    const frame = await client.next();
    const { event } = await current.lambda.invoked("$connect");
    expect(frame.isBinary).toBe(false);
    expect(JSON.parse(frame.text)).toEqual({
      message,
      connectionId: event.requestContext.connectionId,
      requestId: expect.stringMatching(/^[\w-]{15}=$/),
    });
    expect(current.events).toContainEqual(expect.objectContaining({ operation: "error-frame" }));
  });

  test("is nothing on a one-way route, whatever the function returns", async () => {
    const current = await start();
    current.lambda.handle = onDefault(proxy({ statusCode: 200, body: "hello" }));
    const client = await open(current);
    client.socket.send("2");
    await current.lambda.invoked("$default");
    client.socket.close();
    await client.closed;
    expect(client.unread).toEqual([]);
  });

  test.each([200, 500])("is the body on a two-way route, with status %d too", async (statusCode) => {
    const current = await start({ apis: [api({ routes: [route("$default", { returnsResponse: true })] })] });
    current.lambda.handle = onDefault(proxy({ statusCode, body: "hello" }));
    const client = await open(current);
    client.socket.send("2");
    expect(await client.next()).toEqual({ text: "hello", isBinary: false });
  });

  test.each([
    { emptyRouteResponse: "nothing" as const, frames: ["real"] },
    { emptyRouteResponse: "empty-frame" as const, frames: ["", "real"] },
  ])(
    "for an empty body is as the behavior says: $emptyRouteResponse",
    async ({ emptyRouteResponse, frames }) => {
      const current = await start({
        behavior: { emptyRouteResponse },
        apis: [api({ routes: [route("$default", { returnsResponse: true })] })],
      });
      current.lambda.handle = ({ event }) =>
        proxy({ statusCode: 200, ...(event.body === "second" && { body: "real" }) });
      const client = await open(current);
      client.socket.send("first");
      client.socket.send("second");
      for (const text of frames) expect(await client.next()).toMatchObject({ text });
    },
  );

  test("is the answer of the routes that are deployed now", async () => {
    const current = await start({ apis: [api({ routes: [route("$default")] })] });
    const client = await open(current);
    current.gateway.deploy([api({ routes: [route("$default", { functionId: "next" })] })]);
    client.socket.send("2");
    expect((await current.lambda.invoked("$default")).functionId).toBe("next");
  });
});

/** A text frame as RFC 6455, section 5.2, lays it out; its payload looks like frame headers. */
function frameOf(length: number, masked: boolean): Buffer {
  const extended = Buffer.alloc(length < 126 ? 0 : length < 65_536 ? 2 : 8);
  if (extended.length === 2) extended.writeUInt16BE(length);
  if (extended.length === 8) extended.writeBigUInt64BE(BigInt(length));
  const short = length < 126 ? length : extended.length === 2 ? 126 : 127;
  const start = Buffer.from([0x81, short | (masked ? 0x80 : 0)]);
  return Buffer.concat([start, extended, Buffer.alloc(masked ? 4 : 0, 0xff), Buffer.alloc(length, 0x81)]);
}

describe("FrameLengths", () => {
  test("finds the longest payload however the bytes are cut", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(fc.oneof(fc.nat(200), fc.constantFrom(125, 126, 65_535, 65_536, 70_000)), fc.boolean()),
          {
            minLength: 1,
            maxLength: 6,
          },
        ),
        fc.array(fc.nat()),
        (frames, cuts) => {
          const bytes = Buffer.concat(frames.map(([length, mask]) => frameOf(length, mask)));
          const reader = new FrameLengths();
          const at = [...new Set([0, ...cuts.map((cut) => cut % bytes.length), bytes.length])].sort(
            (a, b) => a - b,
          );
          const seen = at.map((start, i) =>
            reader.longestIn(bytes.subarray(start, at[i + 1] ?? bytes.length)),
          );
          expect(Math.max(...seen)).toBe(Math.max(...frames.map(([length]) => length)));
        },
      ),
      { numRuns: 200 },
    );
  });
});
