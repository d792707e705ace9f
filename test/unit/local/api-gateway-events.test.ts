import { afterEach, describe, expect, test } from "@jest/globals";
import { requestTime } from "../../../infra/local/api-gateway/events.ts";
import { startGateway } from "../../support/local-gateway.ts";

type Gateway = Awaited<ReturnType<typeof startGateway>>;
let gateway: Gateway;

afterEach(async () => {
  await gateway.stop();
  expect(gateway.errors).toEqual([]);
});

const ID = expect.stringMatching(/^[\w-]{15}=$/);
const TIME = expect.stringMatching(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/);

function commonContext(origin: string) {
  return {
    extendedRequestId: ID,
    requestTime: TIME,
    messageDirection: "IN",
    stage: "prod",
    connectedAt: expect.any(Number),
    requestTimeEpoch: expect.any(Number),
    identity: { userAgent: "tests/1", sourceIp: "127.0.0.1" },
    requestId: ID,
    domainName: origin,
    connectionId: ID,
    apiId: "a1b2c3d4e5",
  };
}

describe("the events that API Gateway hands to functions", () => {
  test("CONNECT has headers as the client wrote them, the query twice, and no body", async () => {
    gateway = await startGateway();
    const client = gateway.dial("/prod/?EIO=4&transport=websocket&a=1&a=2", {
      headers: { "User-Agent": "tests/1", "X-Custom-ID": "7", Cookie: "k=v" },
      origin: "https://example.com",
    });
    await client.opened;
    const { event, functionId, source } = await gateway.lambda.invoked("$connect");
    const single = {
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": expect.any(String),
      "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
      "User-Agent": "tests/1",
      "X-Custom-ID": "7",
      Cookie: "k=v",
      Origin: "https://example.com",
      Host: gateway.origin,
      "X-Amzn-Trace-Id": expect.stringMatching(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$/),
      "X-Forwarded-For": "127.0.0.1",
      "X-Forwarded-Port": expect.any(String),
      "X-Forwarded-Proto": "http",
    };
    expect(event).toEqual({
      headers: single,
      multiValueHeaders: Object.fromEntries(Object.entries(single).map(([name, value]) => [name, [value]])),
      queryStringParameters: { EIO: "4", transport: "websocket", a: "2" },
      multiValueQueryStringParameters: { EIO: ["4"], transport: ["websocket"], a: ["1", "2"] },
      requestContext: { routeKey: "$connect", eventType: "CONNECT", ...commonContext(gateway.origin) },
      isBase64Encoded: false,
    });
    expect(event.requestContext.requestId).toBe(event.requestContext.extendedRequestId);
    expect(functionId).toBe("fn");
    expect(source).toEqual({
      principal: "apigateway.amazonaws.com",
      arn: "arn:aws:execute-api:us-east-1:000000000000:a1b2c3d4e5/prod/$connect",
    });
  });

  test("CONNECT without a query has neither of its keys", async () => {
    gateway = await startGateway();
    await gateway.dial("/prod").opened;
    const { event } = await gateway.lambda.invoked("$connect");
    expect(Object.keys(event)).toEqual(["headers", "multiValueHeaders", "requestContext", "isBase64Encoded"]);
  });

  test("MESSAGE has a context, a body and nothing else", async () => {
    gateway = await startGateway();
    const client = gateway.dial("/prod?EIO=4", { headers: { "User-Agent": "tests/1" } });
    await client.opened;
    client.socket.send('42["hello"]');
    const { event } = await gateway.lambda.invoked("$default");
    expect(event).toEqual({
      requestContext: {
        routeKey: "$default",
        messageId: ID,
        eventType: "MESSAGE",
        ...commonContext(gateway.origin),
      },
      body: '42["hello"]',
      isBase64Encoded: false,
    });
  });

  test.each([
    { how: "with a code", close: [4001, "bye"] as [number?, string?], code: 4001, reason: "bye" },
    {
      how: "without a code",
      close: [] as [number?, string?],
      code: 1005,
      reason: "Client-side close frame status not set",
    },
  ])("DISCONNECT after a close $how", async ({ close, code, reason }) => {
    gateway = await startGateway();
    const client = gateway.dial("/prod", { headers: { "User-Agent": "tests/1" } });
    await client.opened;
    client.socket.close(close[0], close[1]);
    const { event } = await gateway.lambda.invoked("$disconnect");
    expect(event).toEqual({
      headers: { Host: gateway.origin, "x-api-key": "", "X-Forwarded-For": "", "x-restapi": "" },
      multiValueHeaders: {
        Host: [gateway.origin],
        "x-api-key": [""],
        "X-Forwarded-For": [""],
        "x-restapi": [""],
      },
      requestContext: {
        routeKey: "$disconnect",
        disconnectStatusCode: code,
        eventType: "DISCONNECT",
        disconnectReason: reason,
        ...commonContext(gateway.origin),
      },
      isBase64Encoded: false,
    });
  });

  test("DISCONNECT after a lost connection says 1006", async () => {
    gateway = await startGateway();
    const client = gateway.dial();
    await client.opened;
    client.socket.terminate();
    const { event } = await gateway.lambda.invoked("$disconnect");
    expect(event.requestContext).toMatchObject({ disconnectStatusCode: 1006, disconnectReason: "" });
  });

  test("all events of a connection share its id and time, no two share a request id", async () => {
    gateway = await startGateway();
    const client = gateway.dial();
    await client.opened;
    client.socket.send("2probe");
    await gateway.lambda.invoked("$default");
    client.socket.close();
    await gateway.lambda.invoked("$disconnect");
    const contexts = gateway.lambda.invocations.map(({ event }) => event.requestContext);
    expect(contexts).toHaveLength(3);
    expect(new Set(contexts.map(({ connectionId }) => connectionId)).size).toBe(1);
    expect(new Set(contexts.map(({ connectedAt }) => connectedAt)).size).toBe(1);
    expect(new Set(contexts.map(({ requestId }) => requestId)).size).toBe(3);
  });

  test("request times are in UTC and the Common Log Format", async () => {
    gateway = await startGateway();
    expect(requestTime(1708326702790)).toBe("19/Feb/2024:07:11:42 +0000");
  });
});
