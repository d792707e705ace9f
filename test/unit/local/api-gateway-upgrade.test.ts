import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import type { InvokeResult } from "../../../infra/local/model.ts";
import { api, route, startGateway } from "../../support/local-gateway.ts";

type Gateway = Awaited<ReturnType<typeof startGateway>>;
let gateway: Gateway;

afterEach(async () => {
  await gateway.stop();
  expect(gateway.errors).toEqual([]);
});

const proxy = (payload: unknown): InvokeResult => ({ outcome: "ok", payload });

describe("an upgrade", () => {
  test.each(["/prod", "/prod/", "/prod?EIO=4", "/prod/?EIO=4"])("is taken at %s", async (path) => {
    gateway = await startGateway();
    await expect(gateway.dial(path).opened).resolves.toBeUndefined();
  });

  test.each(["/", "/nope", "/prod/x", "/prod/socket.io/", "/prod//", "/prods"])(
    "is refused with 403 at %s",
    async (path) => {
      gateway = await startGateway();
      await expect(gateway.dial(path).opened).rejects.toMatchObject({
        status: 403,
        headers: { "x-amzn-errortype": "ForbiddenException" },
        body: expect.stringContaining('"message":"Forbidden"'),
      });
      expect(gateway.lambda.invocations).toEqual([]);
    },
  );

  test("is pending until $connect has returned", async () => {
    gateway = await startGateway();
    gateway.lambda.handle = () => undefined;
    const client = gateway.dial();
    const { answer } = await gateway.lambda.invoked("$connect");
    expect(client.socket.readyState).toBe(client.socket.CONNECTING);
    answer(proxy({ statusCode: 200 }));
    await client.opened;
  });

  test.each<{ what: string; result: InvokeResult; status: number }>([
    { what: "a status of the function", result: proxy({ statusCode: 401 }), status: 401 },
    { what: "a redirect of the function", result: proxy({ statusCode: 302 }), status: 302 },
    {
      what: "an error",
      result: { outcome: "error", errorType: "TypeError", message: "x" },
      status: 502,
    },
    { what: "the function's timeout", result: { outcome: "timeout" }, status: 502 },
    { what: "a throttled function", result: { outcome: "throttled" }, status: 500 },
    { what: "no response", result: proxy(null), status: 500 },
    { what: "a text as status", result: proxy({ statusCode: "200" }), status: 500 },
    { what: "an object as body", result: proxy({ statusCode: 200, body: {} }), status: 500 },
    { what: "a list as headers", result: proxy({ statusCode: 200, headers: [] }), status: 500 },
    { what: "a status out of range", result: proxy({ statusCode: 42 }), status: 500 },
  ])("is refused after $what with $status", async ({ result, status }) => {
    gateway = await startGateway();
    gateway.lambda.handle = () => result;
    await expect(gateway.dial().opened).rejects.toMatchObject({ status });
    expect(gateway.lambda.ofRoute("$disconnect")).toEqual([]);
    expect(gateway.events).toMatchObject([{ operation: "connect", status }]);
  });

  test("is refused with 504 when $connect takes too long", async () => {
    gateway = await startGateway({ apis: [api({ routes: [route("$connect", { timeoutMs: 50 })] })] });
    gateway.lambda.handle = () => undefined;
    await expect(gateway.dial().opened).rejects.toMatchObject({
      status: 504,
      body: expect.stringContaining("Endpoint request timed out"),
    });
  });

  test("tells a failing $connect by the status that the behavior says", async () => {
    gateway = await startGateway({ behavior: { connectFailureStatus: 500 } });
    gateway.lambda.handle = () => ({ outcome: "timeout" });
    await expect(gateway.dial().opened).rejects.toMatchObject({ status: 500 });
  });

  test("needs no $connect route", async () => {
    gateway = await startGateway({ apis: [api({ routes: [route("$default")] })] });
    await gateway.dial().opened;
    expect(gateway.lambda.invocations).toEqual([]);
  });

  test("speaks the subprotocol that $connect chose, and no other", async () => {
    gateway = await startGateway();
    gateway.lambda.handle = () => proxy({ statusCode: 200, headers: { "sec-websocket-protocol": "second" } });
    const client = gateway.dial("/prod", { protocols: ["first", "second"] });
    await client.opened;
    expect(client.socket.protocol).toBe("second");
    gateway.lambda.handle = () => proxy({ statusCode: 200 });
    await expect(gateway.dial("/prod", { protocols: ["first"] }).opened).rejects.toThrow(
      "Server sent no subprotocol",
    );
  });

  test("never compresses", async () => {
    gateway = await startGateway();
    const client = gateway.dial("/prod", { perMessageDeflate: true });
    await client.opened;
    expect(client.socket.extensions).toBe("");
  });

  test("that is no WebSocket handshake gets 400, and no function hears of it", async () => {
    gateway = await startGateway();
    const [host, port] = gateway.origin.split(":");
    const socket = connect(Number(port), host);
    socket.setEncoding("utf8");
    socket.write(
      "GET /prod HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n",
    );
    const [answer] = await once(socket, "data");
    expect(answer).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/);
    await once(socket, "close");
    expect(gateway.lambda.invocations).toEqual([]);
  });

  test("with an URL over 4,096 characters is refused", async () => {
    gateway = await startGateway();
    await expect(gateway.dial(`/prod?q=${"x".repeat(4096)}`).opened).rejects.toMatchObject({ status: 414 });
  });

  test("is refused with 429 by the stage's throttle", async () => {
    gateway = await startGateway({ apis: [api({ throttle: { ratePerSec: 0, burst: 1 } })] });
    await gateway.dial().opened;
    await expect(gateway.dial().opened).rejects.toMatchObject({
      status: 429,
      headers: { "x-amzn-errortype": "LimitExceededException" },
    });
  });

  test("that the client gave up while it was pending still ends with $disconnect", async () => {
    gateway = await startGateway();
    gateway.lambda.handle = ({ event }) =>
      event.requestContext.routeKey === "$connect" ? undefined : proxy({ statusCode: 200 });
    const client = gateway.dial();
    const { answer, event } = await gateway.lambda.invoked("$connect");
    client.socket.terminate();
    await client.closed;
    answer(proxy({ statusCode: 200 }));
    const disconnect = await gateway.lambda.invoked("$disconnect");
    expect(disconnect.event.requestContext).toMatchObject({
      disconnectStatusCode: 1006,
      connectionId: event.requestContext.connectionId,
    });
  });

  test("is what a plain request to a stage is told to ask for", async () => {
    gateway = await startGateway();
    const response = await fetch(`http://${gateway.origin}/prod?EIO=4`);
    expect(response.status).toBe(426);
    expect((await fetch(`http://${gateway.origin}/other`)).status).toBe(404);
  });

  test("needs stages with names of their own", async () => {
    gateway = await startGateway();
    expect(() => gateway.gateway.deploy([api(), api({ apiId: "other" })])).toThrow(
      'Two WebSocket APIs have a stage called "prod"',
    );
  });
});
