/** What the head of lambdas/app.ts promises: without the two calls that only Skysocket has, the example runs on stock Socket.IO. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "@jest/globals";
import { io, type Socket } from "socket.io-client";
import { startStock } from "../support/stock.ts";

const EXAMPLE = fileURLToPath(new URL("../../lambdas/app.ts", import.meta.url));
const OURS = /\b(io\.inbox|socket\.openInbox)\(/;

const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const next = (socket: Socket, event: string): Promise<unknown> =>
  new Promise((resolve) => socket.once(event, resolve));

test("the example recovers its rooms on stock too", async () => {
  const lines = (await readFile(EXAMPLE, "utf8")).split("\n");
  const calls = lines.filter((line) => OURS.test(line));
  expect(calls.map((line) => OURS.exec(line)?.[1])).toEqual(["socket.openInbox", "io.inbox"]);
  const directory = await mkdtemp(join(tmpdir(), "skysocket-example-"));
  cleanups.push(() => rm(directory, { recursive: true }));
  const app = join(directory, "app.ts");
  await writeFile(app, lines.filter((line) => !calls.includes(line)).join("\n"));
  const { url, path, stop } = await startStock(app);
  cleanups.push(stop);

  const enter = async (nickname: string): Promise<Socket> => {
    const auth = { nickname, key: nickname.repeat(10) };
    const socket = io(url, { path, transports: ["websocket"], forceNew: true, reconnection: false, auth });
    cleanups.push(() => void socket.disconnect());
    await next(socket, "connect");
    return socket;
  };
  const [ann, bob] = [await enter("Ann"), await enter("Bob")];
  await bob.emitWithAck("join", "lobby");
  const joined = next(bob, "joined");
  const { people } = await ann.emitWithAck("join", "lobby");
  expect(people).toHaveLength(2);
  expect(await joined).toMatchObject({ room: "lobby", person: { id: ann.id, nickname: "Ann" }, back: false });

  const left = next(ann, "left");
  const { id } = bob;
  bob.io.engine.close();
  expect(await left).toMatchObject({ person: { id, nickname: "Bob" } });
  await ann.emitWithAck("message", "lobby", "Anybody there?");
  const [missed, back] = [next(bob, "message"), next(ann, "joined")];
  bob.connect();
  expect(await missed).toMatchObject({ text: "Anybody there?", from: { nickname: "Ann" } });
  expect(await back).toMatchObject({ person: { id, nickname: "Bob" }, back: true });
  expect([bob.recovered, bob.id]).toEqual([true, id]);
});
