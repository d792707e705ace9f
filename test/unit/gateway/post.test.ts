import {
  ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  ForbiddenException,
  GoneException,
  LimitExceededException,
  PayloadTooLargeException,
  PostToConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { mockClient } from "aws-sdk-client-mock";
import { createGateway } from "../../../lambdas/gateway/post.ts";
import type { Clock as ServerClock } from "../../../lambdas/server/ports.ts";

const api = mockClient(ApiGatewayManagementApiClient);
const client = new ApiGatewayManagementApiClient({
  region: "us-east-1",
  endpoint: "http://127.0.0.1:1/prod",
});

type Clock = Pick<ServerClock, "now" | "sleep">;

/** Time passes only by sleeping. */
function clockOf(): Clock & { readonly slept: number[] } {
  const slept: number[] = [];
  return {
    slept,
    now: () => slept.reduce((sum, ms) => sum + ms, 0),
    async sleep(ms) {
      slept.push(ms);
    },
  };
}

const gone = () => new GoneException({ message: "gone", $metadata: { httpStatusCode: 410 } });
const limited = () => new LimitExceededException({ message: "slow", $metadata: { httpStatusCode: 429 } });
const failing = (status: number) =>
  Object.assign(new Error("oops"), { name: "ServiceError", $metadata: { httpStatusCode: status } });

beforeEach(() => {
  api.reset();
});

const gatewayOf = (clock: Clock, random = () => 0.5) => createGateway({ client, clock, random });

describe("posting", () => {
  test("sends the frame as UTF-8 to the connection", async () => {
    api.on(PostToConnectionCommand).resolves({});
    expect(await gatewayOf(clockOf()).post("TXzPWdnOjoECGjA=", '42["grüße","😀"]')).toBe("ok");
    const [call] = api.commandCalls(PostToConnectionCommand);
    expect(call?.args[0].input).toEqual({
      ConnectionId: "TXzPWdnOjoECGjA=",
      Data: Buffer.from('42["grüße","😀"]', "utf8"),
    });
  });

  test.each([
    ["the exception", gone()],
    ["the bare status", failing(410)],
  ])("a 410 is the value gone, at the first try: %s", async (_what, error) => {
    api.on(PostToConnectionCommand).rejects(error);
    const clock = clockOf();
    expect(await gatewayOf(clock).post("c1", "2")).toBe("gone");
    expect(clock.slept).toEqual([]);
    expect(api.calls()).toHaveLength(1);
  });

  test.each([
    ["429", limited()],
    ["500", failing(500)],
    ["503", failing(503)],
    ["a reset connection", Object.assign(new Error("reset"), { code: "ECONNRESET" })],
  ])("%s is tried again, with doubling jittered waits", async (_what, error) => {
    api.on(PostToConnectionCommand).rejectsOnce(error).rejectsOnce(error).rejectsOnce(error).resolves({});
    const clock = clockOf();
    expect(await gatewayOf(clock).post("c1", "2")).toBe("ok");
    expect(clock.slept).toEqual([25, 50, 100]);
  });

  test("the jitter spans from nothing to the bound", async () => {
    for (const [random, wait] of [
      [() => 0, 0],
      [() => 0.999, 50],
    ] as const) {
      api.reset();
      api.on(PostToConnectionCommand).rejectsOnce(limited()).resolves({});
      const clock = clockOf();
      await gatewayOf(clock, random).post("c1", "2");
      expect(clock.slept).toEqual([wait]);
    }
  });

  test("a connection that goes while being retried is gone", async () => {
    api.on(PostToConnectionCommand).rejectsOnce(limited()).rejects(gone());
    expect(await gatewayOf(clockOf()).post("c1", "2")).toBe("gone");
  });

  test("gives up at the deadline with what API Gateway said", async () => {
    api.on(PostToConnectionCommand).rejects(limited());
    const clock = clockOf();
    const post = createGateway({ client, clock, deadlineMs: 2_000, random: () => 0.999 }).post("c1", "2");
    await expect(post).rejects.toMatchObject({
      name: "GatewayError",
      code: "GATEWAY_BUSY",
      message: expect.stringContaining("LimitExceededException: slow"),
      cause: expect.any(LimitExceededException),
    });
    expect(clock.now()).toBeGreaterThan(1_000);
    expect(clock.now()).toBeLessThanOrEqual(2_000);
  });

  test("a lasting 5xx ends in GATEWAY_FAILED", async () => {
    api.on(PostToConnectionCommand).rejects(failing(500));
    await expect(gatewayOf(clockOf()).post("c1", "2")).rejects.toMatchObject({ code: "GATEWAY_FAILED" });
  });

  test.each([
    [
      "403",
      new ForbiddenException({ message: "no", $metadata: { httpStatusCode: 403 } }),
      "GATEWAY_FORBIDDEN",
      "execute-api:ManageConnections",
    ],
    [
      "413",
      new PayloadTooLargeException({ message: "big", $metadata: { httpStatusCode: 413 } }),
      "GATEWAY_FRAME_TOO_LARGE",
      "connection c1",
    ],
    ["400", failing(400), "GATEWAY_FAILED", "ServiceError: oops"],
  ])("%s throws at once", async (_what, error, code, message) => {
    api.on(PostToConnectionCommand).rejects(error);
    const clock = clockOf();
    await expect(gatewayOf(clock).post("c1", "2")).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
    expect(clock.slept).toEqual([]);
  });

  test("an empty frame is refused before anything is sent", async () => {
    await expect(gatewayOf(clockOf()).post("c1", "")).rejects.toMatchObject({ code: "GATEWAY_EMPTY_FRAME" });
    expect(api.calls()).toHaveLength(0);
  });

  test("131,072 bytes of UTF-8 pass, one more is refused before anything is sent", async () => {
    api.on(PostToConnectionCommand).resolves({});
    const largest = "ü".repeat(65_536);
    expect(await gatewayOf(clockOf()).post("c1", largest)).toBe("ok");
    await expect(gatewayOf(clockOf()).post("c1", `${largest}x`)).rejects.toMatchObject({
      code: "GATEWAY_FRAME_TOO_LARGE",
      message: expect.stringMatching(/131073 bytes.*131072 bytes/s),
    });
    expect(api.calls()).toHaveLength(1);
  });
});

describe("closing", () => {
  test("deletes the connection", async () => {
    api.on(DeleteConnectionCommand).resolves({});
    await gatewayOf(clockOf()).close("c1");
    expect(api.commandCalls(DeleteConnectionCommand)[0]?.args[0].input).toEqual({ ConnectionId: "c1" });
  });

  test("one that is gone already is no fault", async () => {
    api.on(DeleteConnectionCommand).rejects(gone());
    await expect(gatewayOf(clockOf()).close("c1")).resolves.toBeUndefined();
  });

  test("is tried again when API Gateway is busy", async () => {
    api.on(DeleteConnectionCommand).rejectsOnce(limited()).resolves({});
    await gatewayOf(clockOf()).close("c1");
    expect(api.calls()).toHaveLength(2);
  });

  test("a refusal says what was tried", async () => {
    api
      .on(DeleteConnectionCommand)
      .rejects(new ForbiddenException({ message: "no", $metadata: { httpStatusCode: 403 } }));
    await expect(gatewayOf(clockOf()).close("c1")).rejects.toMatchObject({
      code: "GATEWAY_FORBIDDEN",
      message: expect.stringContaining("Could not close connection c1"),
    });
  });
});
