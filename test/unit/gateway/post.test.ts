import { createHash } from "node:crypto";
import { beforeEach, describe, expect, test } from "@jest/globals";
import type { HttpAnswer } from "../../../lambdas/aws/http.ts";
import type { ServiceRequest } from "../../../lambdas/aws/service.ts";
import { ServiceError } from "../../../lambdas/aws/service-error.ts";
import { PARALLEL_POSTS } from "../../../lambdas/gateway/clients.ts";
import { createGateway, type GatewayOptions } from "../../../lambdas/gateway/post.ts";
import type { Clock as ServerClock } from "../../../lambdas/server/ports.ts";

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

const OK: HttpAnswer = { status: 200, headers: {}, text: "" };

/** Answers in their order; the last one stays. */
let answers: (HttpAnswer | Error)[];
let posts: ServiceRequest[];
let closes: string[];
let loads: number;

const next = (): HttpAnswer => {
  const answer = (answers.length > 1 ? answers.shift() : answers[0]) ?? OK;
  if (answer instanceof Error) throw answer;
  return answer;
};

const service: GatewayOptions["service"] = {
  async post(request) {
    posts.push(request);
    return next();
  },
};

const closer: GatewayOptions["closer"] = async () => {
  loads++;
  return {
    async close(connectionId) {
      closes.push(connectionId);
      return next();
    },
  };
};

function failing(status: number, type?: string, message = "oops"): ServiceError {
  const headers = type === undefined ? {} : { "x-amzn-errortype": type };
  return new ServiceError({ status, headers, text: JSON.stringify({ message }) });
}

const gone = () => failing(410, "GoneException");
const limited = () => failing(429, "LimitExceededException", "slow");

beforeEach(() => {
  answers = [];
  posts = [];
  closes = [];
  loads = 0;
});

const gatewayOf = (clock: Clock, random = () => 0.5) => createGateway({ service, closer, clock, random });

describe("posting", () => {
  test("sends the frame as UTF-8 to the connection", async () => {
    expect(await gatewayOf(clockOf()).post("TXzPWdnOjoECGjA=", '42["grüße","😀"]')).toBe("ok");
    expect(posts).toMatchObject([
      { path: "/@connections/TXzPWdnOjoECGjA%3D", body: Buffer.from('42["grüße","😀"]', "utf8") },
    ]);
    expect(loads).toBe(0);
  });

  test.each([
    ["the exception", gone()],
    ["the bare status", failing(410)],
  ])("a 410 is the value gone, at the first try: %s", async (_what, error) => {
    answers = [error];
    const clock = clockOf();
    expect(await gatewayOf(clock).post("c1", "2")).toBe("gone");
    expect(clock.slept).toEqual([]);
    expect(posts).toHaveLength(1);
  });

  test.each([
    ["429", limited()],
    ["500", failing(500)],
    ["503", failing(503)],
    ["a reset connection", Object.assign(new Error("reset"), { code: "ECONNRESET" })],
  ])("%s is tried again, with doubling jittered waits", async (_what, error) => {
    answers = [error, error, error, OK];
    const clock = clockOf();
    expect(await gatewayOf(clock).post("c1", "2")).toBe("ok");
    expect(clock.slept).toEqual([25, 50, 100]);
  });

  test("the jitter spans from nothing to the bound", async () => {
    for (const [random, wait] of [
      [() => 0, 0],
      [() => 0.999, 50],
    ] as const) {
      answers = [limited(), OK];
      const clock = clockOf();
      await gatewayOf(clock, random).post("c1", "2");
      expect(clock.slept).toEqual([wait]);
    }
  });

  test("a connection that goes while being retried is gone", async () => {
    answers = [limited(), gone()];
    expect(await gatewayOf(clockOf()).post("c1", "2")).toBe("gone");
  });

  test("gives up at the deadline with what API Gateway said", async () => {
    answers = [limited()];
    const clock = clockOf();
    const options = { service, closer, clock, deadlineMs: 2_000, random: () => 0.999 };
    const post = createGateway(options).post("c1", "2");
    await expect(post).rejects.toMatchObject({
      name: "GatewayError",
      code: "GATEWAY_BUSY",
      message: expect.stringContaining("LimitExceededException: slow"),
      cause: expect.any(ServiceError),
    });
    expect(clock.now()).toBeGreaterThan(1_000);
    expect(clock.now()).toBeLessThanOrEqual(2_000);
  });

  test("a lasting 5xx ends in GATEWAY_FAILED", async () => {
    answers = [failing(500)];
    await expect(gatewayOf(clockOf()).post("c1", "2")).rejects.toMatchObject({ code: "GATEWAY_FAILED" });
  });

  test.each([
    ["403", failing(403, "ForbiddenException", "no"), "GATEWAY_FORBIDDEN", "execute-api:ManageConnections"],
    ["413", failing(413, "PayloadTooLargeException", "big"), "GATEWAY_FRAME_TOO_LARGE", "connection c1"],
    ["400", failing(400), "GATEWAY_FAILED", "HttpError: oops"],
  ])("%s throws at once", async (_what, error, code, message) => {
    answers = [error];
    const clock = clockOf();
    await expect(gatewayOf(clock).post("c1", "2")).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
    expect(clock.slept).toEqual([]);
  });

  test("an empty frame is refused before anything is sent", async () => {
    await expect(gatewayOf(clockOf()).post("c1", "")).rejects.toMatchObject({ code: "GATEWAY_EMPTY_FRAME" });
    expect(posts).toHaveLength(0);
  });

  test("131,072 bytes of UTF-8 pass, one more is refused before anything is sent", async () => {
    const largest = "ü".repeat(65_536);
    expect(await gatewayOf(clockOf()).post("c1", largest)).toBe("ok");
    await expect(gatewayOf(clockOf()).post("c1", `${largest}x`)).rejects.toMatchObject({
      code: "GATEWAY_FRAME_TOO_LARGE",
      message: expect.stringMatching(/131073 bytes.*131072 bytes/s),
    });
    expect(posts).toHaveLength(1);
  });

  test("a frame for many is encoded and hashed once", async () => {
    const gateway = gatewayOf(clockOf());
    const frame = '42["to all"]';
    const ids = Array.from({ length: 100 }, (_, n) => `c${n}`);
    await Promise.all(ids.map((id) => gateway.post(id, frame)));
    expect(new Set(posts.map(({ path }) => path)).size).toBe(100);
    expect(new Set(posts.map(({ body }) => body)).size).toBe(1);
    expect(new Set(posts.map(({ bodyHash }) => bodyHash))).toEqual(
      new Set([createHash("sha256").update(frame).digest("hex")]),
    );
  });

  test("as many as there are connections are on their way at once, the others wait", async () => {
    let running = 0;
    let most = 0;
    const release: (() => void)[] = [];
    const slow: GatewayOptions["service"] = {
      async post() {
        most = Math.max(most, ++running);
        await new Promise<void>((resolve) => release.push(resolve));
        running--;
        return OK;
      },
    };
    const gateway = createGateway({ service: slow, closer, clock: clockOf() });
    const all = Promise.all(Array.from({ length: 200 }, (_, n) => gateway.post(`c${n}`, "2")));
    const done = all.then(() => true);
    while (!(await Promise.race([done, new Promise((resolve) => setImmediate(resolve, false))]))) {
      for (const resolve of release.splice(0)) resolve();
    }
    expect(most).toBe(PARALLEL_POSTS);
  });
});

describe("closing", () => {
  test("deletes the connection", async () => {
    await gatewayOf(clockOf()).close("c1");
    expect(closes).toEqual(["c1"]);
    expect(posts).toEqual([]);
  });

  test("one that is gone already is no fault", async () => {
    answers = [gone()];
    await expect(gatewayOf(clockOf()).close("c1")).resolves.toBeUndefined();
  });

  test("is tried again when API Gateway is busy", async () => {
    answers = [limited(), OK];
    await gatewayOf(clockOf()).close("c1");
    expect(closes).toEqual(["c1", "c1"]);
  });

  test("a refusal says what was tried", async () => {
    answers = [failing(403, "ForbiddenException", "no")];
    await expect(gatewayOf(clockOf()).close("c1")).rejects.toMatchObject({
      code: "GATEWAY_FORBIDDEN",
      message: expect.stringContaining("Could not close connection c1"),
    });
  });
});
