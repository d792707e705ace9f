import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { toLambdaEvent } from "../../../lambdas/handlers/lambda-event.ts";

const OFFSET = "0mywpj19600018k6iehxe";

/**
 * Shapes as captured from API Gateway: CONNECT with headers in the client's case, MESSAGE without any, DISCONNECT with empty
 * ones. https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
 */
const context = {
  extendedRequestId: "TXzPWFkkjoEF92g=",
  requestTime: "19/Feb/2024:07:11:42 +0000",
  messageDirection: "IN",
  stage: "develop",
  connectedAt: 1_708_326_702_789,
  requestTimeEpoch: 1_708_326_702_790,
  identity: { userAgent: "Mozilla/5.0", sourceIp: "185.69.197.15" },
  requestId: "TXzPWFkkjoEF92g=",
  domainName: "nn27okk1we.execute-api.eu-west-1.amazonaws.com",
  connectionId: "TXzPWdnOjoECGjA=",
  apiId: "nn27okk1we",
};
const CONNECT = {
  headers: {
    Host: "nn27okk1we.execute-api.eu-west-1.amazonaws.com",
    Origin: "https://site",
    "Sec-WebSocket-Version": "13",
    "X-Forwarded-For": "185.69.197.15",
  },
  multiValueHeaders: { Host: ["nn27okk1we.execute-api.eu-west-1.amazonaws.com"], Origin: ["https://site"] },
  queryStringParameters: { EIO: "4", transport: "websocket", tag: "b" },
  multiValueQueryStringParameters: { EIO: ["4"], transport: ["websocket"], tag: ["a", "b"] },
  requestContext: { ...context, routeKey: "$connect", eventType: "CONNECT" },
  isBase64Encoded: false,
};
const MESSAGE = {
  requestContext: { ...context, routeKey: "$default", eventType: "MESSAGE", messageId: "HEJvQdEmoAMCJPQ=" },
  body: '42["hello"]',
  isBase64Encoded: false,
};
const DISCONNECT = {
  headers: { Host: "x", "x-api-key": "", "X-Forwarded-For": "", "x-restapi": "" },
  multiValueHeaders: { Host: ["x"], "x-api-key": [""], "X-Forwarded-For": [""], "x-restapi": [""] },
  requestContext: {
    ...context,
    routeKey: "$disconnect",
    eventType: "DISCONNECT",
    disconnectStatusCode: 1001,
    disconnectReason: "Going away",
  },
  isBase64Encoded: false,
};

describe("a captured event", () => {
  test("CONNECT: header names in lower case, a parameter that comes twice as a list", () => {
    expect(toLambdaEvent(CONNECT)).toEqual({
      kind: "connect",
      connectionId: "TXzPWdnOjoECGjA=",
      connectedAt: 1_708_326_702_789,
      stage: "develop",
      sourceIp: "185.69.197.15",
      headers: new Map([
        ["host", "nn27okk1we.execute-api.eu-west-1.amazonaws.com"],
        ["origin", "https://site"],
        ["sec-websocket-version", "13"],
        ["x-forwarded-for", "185.69.197.15"],
      ]),
      query: { EIO: "4", transport: "websocket", tag: ["a", "b"] },
    });
  });

  test("CONNECT without a query: API Gateway leaves out both of its keys", () => {
    const { queryStringParameters: _, multiValueQueryStringParameters: __, ...bare } = CONNECT;
    expect(toLambdaEvent(bare)).toMatchObject({ kind: "connect", query: {} });
  });

  test("MESSAGE", () => {
    expect(toLambdaEvent(MESSAGE)).toEqual({
      kind: "message",
      connectionId: "TXzPWdnOjoECGjA=",
      body: '42["hello"]',
      id: "HEJvQdEmoAMCJPQ=",
      at: 1_708_326_702_790,
    });
  });

  test("MESSAGE in base64", () => {
    const body = Buffer.from('42["grüße"]').toString("base64");
    expect(toLambdaEvent({ ...MESSAGE, body, isBase64Encoded: true })).toMatchObject({ body: '42["grüße"]' });
  });

  test("MESSAGE without a body, as an empty frame is", () => {
    const { body: _, ...empty } = MESSAGE;
    expect(toLambdaEvent(empty)).toMatchObject({ kind: "message", body: "" });
  });

  test("DISCONNECT, also without a status code", () => {
    const expected = { kind: "disconnect", connectionId: "TXzPWdnOjoECGjA=" };
    expect(toLambdaEvent(DISCONNECT)).toEqual({ ...expected, code: 1001 });
    const { disconnectStatusCode: _, ...requestContext } = DISCONNECT.requestContext;
    expect(toLambdaEvent({ ...DISCONNECT, requestContext })).toEqual({ ...expected, code: undefined });
  });
});

describe("a task of its own", () => {
  const target = {
    connectionId: "C=",
    members: [
      { nsp: "/", room: null, id: "s" },
      { nsp: "/", room: "r", id: "s" },
    ],
  };

  test.each([
    [{ task: "open", connectionId: "C=", sid: "s" }],
    [
      {
        task: "end",
        targets: [target, { connectionId: "D=", members: [] }],
        reason: "transport close",
        hops: 3,
      },
    ],
    [{ task: "end", targets: [], reason: "transport close", hops: 0 }],
    [{ task: "end", targets: [target], reason: "forced server close", hops: 0 }],
    [{ task: "disconnect", nsp: "/", rooms: ["a", "b"], except: [], close: true, at: OFFSET }],
  ])("survives the way through Lambda: %j", (task) => {
    expect(toLambdaEvent(JSON.parse(JSON.stringify(task)))).toEqual({ kind: "task", task });
  });
});

test("a task without a reason that exists ends connections as a post that finds them gone", () => {
  const ended = { kind: "task", task: { task: "end", targets: [], reason: "transport close", hops: 0 } };
  expect(toLambdaEvent({ task: "end", targets: [] })).toEqual(ended);
  expect(toLambdaEvent({ task: "end", targets: [], reason: "constructor" })).toEqual(ended);
});

describe("anything else is refused", () => {
  test.each([
    [undefined],
    [null],
    ["open"],
    [42],
    [[]],
    [{}],
    [{ task: "open" }],
    [{ task: "open", connectionId: 1, sid: "s" }],
    [{ task: "open", connectionId: "C=", sid: null }],
    [{ task: "end" }],
    [{ task: "end", targets: {} }],
    [{ task: "end", targets: [null] }],
    [{ task: "end", targets: [{ connectionId: "C=" }] }],
    [{ task: "end", targets: [{ connectionId: "C=", members: [{ nsp: "/", room: 7, id: "s" }] }] }],
    [{ task: "end", targets: [{ connectionId: "C=", members: [{ nsp: "/", room: "r" }] }] }],
    [{ task: "disconnect", nsp: "/", rooms: [], except: [], close: true }],
    [{ task: "disconnect", nsp: "/", rooms: [], except: [], close: 1, at: OFFSET }],
    [{ task: "disconnect", nsp: "/", rooms: [7], except: [], close: true, at: OFFSET }],
    [{ task: "disconnect", nsp: "/", rooms: "a", except: [], close: true, at: OFFSET }],
    [{ task: "disconnect", rooms: [], except: [], close: true, at: OFFSET }],
    [{ task: "somersault", connectionId: "C=", sid: "s" }],
    [{ requestContext: null }],
    [{ requestContext: { eventType: "MESSAGE" }, body: "3" }],
    [{ requestContext: { eventType: "MESSAGE", connectionId: 7 }, body: "3" }],
    [{ requestContext: { eventType: "message", connectionId: "C=" } }],
    // Of an HTTP API, by mistake.
    [{ version: "2.0", rawPath: "/", requestContext: { http: { method: "GET" }, requestId: "x" } }],
  ])("%j", (event) => {
    expect(toLambdaEvent(event)).toBeUndefined();
  });

  test("and nothing at all makes it throw", () => {
    const shaped = fc.record(
      {
        requestContext: fc.record(
          {
            eventType: fc.constantFrom("CONNECT", "MESSAGE", "DISCONNECT", "x"),
            connectionId: fc.oneof(fc.string(), fc.anything()),
            identity: fc.anything(),
            connectedAt: fc.anything(),
            disconnectStatusCode: fc.anything(),
          },
          { requiredKeys: [] },
        ),
        task: fc.constantFrom("open", "end", undefined),
        targets: fc.anything(),
        body: fc.anything(),
        isBase64Encoded: fc.anything(),
        headers: fc.anything(),
        multiValueQueryStringParameters: fc.anything(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(fc.anything(), shaped), (json) => {
        // Payloads are JSON: nothing stranger can come.
        const text = JSON.stringify(json, (_, value) => (typeof value === "bigint" ? String(value) : value));
        const event = toLambdaEvent(text === undefined ? undefined : JSON.parse(text));
        const kinds: unknown[] = ["connect", "message", "disconnect", "task", undefined];
        expect(kinds).toContain(event?.kind);
      }),
      { numRuns: 500 },
    );
  });
});
