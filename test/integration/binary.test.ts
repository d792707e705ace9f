import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { io, type Socket } from "socket.io-client";
import type { LocalCloud } from "../../infra/local/cloud.ts";
import { TestClouds } from "../support/cloud.ts";

/** What the official client sends is put together across invocations, or the connection is closed. */
const APP = fileURLToPath(new URL("../apps/core.ts", import.meta.url));
const clouds = new TestClouds();
let cloud: LocalCloud;

beforeAll(async () => {
  cloud = await clouds.start({ app: APP, port: 0 });
});

afterAll(async () => {
  await clouds.stop();
});

async function connected(): Promise<Socket> {
  const socket = io(`${cloud.url}/events`, {
    path: cloud.path,
    transports: ["websocket"],
    forceBase64: true,
    forceNew: true,
    reconnection: false,
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", reject);
  });
  return socket;
}

/** The answer to each, or "closed". */
async function echoes(socket: Socket, all: readonly (readonly unknown[])[]): Promise<readonly unknown[]> {
  const closed = new Promise<"closed">((resolve) => {
    socket.once("disconnect", () => resolve("closed"));
  });
  const answers = all.map((args) => Promise.race([closed, answerOf(socket, args)]));
  return await Promise.all(answers);
}

const answerOf = (socket: Socket, args: readonly unknown[]): Promise<unknown> =>
  new Promise((resolve) => {
    socket.emit("echo", ...args, (...values: unknown[]) => resolve(values));
  });

test("events with an attachment each, one after the other, all arrive", async () => {
  const socket = await connected();
  for (let n = 0; n < 5; n++) {
    const args = [n, Buffer.from(`bytes ${n}`)];
    expect(await echoes(socket, [args])).toEqual([args]);
  }
  socket.disconnect();
});

test("two attachments in one event are never swapped: they arrive in their order, or the connection is closed", async () => {
  for (let round = 0; round < 3; round++) {
    const socket = await connected();
    const sent = [Buffer.from("a"), Buffer.from("b")];
    const [answer] = await echoes(socket, [sent]);
    expect([sent, "closed"]).toContainEqual(answer);
    socket.disconnect();
  }
});

test("five events at once arrive as they were sent; if not, a frame came too late, and the connection is closed", async () => {
  for (let round = 0; round < 3; round++) {
    const socket = await connected();
    const closed = new Promise((resolve) => {
      socket.once("disconnect", resolve);
    });
    const sent = Array.from({ length: 5 }, (_, n) => [n, Buffer.from(`${n}`)]);
    const answers = await echoes(socket, sent);
    const isRight = answers.every((answer, n) => JSON.stringify(answer) === JSON.stringify(sent[n]));
    if (!isRight) expect(await closed).toBe("transport close");
    socket.disconnect();
  }
});
