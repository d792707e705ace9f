import { beforeEach, describe, expect, test } from "@jest/globals";
import { handleHeartbeat } from "../../../lambdas/handlers/heartbeat.ts";
import { DEFAULT_TIMING } from "../../../lambdas/handlers/heartbeat-timing.ts";
import type { HeartbeatPorts, HeartbeatStore } from "../../../lambdas/server/heartbeat-ports.ts";
import type { DisconnectReason, EndTarget, NewSocket, Store, Task } from "../../../lambdas/server/ports.ts";
import { createMemoryStore } from "../../../lambdas/store/memory-store.ts";
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
    // Nothing is gained by posting once more to all the others.
    now += MINUTE;
    await run();
    expect(gateway.posts).toHaveLength(3);
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

  test("never wait for more than a page of connections", async () => {
    const pageSize = 3;
    let listed = 0;
    let answered = 0;
    let most = 0;
    const minute = Math.floor(now / MINUTE) - 8;
    const many: HeartbeatStore = {
      ...store,
      async *listConnections(made) {
        for (let page = 0; made === minute && page < 50; page++) {
          listed += pageSize;
          most = Math.max(most, listed - answered);
          yield Array.from({ length: pageSize }, (_, i) => ({
            connectionId: `${page}/${i}`,
            connectedAt: minute * MINUTE,
          }));
        }
      },
    };
    gateway.answer = async (): Promise<"ok"> => {
      await new Promise(setImmediate);
      answered++;
      return "ok";
    };
    await run({ store: many });
    expect(answered).toBe(150);
    expect(most).toBe(pageSize);
  });
});

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
