import { createHash } from "node:crypto";
import { beforeEach, describe, expect, test } from "@jest/globals";
import type { HttpAnswer } from "../../../lambdas/aws/http.ts";
import type { ServiceRequest } from "../../../lambdas/aws/service.ts";
import { ServiceError } from "../../../lambdas/aws/service-error.ts";
import { PARALLEL_POSTS } from "../../../lambdas/gateway/clients.ts";
import { createGateway, type GatewayOptions } from "../../../lambdas/gateway/post.ts";
import type { Clock as ServerClock } from "../../../lambdas/server/ports/environment.ts";

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

/** A gateway for which some connections are busy, and the tries that each has had. */
function gatewayWhere(busy: (connectionId: string, tries: number) => boolean, clock: Clock) {
  const tries = new Map<string, number>();
  const service: GatewayOptions["service"] = {
    async post({ path }) {
      const id = decodeURIComponent(path.split("/").at(-1) ?? "");
      tries.set(id, (tries.get(id) ?? 0) + 1);
      if (busy(id, tries.get(id) ?? 0)) throw limited();
      return OK;
    },
  };
  const gateway = createGateway({ service, closer, clock, random: () => 0.5 });
  const postAll = (ids: readonly string[]) => Promise.allSettled(ids.map((id) => gateway.post(id, "2")));
  return { gateway, postAll, tries };
}

const many = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, n) => `${name}${n}`);

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

  test("gives up at the deadline with what API Gateway said, when it takes nothing for others either", async () => {
    answers = [limited()];
    const clock = clockOf();
    const options = { service, closer, clock, deadlineMs: 2_000, random: () => 0.999 };
    const gateway = createGateway(options);
    const [post] = await Promise.allSettled([gateway.post("c1", "2"), gateway.post("c2", "2")]);
    await expect(Promise.reject(post.status === "rejected" && post.reason)).rejects.toMatchObject({
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

describe("a client that does not read", () => {
  test("is refused after a second, while API Gateway takes what is for others", async () => {
    const clock = clockOf();
    const { postAll } = gatewayWhere((id) => id === "slow", clock);
    const [slow, ...others] = await postAll(["slow", "a", "b"]);
    expect(slow).toEqual({ status: "fulfilled", value: "refused" });
    expect(others).toEqual(Array(2).fill({ status: "fulfilled", value: "ok" }));
    expect(clock.now()).toBeGreaterThanOrEqual(1_000);
    expect(clock.now()).toBeLessThan(2_000);
  });

  test("is told as well when API Gateway fails for it alone", async () => {
    const clock = clockOf();
    const service: GatewayOptions["service"] = {
      async post({ path }) {
        if (path.endsWith("/stuck")) throw failing(500);
        return OK;
      },
    };
    const gateway = createGateway({ service, closer, clock, random: () => 0.5 });
    expect(await Promise.all(["stuck", "a"].map((id) => gateway.post(id, "2")))).toEqual(["refused", "ok"]);
    expect(clock.now()).toBeLessThan(2_000);
  });

  test("and another one do not pass for a request rate that is used up", async () => {
    const { postAll } = gatewayWhere((id) => id.startsWith("slow"), clockOf());
    const results = await postAll(["slow 1", "slow 2", "a", "b", "c", "d"]);
    expect(results.slice(0, 2)).toEqual(Array(2).fill({ status: "fulfilled", value: "refused" }));
  });

  test("and is the only one that is posted to, is refused when time is over", async () => {
    const clock = clockOf();
    const { postAll } = gatewayWhere(() => true, clock);
    expect(await postAll(["slow"])).toEqual([{ status: "fulfilled", value: "refused" }]);
    expect(clock.now()).toBeGreaterThan(4_000);
  });

  test("and reads on is posted to after all", async () => {
    const { postAll } = gatewayWhere((id, tries) => id === "slow" && tries < 5, clockOf());
    expect((await postAll(["slow", "a"]))[0]).toEqual({ status: "fulfilled", value: "ok" });
  });

  test("where many others are refused too, nobody is taken for one", async () => {
    const { postAll } = gatewayWhere((id) => id.startsWith("throttled"), clockOf());
    const results = await postAll([...many("throttled", 10), ...many("lucky", 20)]);
    for (const result of results.slice(0, 10)) {
      expect(result).toMatchObject({ status: "rejected", reason: { code: "GATEWAY_BUSY" } });
    }
  });

  test("is told of as soon as it takes long, which does not happen where all are refused", async () => {
    const told: string[] = [];
    const { gateway } = gatewayWhere((id, tries) => id !== "quick" && tries < 4, clockOf());
    const post = (id: string) => gateway.post(id, "2", { onSlow: () => told.push(id) });
    await Promise.all(["slow", "quick"].map(post));
    expect(new Set(told)).toEqual(new Set(["slow"]));
    told.length = 0;
    await Promise.all(many("throttled", 10).map(post));
    // The first of them is refused before anything is known of the others.
    expect(new Set(told).size).toBeLessThanOrEqual(1);
  });
});

describe("a post that is tried once", () => {
  test.each([
    ["429", limited()],
    ["500", failing(500)],
    ["a reset connection", Object.assign(new Error("reset"), { code: "ECONNRESET" })],
  ])("is refused by %s", async (_what, error) => {
    answers = [error, OK];
    const clock = clockOf();
    expect(await gatewayOf(clock).post("c1", "2", { once: true })).toBe("refused");
    expect([posts.length, clock.slept]).toEqual([1, []]);
  });

  test("tells who is gone, and what no retry would help", async () => {
    answers = [gone(), failing(403)];
    const gateway = gatewayOf(clockOf());
    expect(await gateway.post("c1", "2", { once: true })).toBe("gone");
    await expect(gateway.post("c1", "2", { once: true })).rejects.toMatchObject({
      code: "GATEWAY_FORBIDDEN",
    });
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
