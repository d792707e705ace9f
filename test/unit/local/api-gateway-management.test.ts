import { DeleteConnectionCommand, GetConnectionCommand } from "@aws-sdk/client-apigatewaymanagementapi";
import { afterEach, describe, expect, test } from "@jest/globals";
import type { Authorize } from "../../../infra/local/api-gateway/context.ts";
import { api, startGateway } from "../../support/local-gateway.ts";

type Gateway = Awaited<ReturnType<typeof startGateway>>;
let gateway: Gateway;

afterEach(async () => {
  await gateway.stop();
  expect(gateway.errors).toEqual([]);
});

const KB = 1024;
const UNKNOWN = "TXzPWdnOjoECGjA=";
const BEHAVIOR = { openDelayMs: 0 };

async function open() {
  const n = gateway.lambda.ofRoute("$connect").length + 1;
  const client = gateway.dial("/prod", { headers: { "User-Agent": "tests/1" } });
  await client.opened;
  const { event } = await gateway.lambda.invoked("$connect", n);
  return { client, id: String(event.requestContext.connectionId) };
}

describe("POST @connections", () => {
  test("delivers a text frame", async () => {
    gateway = await startGateway({ behavior: BEHAVIOR });
    const { client, id } = await open();
    await gateway.post(id, 'smile ☺ 42["x"]');
    expect(await client.next()).toEqual({ text: 'smile ☺ 42["x"]', isBinary: false });
    expect(gateway.events.at(-1)).toMatchObject({
      operation: "post",
      connectionId: id,
      status: 200,
      functionId: "fn",
    });
  });

  test("delivers an empty body as an empty frame", async () => {
    gateway = await startGateway({ behavior: BEHAVIOR });
    const { client, id } = await open();
    const { status } = await gateway.raw("POST", id, "");
    expect(status).toBe(200);
    expect(await client.next()).toEqual({ text: "", isBinary: false });
  });

  test("keeps the order of posts that await one another", async () => {
    gateway = await startGateway({ behavior: BEHAVIOR });
    const { client, id } = await open();
    for (let i = 0; i < 20; i++) await gateway.post(id, String(i));
    for (let i = 0; i < 20; i++) expect(await client.next()).toMatchObject({ text: String(i) });
  });

  test("takes 128 KB and not a byte more", async () => {
    gateway = await startGateway({ behavior: BEHAVIOR });
    const { client, id } = await open();
    await gateway.post(id, "x".repeat(128 * KB));
    expect((await client.next()).text).toHaveLength(128 * KB);
    await expect(gateway.post(id, "x".repeat(128 * KB + 1))).rejects.toMatchObject({
      name: "PayloadTooLargeException",
      $metadata: { httpStatusCode: 413 },
    });
  });

  test("is 410 until $connect has returned, and for a moment after", async () => {
    gateway = await startGateway({ behavior: { openDelayMs: 300 } });
    gateway.lambda.handle = () => undefined;
    const client = gateway.dial();
    const { event, answer } = await gateway.lambda.invoked("$connect");
    const id = String(event.requestContext.connectionId);
    const gone = { name: "GoneException", $metadata: { httpStatusCode: 410 } };
    await expect(gateway.post(id, "early")).rejects.toMatchObject(gone);
    answer({ outcome: "ok", payload: { statusCode: 200 } });
    await client.opened;
    const openedAt = performance.now();
    await expect(gateway.post(id, "early")).rejects.toMatchObject(gone);
    let refused = 1;
    while (
      !(await gateway.post(id, "late").then(
        () => true,
        () => false,
      ))
    )
      refused++;
    expect(refused).toBeGreaterThan(1);
    expect(performance.now() - openedAt).toBeGreaterThan(250);
    expect(await client.next()).toMatchObject({ text: "late" });
  });

  test("is 410 without a body for an unknown and for a closed connection", async () => {
    gateway = await startGateway({ behavior: BEHAVIOR });
    expect(await gateway.raw("POST", UNKNOWN, "x")).toMatchObject({
      status: 410,
      errorType: "GoneException",
      body: "",
    });
    const { client, id } = await open();
    client.socket.close();
    await gateway.lambda.invoked("$disconnect");
    await expect(gateway.post(id, "x")).rejects.toMatchObject({ name: "GoneException" });
  });

  test.each(["x", "short=", "no spaces here =", "TXzPWdnOjoECGjA", "../../prod"])(
    "is 400 for the malformed id %s",
    async (id) => {
      gateway = await startGateway();
      await expect(gateway.post(id, "x")).rejects.toMatchObject({
        name: "BadRequestException",
        $metadata: { httpStatusCode: 400 },
      });
    },
  );

  test("is 429 while the client's buffer is full", async () => {
    gateway = await startGateway({ behavior: BEHAVIOR });
    const { client, id } = await open();
    client.socket.pause();
    // A post is answered when its bytes are with the kernel; what does not fit there waits in the buffer.
    const posts = Array.from({ length: 100 }, () => gateway.post(id, "x".repeat(128 * KB)));
    const results = Promise.allSettled(posts);
    await expect(
      Promise.any(
        posts.map((post) =>
          post.then(
            () => Promise.reject(),
            (error) => error,
          ),
        ),
      ),
    ).resolves.toMatchObject({
      name: "LimitExceededException",
      $metadata: { httpStatusCode: 429 },
    });
    client.socket.resume();
    await results;
  });
});

describe("GET and DELETE @connections", () => {
  test("GET tells when and who", async () => {
    gateway = await startGateway({ behavior: BEHAVIOR });
    const { client, id } = await open();
    client.socket.send("2");
    await gateway.lambda.invoked("$default");
    const { event } = await gateway.lambda.invoked("$connect");
    const answer = await gateway.sdk.send(new GetConnectionCommand({ ConnectionId: id }));
    expect(answer.ConnectedAt).toEqual(new Date(Number(event.requestContext.connectedAt)));
    expect(answer.LastActiveAt?.getTime()).toBeGreaterThanOrEqual(answer.ConnectedAt?.getTime() ?? Infinity);
    expect(answer.Identity).toEqual({ SourceIp: "127.0.0.1", UserAgent: "tests/1" });
    await expect(gateway.sdk.send(new GetConnectionCommand({ ConnectionId: UNKNOWN }))).rejects.toMatchObject(
      {
        name: "GoneException",
      },
    );
  });

  test("DELETE closes with 1000, and $disconnect says so", async () => {
    gateway = await startGateway({ behavior: BEHAVIOR });
    const { client, id } = await open();
    await gateway.sdk.send(new DeleteConnectionCommand({ ConnectionId: id }));
    expect(await client.closed).toEqual({ code: 1000, reason: "Connection Closed Normally" });
    const { event } = await gateway.lambda.invoked("$disconnect");
    expect(event.requestContext).toMatchObject({
      disconnectStatusCode: 1000,
      disconnectReason: "Connection Closed Normally",
    });
    await expect(gateway.sdk.send(new DeleteConnectionCommand({ ConnectionId: id }))).rejects.toMatchObject({
      name: "GoneException",
    });
  });

  test("DELETE closes with the code that the behavior says", async () => {
    gateway = await startGateway({ behavior: { ...BEHAVIOR, deleteCloseCode: 1001 } });
    const { client, id } = await open();
    await gateway.sdk.send(new DeleteConnectionCommand({ ConnectionId: id }));
    expect(await client.closed).toMatchObject({ code: 1001 });
  });
});

describe("who may call @connections", () => {
  const denying: { asked: string[]; authorize: Authorize } = {
    asked: [],
    authorize(_request, action, resource) {
      denying.asked.push(`${action} ${resource}`);
      return { allowed: false, errorType: "AccessDeniedException", message: `not ${action} on ${resource}` };
    },
  };

  test("a caller without the right gets 403, with action and resource named", async () => {
    gateway = await startGateway({ behavior: BEHAVIOR, authorize: denying.authorize });
    const { client, id } = await open();
    const resource = `arn:aws:execute-api:us-east-1:000000000000:a1b2c3d4e5/prod/POST/@connections/${id}`;
    await expect(gateway.post(id, "x")).rejects.toMatchObject({
      name: "AccessDeniedException",
      message: `not execute-api:ManageConnections on ${resource}`,
      $metadata: { httpStatusCode: 403 },
    });
    expect(denying.asked).toEqual([`execute-api:ManageConnections ${resource}`]);
    client.socket.close();
    await client.closed;
    expect(client.unread).toEqual([]);
  });

  test("the request is handed over as it was signed", async () => {
    const requests: Parameters<Authorize>[0][] = [];
    gateway = await startGateway({
      authorize(request) {
        requests.push(request);
        return { allowed: true, caller: { functionId: "fn", statements: [] } };
      },
    });
    await gateway.post(UNKNOWN, "body").catch(() => {});
    expect(requests).toMatchObject([
      {
        method: "POST",
        url: `/prod/@connections/${encodeURIComponent(UNKNOWN)}`,
        headers: { authorization: expect.stringContaining("AWS4-HMAC-SHA256 Credential=k/") },
        body: Buffer.from("body"),
      },
    ]);
  });

  test.each([
    ["POST", "/nope/@connections/TXzPWdnOjoECGjA="],
    ["POST", "/prod/@connections"],
    ["POST", "/prod/@connections/TXzPWdnOjoECGjA=/more"],
    ["PUT", "/prod/@connections/TXzPWdnOjoECGjA="],
  ])("%s %s is forbidden to everyone", async (method, path) => {
    gateway = await startGateway();
    const response = await fetch(`http://${gateway.origin}${path}`, { method, body: "x" });
    expect(response.status).toBe(403);
    expect(response.headers.get("x-amzn-errortype")).toBe("ForbiddenException");
  });

  test("a connection is out of reach through another API", async () => {
    gateway = await startGateway({
      behavior: BEHAVIOR,
      apis: [api(), api({ apiId: "other", stage: "test" })],
    });
    const { id } = await open();
    const response = await fetch(`http://${gateway.origin}/test/@connections/${id}`, {
      method: "POST",
      body: "x",
    });
    expect(response.status).toBe(410);
  });
});
