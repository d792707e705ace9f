import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { LazyService } from "../../../lambdas/aws/lazy-service.ts";
import { lazyCloser, postService } from "../../../lambdas/gateway/clients.ts";
import type { Closer } from "../../../lambdas/gateway/connections-client.ts";
import { createGateway } from "../../../lambdas/gateway/post.ts";

/** The real clients against answers as they come over the wire. */
let server: Server;
let service: LazyService;
let closer: () => Promise<Closer>;
let base: string;
let requests: { method: string | undefined; url: string | undefined; body: string }[];
let sockets: Set<unknown>;
let answers: { status: number; headers?: Record<string, string>; body?: string }[];

/** The SDK reads these when it signs; no call of this suite leaves the machine. */
const ENV = { AWS_REGION: "us-east-1", AWS_ACCESS_KEY_ID: "key", AWS_SECRET_ACCESS_KEY: "secret" };
let before: NodeJS.ProcessEnv;

beforeEach(async () => {
  before = { ...process.env };
  Object.assign(process.env, ENV);
  requests = [];
  sockets = new Set();
  answers = [];
  server = createServer((request: IncomingMessage, response) => {
    sockets.add(request.socket);
    text(request).then(
      (body) => {
        requests.push({ method: request.method, url: request.url, body });
        const answer = answers.shift() ?? { status: 200 };
        response.writeHead(answer.status, answer.headers).end(answer.body);
      },
      () => response.destroy(),
    );
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/prod`;
  const env = { ...ENV, AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI: base };
  service = postService("https://callback.invalid/prod", env);
  closer = lazyCloser("https://callback.invalid/prod", env);
});

afterEach(async () => {
  await service.close();
  (await closer()).destroy();
  await new Promise((closed) => server.close(closed));
  process.env = before;
});

const gateway = () =>
  createGateway({
    service,
    closer,
    clock: { now: () => Date.now(), sleep: async () => {} },
    random: () => 0.999,
  });

describe("on the wire", () => {
  test("the endpoint of the environment wins; the id is encoded, the body is the frame", async () => {
    expect(await gateway().post("TXzPWdnOjoECGjA=", '42["ü"]')).toBe("ok");
    expect(requests).toEqual([
      { method: "POST", url: "/prod/@connections/TXzPWdnOjoECGjA%3D", body: '42["ü"]' },
    ]);
  });

  test("the callback URL is the endpoint otherwise", async () => {
    const own = { service: postService(base, ENV), closer: lazyCloser(base, ENV) };
    const stage = createGateway({ ...own, clock: { now: Date.now, sleep: async () => {} } });
    await stage.post("c1", "2");
    await stage.close("c1");
    await own.service.close();
    (await own.closer()).destroy();
    expect(requests).toEqual([
      { method: "POST", url: "/prod/@connections/c1", body: "2" },
      { method: "DELETE", url: "/prod/@connections/c1", body: "" },
    ]);
  });

  test.each([
    ["as API Gateway sends it", { "x-amzn-ErrorType": "GoneException" }, "{}"],
    ["without a type", {}, "{}"],
    ["without a body", {}, ""],
    ["with a body that is no JSON", { "content-type": "text/html" }, "<h1>Gone</h1>"],
  ])("410 is gone: %s", async (_what, headers, body) => {
    answers = [{ status: 410, headers, body }];
    expect(await gateway().post("c1", "2")).toBe("gone");
    expect(requests).toHaveLength(1);
  });

  test("429, 500 with HTML and 503 without a word are each one more try, and no more", async () => {
    answers = [
      { status: 429, headers: { "x-amzn-ErrorType": "LimitExceededException" }, body: "{}" },
      { status: 500, body: "<h1>Internal Server Error</h1>" },
      { status: 503 },
    ];
    expect(await gateway().post("c1", "2")).toBe("ok");
    expect(requests).toHaveLength(4);
  });

  test("403 keeps the words of the service", async () => {
    const Message =
      "User: arn:… is not authorized to perform: execute-api:ManageConnections on resource: arn:x";
    answers = [
      {
        status: 403,
        headers: { "x-amzn-ErrorType": "ForbiddenException" },
        body: JSON.stringify({ message: Message }),
      },
    ];
    await expect(gateway().post("c1", "2")).rejects.toMatchObject({
      code: "GATEWAY_FORBIDDEN",
      message: expect.stringContaining(Message),
    });
  });

  test("posts one after the other share a connection", async () => {
    for (let n = 0; n < 5; n++) await gateway().post("c1", "2");
    expect(sockets.size).toBe(1);
  });
});
