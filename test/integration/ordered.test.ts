import { setTimeout as outage } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { io, type ManagerOptions, type Socket, type SocketOptions } from "socket.io-client";
import type { LocalCloud } from "../../infra/local/cloud.ts";
import { next, upTo } from "../support/bursts.ts";
import { TestClouds } from "../support/cloud.ts";
import { THOROUGH } from "../support/thorough.ts";

/** A client's events through API Gateway, the queue and the function's instances: in order, one at a time. */
const APP = fileURLToPath(new URL("../apps/ordered.ts", import.meta.url));
const ROUNDS = THOROUGH ? 20 : 5;

const clouds = new TestClouds();
const sockets: Socket[] = [];
let cloud: LocalCloud;

beforeAll(async () => {
  cloud = await clouds.start({ app: APP });
});

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.disconnect();
});

afterAll(() => clouds.stop());

function client(nsp = "/", options: Partial<ManagerOptions & SocketOptions> = {}): Socket {
  const socket = io(`${cloud.url}${nsp}`, {
    ...{ path: cloud.path, transports: ["websocket"], forceNew: true, forceBase64: true },
    ...options,
  });
  sockets.push(socket);
  return socket;
}

describe.each(upTo(ROUNDS))("round %i", () => {
  test("a burst of 60 events keeps its order, and its counter ends at 60, also in two namespaces", async () => {
    const socket = client();
    const other = socket.io.socket("/other");
    sockets.push(other);
    const [counted, otherCounted] = [next(socket, "counted", 60), next(other, "counted", 60)];
    for (const n of upTo(60)) {
      socket.emit("count", n);
      other.emit("count", n);
    }
    expect(await counted).toEqual(upTo(60).map((n) => [n, n + 1]));
    expect(await otherCounted).toEqual(upTo(60).map((n) => [n]));
  });

  test("who joins and speaks in one tick hears it", async () => {
    const socket = client();
    const said = next(socket, "said", 1);
    socket.emit("join", "room");
    socket.emit("say", "room", "hello");
    expect(await said).toEqual([["hello"]]);
  });

  test("15 events with three attachments each at once are all acknowledged, with their own", async () => {
    const socket = client();
    const answers = upTo(15).map((n) => {
      const parts = ["a", "b", "c"].map((name) => Buffer.from(`${name}${n}`));
      return new Promise((resolve) =>
        socket.emit("put", n, ...parts, (...answer: unknown[]) => resolve(answer)),
      );
    });
    expect(await Promise.all(answers)).toEqual(upTo(15).map((n) => [n, `a${n},b${n},c${n}`]));
    expect(socket.connected).toBe(true);
  });

  test("disconnect comes after the events before it", async () => {
    const log = client();
    const joined = next(log, "said", 1);
    log.emit("join", "log");
    log.emit("say", "log", "there");
    await joined;
    const heard = next(log, "heard", 3);
    const socket = client();
    await new Promise<void>((resolve) => socket.once("connect", resolve));
    socket.emit("log me", "ada");
    socket.emit("last words", "one");
    socket.emit("last words", "two");
    socket.disconnect();
    expect(await heard).toEqual([
      ["ada", "one"],
      ["ada", "two"],
      ["ada", "client namespace disconnect"],
    ]);
  });

  test("a handler that asks its client gets the answer, whatever it is", async () => {
    const socket = client();
    socket.on("question", (ack) => ack(Buffer.from("answer")));
    expect(await socket.emitWithAck("ask")).toEqual(Buffer.from("answer"));
    socket.off("question");
    socket.on("question", (ack) => ack("answer"));
    expect(await socket.emitWithAck("ask")).toBe("answer");
  });
});

test("with the client's option retries, each event runs once, in order", async () => {
  const socket = client("/", { retries: 3, ackTimeout: 20_000 });
  const stepped = next(socket, "stepped", 5);
  for (const n of upTo(5)) socket.emit("step", n);
  expect(await stepped).toEqual(upTo(5).map((n) => [n]));
});

test("a slow handler holds back its client's next event for no longer than its time", async () => {
  const socket = client();
  const order: string[] = [];
  const slow = socket.emitWithAck("slow", 3_000).then(() => order.push("slow"));
  const fast = socket.emitWithAck("slow", 0).then(() => order.push("fast"));
  await Promise.all([slow, fast]);
  expect(order).toEqual(["fast", "slow"]);
});

test("while Lambda throttles for ten seconds, events wait in their order, and no client reconnects", async () => {
  const socket = client();
  await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
  const { id } = socket;
  const counted = next(socket, "counted", 60);
  cloud.chaos.set({ throttleInvokes: 1 });
  for (const n of upTo(30)) socket.emit("count", n);
  // Nothing is awaited here: this is how long the trouble lasts.
  await outage(10_000);
  for (const n of upTo(30)) socket.emit("count", 30 + n);
  cloud.chaos.off();
  expect(await counted).toEqual(upTo(60).map((n) => [n, n + 1]));
  expect([socket.connected, socket.id]).toEqual([true, id]);
});

// Each death costs the time for which a batch is hidden.
if (THOROUGH) {
  test("an event that kills its instance each time holds up its client alone, and for no longer than 35 s", async () => {
    const [own, other] = [client(), client()];
    await Promise.all([own.emitWithAck("enter", "own"), other.emitWithAck("enter", "other")]);
    const order: string[] = [];
    own.emit("die");
    const after = own.timeout(5 * 60_000).emitWithAck("slow", 0);
    void after.then(() => order.push("after"));
    for (const n of upTo(20)) {
      await other.emitWithAck("slow", 0);
      if (n === 19) order.push("beside");
    }
    await after;
    expect(order).toEqual(["beside", "after"]);
    const gaveUp = cloud.logs.lines.filter(({ text }) => text.includes("SKY_EVENT_CRASHED"));
    expect(gaveUp).toHaveLength(1);
    const letters = cloud.model.queues.find(({ arn }) => arn.includes("DeadLetters"));
    expect(cloud.queues.messages(letters?.arn ?? "")).toHaveLength(1);
  });
}
