import { beforeEach, describe, expect, test } from "@jest/globals";
import { handleHeartbeat } from "../../../lambdas/handlers/heartbeat/heartbeat.ts";
import { DEFAULT_TIMING } from "../../../lambdas/handlers/heartbeat/timing.ts";
import type { HeartbeatPorts, HeartbeatStore } from "../../../lambdas/server/ports/heartbeat.ts";
import type { DisconnectReason, NewSocket } from "../../../lambdas/server/ports/sockets.ts";
import type { Store } from "../../../lambdas/server/ports/store.ts";
import type { EndTarget, Task } from "../../../lambdas/server/ports/tasks.ts";
import { createMemoryStore } from "../../../lambdas/store/memory/store.ts";
import { FakeGateway } from "../../support/fake-ports.ts";

const MINUTE = 60_000;

let now: number;
let store: Store & HeartbeatStore;
let gateway: FakeGateway;
let started: Task[];
let logged: (readonly [code: string, message: string])[];
let ports: HeartbeatPorts;

beforeEach(() => {
  now = 30_000_000 * MINUTE;
  const clock = { now: () => now };
  store = createMemoryStore({ clock });
  gateway = new FakeGateway();
  started = [];
  logged = [];
  const note = (code: string, message: string): void => {
    logged.push([code, message]);
  };
  ports = {
    store,
    gateway,
    clock,
    log: { error: note, warn: note },
    tasks: {
      start: async (task) => {
        started.push(task);
      },
    },
  };
});

const run = (changes: Partial<HeartbeatPorts> = {}, deadline = now + 48_000): Promise<void> =>
  handleHeartbeat({ ports: { ...ports, ...changes }, timing: DEFAULT_TIMING, deadline });

/** @param nsp of its one socket; null: it never joins */
async function connect(connectionId: string, nsp: string | null = "/"): Promise<void> {
  await store.putConnection({ connectionId, sid: `sid ${connectionId}`, connectedAt: now, handshake: "{}" });
  if (nsp === null) return;
  const socket: NewSocket = {
    connectionId,
    nsp,
    id: `socket ${connectionId}`,
    deadline: now + 10_000,
    auth: "{}",
    token: "token",
    expiresAt: now + 120 * MINUTE,
  };
  await store.beginSocket(socket);
}

/** The heartbeat of the next minutes; what happened in each. */
async function minutes(count: number): Promise<string[][]> {
  const pinged: string[][] = [];
  for (let i = 0; i < count; i++) {
    now += MINUTE;
    gateway.posts.length = 0;
    await run();
    pinged.push(gateway.posts.map(([connectionId]) => connectionId).sort());
  }
  return pinged;
}

const ended = (reason: DisconnectReason): string[] =>
  started.flatMap((task) =>
    task.task === "end" && task.reason === reason
      ? task.targets.map(({ connectionId }: EndTarget) => connectionId)
      : [],
  );

describe("pings", () => {
  test("go to each connection every 8 minutes from its own minute on", async () => {
    await connect("a");
    now += MINUTE;
    await connect("b");
    await connect("c");
    expect(await minutes(16)).toEqual([
      ...Array(6).fill([]),
      ["a"],
      ["b", "c"],
      ...Array(6).fill([]),
      ["a"],
      ["b", "c"],
    ]);
    expect(new Set(gateway.posts.map(([, frame]) => frame))).toEqual(new Set(["2"]));
    expect(started).toEqual([]);
    expect(logged).toEqual([]);
  });

  test("go out once when a run comes twice in its minute", async () => {
    await connect("a");
    now += 8 * MINUTE;
    await run();
    now += 30_000;
    await run();
    expect(gateway.posts).toEqual([["a", "2"]]);
  });

  test("are made up for by the next run when one fails, with whatever else it could do done", async () => {
    await connect("a");
    now += 7 * MINUTE;
    await run();
    now += MINUTE;
    const failing: HeartbeatStore = {
      ...store,
      async *listConnections(minute) {
        if (minute === Math.floor(now / MINUTE) - 16) throw new Error("DynamoDB is away");
        yield* store.listConnections(minute);
      },
    };
    await expect(run({ store: failing })).rejects.toThrow("DynamoDB is away");
    expect(gateway.posts).toEqual([["a", "2"]]);
    now += MINUTE;
    await run();
    expect(gateway.posts).toEqual([
      ["a", "2"],
      ["a", "2"],
    ]);
    now += MINUTE;
    await run();
    expect(gateway.posts).toHaveLength(2);
  });

  test("reach the others when one connection cannot be posted to", async () => {
    for (const id of ["a", "b", "c"]) await connect(id);
    gateway.answer = (id) => (id === "b" ? Promise.reject(new Error("busy")) : "ok");
    now += 8 * MINUTE;
    await run();
    expect(gateway.posts.map(([id]) => id)).toEqual(["a", "b", "c"]);
    expect(logged).toEqual([["SKY_PING_FAILED", "1 connections could not be pinged"]]);
    expect(started).toEqual([]);
  });

  test("that failed are made up for by the next run, those of that turn and no others", async () => {
    await connect("a");
    await minutes(1);
    await connect("b");
    await minutes(6);
    gateway.answer = () => Promise.reject(new Error("away"));
    expect(await minutes(1)).toEqual([["a"]]);
    gateway.answer = () => "ok";
    expect(await minutes(7)).toEqual([["a", "b"], ...Array(6).fill([])]);
    expect(await minutes(2)).toEqual([["a"], ["b"]]);
  });

  test("that failed leave the other turns of their run done", async () => {
    await connect("a");
    await minutes(1);
    await connect("b");
    await minutes(6);
    gateway.answer = (id) => (id === "b" ? Promise.reject(new Error("busy")) : "ok");
    now += MINUTE; // a's turn, which is missed
    expect(await minutes(2)).toEqual([["a", "b"], ["b"]]);
  });

  test("that fail again and again are given up when clients no longer wait for them", async () => {
    await connect("a");
    await connect("stuck");
    await minutes(7);
    gateway.answer = (id) => (id === "stuck" ? Promise.reject(new Error("busy")) : "ok");
    const both = ["a", "stuck"];
    expect(await minutes(10)).toEqual([both, both, both, ...Array(5).fill([]), both, both]);
  });

  test.each([
    ["made up for where most of them failed", ["a", "b"], ["a", "b", "c", "d"]],
    ["not where there was too much to do", ["a"], ["d"]],
  ])("of a run whose time was over are %s", async (_what, failing, next) => {
    for (const id of ["a", "b", "c"]) await connect(id);
    await minutes(1);
    await connect("d");
    await minutes(6);
    now += MINUTE;
    const began = now;
    const slow: HeartbeatStore = {
      ...store,
      async *listConnections(made) {
        for await (const page of store.listConnections(made)) {
          yield page;
          now = began + 48_001;
          yield page;
        }
      },
    };
    gateway.answer = (id) => (failing.includes(id) ? Promise.reject(new Error("away")) : "ok");
    await run({ store: slow }, began + 48_000);
    expect(gateway.posts.map(([id]) => id)).toEqual(["a", "b", "c"]);
    expect(logged.map(([code]) => code)).toEqual(["SKY_PING_FAILED", "SKY_HEARTBEAT_LATE"]);
    gateway.answer = () => "ok";
    now = began;
    expect(await minutes(1)).toEqual([next]);
  });

  test("that had no time because those of an earlier turn failed are made up for", async () => {
    await connect("a");
    await minutes(1);
    await connect("b");
    await minutes(6);
    gateway.answer = () => Promise.reject(new Error("away"));
    now += 2 * MINUTE;
    const began = now;
    const failing = {
      post: async (id: string, frame: string) => {
        now = began + 48_001;
        return await gateway.post(id, frame);
      },
    };
    await run({ gateway: failing }, began + 48_000);
    expect(gateway.posts.map(([id]) => id)).toEqual(["a"]);
    gateway.answer = () => "ok";
    now = began;
    expect(await minutes(1)).toEqual([["a", "b"]]);
  });

  test("of the most overdue turn come first", async () => {
    for (const id of ["a", "b", "c"]) {
      await connect(id);
      await minutes(1);
    }
    await minutes(4);
    now += 3 * MINUTE;
    gateway.posts.length = 0;
    await run();
    expect(gateway.posts.map(([id]) => id)).toEqual(["a", "b", "c"]);
  });

  test("stop at the deadline, which is said, and the next run goes on with its own turn", async () => {
    for (let i = 0; i < 8; i++) {
      await connect(`of minute ${i}`);
      now += MINUTE;
    }
    await run({}, now - 1);
    expect(gateway.posts).toEqual([]);
    expect(logged.map(([code]) => code)).toEqual(["SKY_HEARTBEAT_LATE"]);
    expect(await minutes(1)).toEqual([["of minute 1"]]);
  });

  test("do not wait for one that is slow, on whatever page", async () => {
    const others = 2_999;
    let pinged = 0;
    gateway.answer = async (id): Promise<"ok"> => {
      if (id !== "0/0") pinged++;
      else for (let before = -1; pinged > before; await idle()) before = pinged;
      return "ok";
    };
    let pingedBefore: number | undefined;
    const post = async (id: string, frame: string) => {
      const answer = await gateway.post(id, frame);
      if (id === "0/0") pingedBefore = pinged;
      return answer;
    };
    await run({ store: paged(1_000, 3), gateway: { post } });
    expect(pingedBefore).toBe(others);
  });

  test("that wait for their place until time is over are not begun", async () => {
    const deadline = now + 48_000;
    gateway.answer = async (): Promise<"ok"> => {
      await idle();
      now = deadline + 1;
      return "ok";
    };
    await run({ store: paged(11, 100) }, deadline);
    expect(gateway.posts).toHaveLength(1_000);
    expect(logged.map(([code]) => code)).toEqual(["SKY_HEARTBEAT_LATE"]);
  });

  test("hold a page of connections and a thousand that are being pinged, and no more", async () => {
    let answered = 0;
    let most = 0;
    const pageSize = 100;
    const many = paged(50, pageSize, (listed) => {
      most = Math.max(most, listed - answered);
    });
    gateway.answer = async (): Promise<"ok"> => {
      await new Promise(setImmediate);
      answered++;
      return "ok";
    };
    await run({ store: many });
    expect(answered).toBe(5_000);
    expect(most).toBeGreaterThan(1_000);
    expect(most).toBeLessThanOrEqual(1_000 + pageSize);
  });
});

/** As long as anything that waits for nothing outside may take. */
async function idle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
}

/** So many pages of connections whose turn it is. */
function paged(
  pages: number,
  pageSize: number,
  onPage: (listed: number) => void = () => undefined,
): HeartbeatStore {
  const minute = Math.floor(now / MINUTE) - 8;
  return {
    ...store,
    async *listConnections(made) {
      for (let page = 0; made === minute && page < pages; page++) {
        onPage((page + 1) * pageSize);
        yield Array.from({ length: pageSize }, (_, i) => ({
          connectionId: `${page}/${i}`,
          connectedAt: minute * MINUTE,
        }));
      }
    },
  };
}

describe("the dead", () => {
  test("are ended by the socket function when a ping finds them gone, in one task", async () => {
    for (const id of ["a", "b", "c"]) await connect(id);
    gateway.answer = (id) => (id === "b" ? "ok" : "gone");
    now += 8 * MINUTE;
    await run();
    expect(started).toEqual([
      {
        task: "end",
        reason: "transport close",
        hops: 0,
        targets: [
          { connectionId: "a", members: [] },
          { connectionId: "c", members: [] },
        ],
      },
    ]);
  });

  test("and those for which API Gateway takes no ping, as stock ends who leaves it without an answer", async () => {
    for (const id of ["a", "b"]) await connect(id);
    gateway.answer = (id) => (id === "b" ? "ok" : "refused");
    now += 8 * MINUTE;
    await run();
    expect(ended("ping timeout")).toEqual(["a"]);
    expect(logged).toEqual([["SKY_SLOW_READER", expect.stringContaining("1 client")]]);
  });

  test("are ended by age alone, when posts still say that they live", async () => {
    await connect("a");
    expect((await minutes(128)).flat()).toEqual(Array(15).fill("a"));
    expect(ended("transport close")).toEqual(["a"]);
  });

  test("are ended again, for the same reason, when an end has died, and left alone while it may be at work", async () => {
    await connect("a");
    await connect("b");
    now += 8 * MINUTE;
    await store.sayBye("a", "server namespace disconnect", now - 2 * MINUTE);
    await store.sayBye("b", "server namespace disconnect", now - 1_000);
    await run();
    expect(ended("server namespace disconnect")).toEqual(["a"]);
    expect(gateway.posts).toEqual([]);
  });

  test("are handed over some hundred at a time", async () => {
    for (let i = 0; i < 450; i++) await connect(`connection ${i}`);
    gateway.answer = () => "gone";
    now += 8 * MINUTE;
    await run();
    expect(started.map((task) => (task.task === "end" ? task.targets.length : task))).toEqual([200, 200, 50]);
    expect(new Set(ended("transport close")).size).toBe(450);
    // Far below what Lambda queues, with ids of API Gateway's length or ten times that.
    for (const task of started) expect(JSON.stringify(task).length).toBeLessThan(64 * 1024);
  });

  test("are found again when their task is refused", async () => {
    await connect("a");
    await minutes(1);
    gateway.answer = () => "gone";
    now += 7 * MINUTE;
    const refusing = { start: () => Promise.reject(new Error("no capacity")) };
    await expect(run({ tasks: refusing })).rejects.toThrow("no capacity");
    now += MINUTE;
    await run();
    expect(ended("transport close")).toEqual(["a"]);
  });
});

describe("connections without a namespace", () => {
  test("are ended after a minute or two, and nobody else is", async () => {
    await connect("never joined", null);
    await connect("joined", "/chat");
    await minutes(1);
    expect(started).toEqual([]);
    await minutes(1);
    expect(started).toEqual([
      {
        task: "end",
        reason: "forced server close",
        hops: 0,
        targets: [{ connectionId: "never joined", members: [] }],
      },
    ]);
    await store.deleteConnection("never joined");
    started.length = 0;
    await minutes(5);
    expect(started).toEqual([]);
  });

  test("are found later when their row came too late, or the end was lost", async () => {
    await connect("a", null);
    await minutes(2);
    expect(ended("forced server close")).toEqual(["a"]);
    await minutes(3);
    expect(ended("forced server close")).toEqual(["a", "a"]);
    await minutes(20);
    expect(ended("forced server close")).toEqual(["a", "a"]);
  });

  test("are found by the next run when one cannot look at them", async () => {
    await minutes(1);
    await connect("a", null);
    now += 2 * MINUTE;
    const hasSocket = () => Promise.reject(new Error("DynamoDB is away"));
    await expect(run({ store: { ...store, hasSocket } })).rejects.toThrow("DynamoDB is away");
    await minutes(1);
    expect(ended("forced server close")).toEqual(["a"]);
  });

  test("are left to the end that is under way", async () => {
    await connect("a", null);
    await store.sayBye("a", "transport close", now);
    await minutes(3);
    expect(started).toEqual([]);
  });

  test("are found by the next run when one is missing", async () => {
    await connect("a", null);
    await minutes(1);
    now += MINUTE;
    await minutes(1);
    expect(ended("forced server close")).toEqual(["a"]);
  });
});
