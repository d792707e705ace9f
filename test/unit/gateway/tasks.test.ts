import { beforeEach, describe, expect, test } from "@jest/globals";
import type { HttpAnswer } from "../../../lambdas/aws/http.ts";
import type { ServiceRequest } from "../../../lambdas/aws/service.ts";
import { ServiceError } from "../../../lambdas/aws/service-error.ts";
import { createTasks } from "../../../lambdas/gateway/tasks.ts";
import type { EndTarget, Task } from "../../../lambdas/server/ports/tasks.ts";

const ACCEPTED: HttpAnswer = { status: 202, headers: {}, text: "" };

/** Answers in their order; the last one stays. */
let answers: (HttpAnswer | Error)[];
let requests: ServiceRequest[];
let slept: number[];

const tasks = createTasks({
  service: {
    async post(request) {
      requests.push(request);
      const answer = (answers.length > 1 ? answers.shift() : answers[0]) ?? ACCEPTED;
      if (answer instanceof Error) throw answer;
      return answer;
    },
  },
  functionName: "socket-fn",
  clock: {
    now: () => slept.reduce((sum, ms) => sum + ms, 0),
    async sleep(ms) {
      slept.push(ms);
    },
  },
  random: () => 0.5,
});

beforeEach(() => {
  answers = [ACCEPTED];
  requests = [];
  slept = [];
});

const sent = () => requests.map(({ body }): unknown => JSON.parse(new TextDecoder().decode(body)));

function endOf(targets: readonly EndTarget[]): Task {
  return { task: "end", targets, reason: "transport close", hops: 2 };
}

describe("starting a task", () => {
  test("queues an asynchronous invocation of the function itself", async () => {
    const task: Task = { task: "open", connectionId: "TXzPWdnOjoECGjA=", sid: "s1" };
    await tasks.start(task);
    expect(requests).toMatchObject([
      {
        path: "/2015-03-31/functions/socket-fn/invocations",
        headers: { "x-amz-invocation-type": "Event" },
      },
    ]);
    expect(sent()).toEqual([task]);
  });

  test("fails with Lambda's words when Lambda refuses it", async () => {
    const refusal = new ServiceError({
      status: 403,
      headers: { "x-amzn-errortype": "AccessDeniedException" },
      text: '{"Message":"not authorized to perform: lambda:InvokeFunction on resource: arn"}',
    });
    answers = [refusal];
    await expect(tasks.start(endOf([]))).rejects.toMatchObject({
      name: "GatewayError",
      code: "GATEWAY_TASK_REFUSED",
      message: expect.stringMatching(/"end".*socket-fn.*lambda:InvokeFunction/s),
      cause: refusal,
    });
    expect(requests).toHaveLength(1);
  });

  test.each([
    ["a throttle", new ServiceError({ status: 429, headers: {}, text: "" })],
    ["a failure", new ServiceError({ status: 502, headers: {}, text: "" })],
    ["a lost connection", Object.assign(new Error("reset"), { code: "ECONNRESET" })],
  ])("tries again after %s, with doubling jittered waits", async (_what, error) => {
    answers = [error, error, ACCEPTED];
    await tasks.start(endOf([]));
    expect(slept).toEqual([25, 50]);
  });

  test("gives up in time", async () => {
    answers = [new ServiceError({ status: 429, headers: {}, text: '{"message":"Rate exceeded"}' })];
    await expect(tasks.start(endOf([]))).rejects.toMatchObject({
      code: "GATEWAY_TASK_REFUSED",
      message: expect.stringContaining("Rate exceeded"),
    });
    expect(slept.reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(5_000);
  });

  test("takes nothing but 202 for accepted", async () => {
    answers = [{ ...ACCEPTED, status: 200 }];
    await expect(tasks.start(endOf([]))).rejects.toMatchObject({
      code: "GATEWAY_TASK_REFUSED",
      message: expect.stringContaining("200 instead of 202"),
    });
  });

  test("a mass disconnect over Lambda's limit goes in parts that together name every connection", async () => {
    const targets = Array.from({ length: 25_000 }, (_, n) => ({
      connectionId: `connection-${n}=`,
      members: [{ nsp: "/", room: n % 2 === 0 ? null : "lobby", id: `socket-${n}-äöü` }],
    }));
    await tasks.start(endOf(targets));
    const parts = sent();
    expect(parts.length).toBeGreaterThan(1);
    for (const part of parts) {
      expect(Buffer.byteLength(JSON.stringify(part))).toBeLessThanOrEqual(256 * 1024);
      expect(part).toMatchObject({ task: "end", reason: "transport close", hops: 2 });
    }
    expect(parts.flatMap((part) => (isEnd(part) ? part.targets : []))).toEqual(targets);
  });

  test("so do rooms to be disconnected", async () => {
    const rooms = Array.from({ length: 5_000 }, (_, n) => `room ${n} `.repeat(8));
    const task = { task: "disconnect", nsp: "/", except: ["x"], close: true, at: "0" } as const;
    await tasks.start({ ...task, rooms });
    const parts = sent();
    expect(parts.length).toBeGreaterThan(1);
    for (const part of parts) expect(part).toMatchObject(task);
    expect(parts.flatMap((part) => (part as { readonly rooms: readonly string[] }).rooms)).toEqual(rooms);
  });

  test("one part that fails does not keep the others from being sent", async () => {
    answers = [new Error("refused"), ACCEPTED];
    const targets = Array.from({ length: 4 }, (_, n) => ({
      connectionId: `c${n}`,
      members: [{ nsp: "/", room: "r".repeat(100_000), id: "s" }],
    }));
    await expect(tasks.start(endOf(targets))).rejects.toMatchObject({ code: "GATEWAY_TASK_REFUSED" });
    expect(requests).toHaveLength(2);
  });

  test("a task that no splitting makes small enough is a clear error, and nothing is sent", async () => {
    const members = [{ nsp: "/", room: "r".repeat(300_000), id: "s" }];
    await expect(tasks.start(endOf([{ connectionId: "c1", members }]))).rejects.toMatchObject({
      code: "GATEWAY_TASK_TOO_LARGE",
      message: expect.stringContaining("262144"),
    });
    expect(requests).toHaveLength(0);
  });
});

function isEnd(part: unknown): part is { readonly targets: readonly EndTarget[] } {
  return typeof part === "object" && part !== null && "targets" in part && Array.isArray(part.targets);
}
