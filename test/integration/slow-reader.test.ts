import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "@jest/globals";
import { io, type Socket } from "socket.io-client";
import { WebSocket } from "ws";
import type { LocalCloud } from "../../infra/local/cloud.ts";
import { TestClouds } from "../support/cloud.ts";

/** A client in a room reads nothing: what it is sent fills the buffers on the way, until API Gateway takes no more for it. */
const APP = fileURLToPath(new URL("../apps/slow-reader.ts", import.meta.url));
/** Of 100 KB: far more than all buffers on the way hold. */
const MOST_EVENTS = 2_000;
/** For one event, on a machine that has much else to do. */
const PATIENCE_MS = 60_000;

const clouds = new TestClouds();
const readers: Socket[] = [];

afterAll(async () => {
  for (const reader of readers) reader.disconnect();
  await clouds.stop();
});

async function reader(cloud: LocalCloud): Promise<Socket> {
  const socket = io(cloud.url, { path: cloud.path, transports: ["websocket"], forceNew: true });
  readers.push(socket);
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  // It is told that it is connected before it is in its rooms.
  await socket.timeout(PATIENCE_MS).emitWithAck("ready?");
  return socket;
}

/** Connects, and then reads no more. */
async function sleeper(cloud: LocalCloud): Promise<{ readonly id: string; readonly wire: WebSocket }> {
  const wire = new WebSocket(`${cloud.url.replace(/^http/, "ws")}${cloud.path}/?EIO=4&transport=websocket`);
  await once(wire, "message");
  wire.send("40");
  const [connected] = await once(wire, "message");
  wire.pause();
  return { id: JSON.parse(String(connected).slice(2)).sid, wire };
}

test("is closed, and its room goes on: the others get every event, and no emit fails", async () => {
  const cloud = await clouds.start({ app: APP });
  const { id, wire } = await sleeper(cloud);
  const [alice, bob] = [await reader(cloud), await reader(cloud)];
  const heard = { alice: 0, bob: 0 };
  alice.on("data", () => heard.alice++);
  bob.on("data", () => heard.bob++);
  const left: unknown[] = [];
  alice.on("left", (...args: unknown[]) => left.push(args));

  let sent = 0;
  while (left.length === 0 && sent < MOST_EVENTS) {
    await alice.timeout(PATIENCE_MS).emitWithAck("enough for a post", "x");
    sent++;
  }
  expect(left).toEqual([[id, "transport close"]]);
  await bob.timeout(PATIENCE_MS).emitWithAck("enough for a post", "y");
  while (heard.alice <= sent || heard.bob <= sent) {
    await Promise.race([once(alice as never, "data"), once(bob as never, "data")]);
  }
  wire.terminate();

  expect(heard).toEqual({ alice: sent + 1, bob: sent + 1 });
  const told = cloud.logs.lines.filter(({ level }) => level === "error" || level === "warn");
  const reasons = new Set(told.map(({ text }) => /SKY_\w+/.exec(text)?.[0] ?? text));
  expect(reasons).toEqual(new Set(["SKY_SLOW_READER"]));
});
