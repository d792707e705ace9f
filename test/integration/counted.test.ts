import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { parser } from "skysocket/client";
import { io, type ManagerOptions, type Socket, type SocketOptions } from "socket.io-client";
import type { LocalCloud } from "../../infra/local/cloud.ts";
import { next, upTo } from "../support/bursts.ts";
import { TestClouds } from "../support/cloud.ts";

/** Clients of a cloud whose API Gateway lets sends of one connection overlap, so that they come into the queue in any order. */
const APP = fileURLToPath(new URL("../apps/ordered.ts", import.meta.url));
const OVERLAP_MS = 100;

const clouds = new TestClouds();
const sockets: Socket[] = [];
let cloud: LocalCloud;

beforeAll(async () => {
  cloud = await clouds.start({ app: APP });
  cloud.chaos.set({ overlapSendsMs: OVERLAP_MS });
});

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.disconnect();
});

afterAll(() => clouds.stop());

function client(options: Partial<ManagerOptions & SocketOptions> = {}): Socket {
  const { url, path } = cloud;
  const socket = io(url, { path, transports: ["websocket"], forceNew: true, forceBase64: true, ...options });
  sockets.push(socket);
  return socket;
}

test("with the parser of skysocket/client the order is exact, in two namespaces over one connection", async () => {
  const socket = client({ parser });
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

test("with it, attachments find their events, answers their questions, and disconnect comes last", async () => {
  const log = client({ parser });
  await log.emitWithAck("enter", "log");
  const heard = next(log, "heard", 2);
  const socket = client({ parser });
  socket.on("question", (ack) => ack(Buffer.from("answer")));
  const put = upTo(15).map((n) => {
    const parts = ["a", "b", "c"].map((name) => Buffer.from(`${name}${n}`));
    return new Promise((resolve) =>
      socket.emit("put", n, ...parts, (...answer: unknown[]) => resolve(answer)),
    );
  });
  expect(await socket.emitWithAck("ask")).toEqual(Buffer.from("answer"));
  expect(await Promise.all(put)).toEqual(upTo(15).map((n) => [n, `a${n},b${n},c${n}`]));
  socket.emit("log me", "ada");
  socket.emit("last words", "bye");
  socket.disconnect();
  expect(await heard).toEqual([
    ["ada", "bye"],
    ["ada", "client namespace disconnect"],
  ]);
});

test("without it, one event still runs at a time, and each runs once", async () => {
  const socket = client();
  await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
  const all = next(socket, "counted", 60);
  for (const n of upTo(60)) socket.emit("count", n);
  const counted = await all;
  expect(counted.map(([, count]) => count)).toEqual(upTo(60).map((n) => n + 1));
  expect(counted.map(([n]) => Number(n)).sort((a, b) => a - b)).toEqual(upTo(60));
});
