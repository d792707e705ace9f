import { describe, expect, test } from "@jest/globals";
import type { ProxyResponse } from "../../../lambdas/handlers/proxy-response.ts";
import { createRouter } from "../../../lambdas/handlers/router.ts";
import type { Server } from "../../../lambdas/server/api/index.ts";
import type { Store } from "../../../lambdas/server/ports/store.ts";
import { type FakePorts, fakePorts, serverOf } from "../../support/fake-ports.ts";
import { proxyResponse } from "../../support/proxy-response.ts";

const requestContext = {
  connectionId: "C=",
  connectedAt: 1_800_000_000_000,
  stage: "prod",
  identity: { sourceIp: "127.0.0.1" },
};
const CONNECT = {
  requestContext: { ...requestContext, eventType: "CONNECT" },
  headers: {},
  multiValueQueryStringParameters: { EIO: ["4"], transport: ["websocket"] },
};
const message = (body: string): object => ({
  requestContext: { ...requestContext, eventType: "MESSAGE" },
  body,
});
const DISCONNECT = {
  requestContext: { ...requestContext, eventType: "DISCONNECT", disconnectStatusCode: 1001 },
};
const OPEN = { task: "open", connectionId: "C=", sid: "s" };
const END = {
  task: "end",
  targets: [{ connectionId: "C=", members: [] }],
  reason: "transport close",
  hops: 0,
};

/** A store that is out of order: every method rejects. */
const broken = (): Store =>
  new Proxy(fakePorts().store, { get: () => () => Promise.reject(new Error("the table is on fire")) });

interface Setting {
  readonly ports?: FakePorts;
  readonly routeResponses?: boolean;
  readonly remainingMs?: number;
  readonly app?: (io: Server) => void;
}

function run(event: unknown, setting: Setting = {}): Promise<ProxyResponse> {
  const { ports = fakePorts(), routeResponses = false, remainingMs = 29_000, app } = setting;
  const handler = createRouter({ server: serverOf(app), ports, routeResponses });
  return handler(event, { getRemainingTimeInMillis: () => remainingMs }).then(proxyResponse);
}

describe("when the store fails", () => {
  const failing = (): FakePorts => fakePorts({ store: broken() });

  test.each([
    ["a message", message('42["x"]'), "handling message failed"],
    ["$disconnect", DISCONNECT, "handling disconnect failed"],
  ])(
    "%s is answered with 200 all the same, since anything else cuts the client off",
    async (_, event, said) => {
      const ports = failing();
      expect(await run(event, { ports })).toEqual({ statusCode: 200 });
      expect(ports.logged).toEqual([["SKY_INVOCATION_FAILED", said]]);
    },
  );

  test("a message is answered with a noop where answers are sent to the client", async () => {
    expect(await run(message('42["x"]'), { ports: failing(), routeResponses: true })).toEqual({
      statusCode: 200,
      body: "6",
    });
    // A $disconnect has nobody to answer.
    expect(await run(DISCONNECT, { ports: failing(), routeResponses: true })).toEqual({ statusCode: 200 });
  });

  test("$connect is refused with 500: the client tries again", async () => {
    const ports = failing();
    expect(await run(CONNECT, { ports })).toEqual({ statusCode: 500 });
    expect(ports.logged).toEqual([["SKY_INVOCATION_FAILED", "handling connect failed"]]);
  });

  test.each([
    ["open", OPEN],
    ["end", END],
  ])("the task %s fails, so that Lambda tries it again", async (_, task) => {
    const ports = failing();
    await expect(run(task, { ports })).rejects.toThrow("the table is on fire");
    expect(ports.logged).toEqual([["SKY_INVOCATION_FAILED", "handling task failed"]]);
  });
});

describe("what it returns", () => {
  test("the refusal of $connect, status and body", async () => {
    const refused = { ...CONNECT, multiValueQueryStringParameters: { EIO: ["3"], transport: ["websocket"] } };
    expect(await run(refused)).toEqual({
      statusCode: 400,
      body: '{"code":5,"message":"Unsupported protocol version"}',
    });
  });

  const echo = (io: Server): void => {
    io.on("connection", (socket) => {
      socket.on("echo", (value, ack) => ack(value));
      socket.on("echo twice", (value, ack) => {
        ack(value);
        void socket.emit("more", value);
      });
    });
  };

  async function conversation(routeResponses: boolean) {
    const ports = fakePorts();
    const setting = { ports, routeResponses, app: echo };
    expect(await run(CONNECT, setting)).toEqual({ statusCode: 200 });
    expect(await run(OPEN, setting)).toEqual({ statusCode: 200 });
    const answers = [
      await run(message("40"), setting),
      await run(message('421["echo","a"]'), setting),
      await run(message('422["echo twice","b"]'), setting),
      await run(message("3"), setting),
    ];
    expect(await run(DISCONNECT, setting)).toEqual({ statusCode: 200 });
    return { answers, frames: ports.gateway.framesTo("C=").slice(2), logged: ports.logged };
  }

  test("200 without a body to everything, where answers go nowhere", async () => {
    const { answers, frames, logged } = await conversation(false);
    expect(answers).toEqual(Array(4).fill({ statusCode: 200 }));
    expect(frames).toEqual(['431["a"]', '432["b"]', '42["more","b"]']);
    expect(logged).toEqual([]);
  });

  test("the last answer, where it is sent to the client, and else a noop: an empty frame would end it", async () => {
    const { answers, frames, logged } = await conversation(true);
    expect(answers.map(({ body }) => body)).toEqual(["6", '431["a"]', "6", "6"]);
    // What is followed by something else is posted, so that the order stays.
    expect(frames).toEqual(['432["b"]', '42["more","b"]']);
    expect(logged).toEqual([]);
  });
});

test("what is neither an event nor a task fails loudly: somebody invoked the wrong function", async () => {
  await expect(run({ Records: [] })).rejects.toThrow(
    "neither an event of a WebSocket API nor a task of its own",
  );
});

test("a handler has until two seconds before the function's end", async () => {
  const ports = fakePorts();
  const app = (io: Server): void => {
    io.on("connection", (socket) => {
      socket.on("hang", () => new Promise(() => undefined));
    });
  };
  const setting = { ports, app, remainingMs: 9_000 };
  await run(CONNECT, setting);
  await run(OPEN, setting);
  await run(message("40"), setting);
  const began = ports.clock.now();
  expect(await run(message('42["hang"]'), setting)).toEqual({ statusCode: 200 });
  expect(ports.clock.now() - began).toBe(7_000);
  expect(ports.logged.map(([code]) => code)).toEqual(["SKY_DEADLINE"]);
});
