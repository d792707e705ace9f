import { connect as dial } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import { io, type Socket } from "socket.io-client";
import type { LocalCloud } from "../../infra/local/cloud.ts";
import { TestClouds } from "../support/cloud.ts";

/**
 * Upgrades that are dropped at once, as by a page that reloads again and again, or a proxy that restarts: each has been a $connect
 * and has an open packet's invocation, for nobody. They must not hold the instances that the others need.
 */
const APP = fileURLToPath(new URL("../apps/echo.ts", import.meta.url));
const INSTANCES = 10;
const DROPPED = 40;
const CLIENTS = 30;

const clouds = new TestClouds();
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.disconnect();
  await clouds.stopClouds();
});

afterAll(() => clouds.stop());

function client({ url, path }: LocalCloud): Socket {
  const socket = io(url, { path, transports: ["websocket"], forceNew: true });
  sockets.push(socket);
  return socket;
}

const connected = (socket: Socket): Promise<void> =>
  new Promise((resolve) => socket.once("connect", resolve));

/** Asks for an upgrade and is gone when the last byte of that has been handed over. */
const drop = ({ url, path }: LocalCloud): Promise<void> =>
  new Promise((resolve, reject) => {
    const { hostname, port, host } = new URL(url);
    const socket = dial({ host: hostname, port: Number(port) });
    const lines = [
      `GET ${path}/?EIO=4&transport=websocket HTTP/1.1`,
      ...[`Host: ${host}`, "Connection: Upgrade", "Upgrade: websocket"],
      ...["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="],
    ];
    socket.once("error", reject);
    socket.once("close", () => resolve());
    socket.write(`${lines.join("\r\n")}\r\n\r\n`, () => socket.destroy());
  });

test.each([
  ["whose ends are reported", 0],
  ["whose ends nobody reports", 1],
])("upgrades dropped at once, %s, keep nobody out and nobody waiting", async (_, loseDisconnect) => {
  const cloud = await clouds.start({ app: APP, maxWorkersPerFunction: INSTANCES });
  const bystander = client(cloud);
  await connected(bystander);
  const others = Array.from({ length: CLIENTS }, () => client(cloud));
  await Promise.all(others.map(connected));
  cloud.chaos.set({ loseDisconnect });

  const back = Promise.all(others.map(connected));
  for (const { io: manager } of others) manager.engine.close();
  await Promise.all(Array.from({ length: DROPPED }, () => drop(cloud)));
  expect(await bystander.emitWithAck("echo", "during the drops")).toBe("during the drops");
  await back;
  expect(await Promise.all(others.map((socket) => socket.emitWithAck("echo", socket.id)))).toEqual(
    others.map(({ id }) => id),
  );
});
