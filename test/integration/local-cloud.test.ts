import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { io, type Socket } from "socket.io-client";
import { startLocalCloud } from "../../infra/local/cloud.ts";
import { TestClouds } from "../support/cloud.ts";

const APP = `
import { Server } from "skysocket";
const io = new Server();
io.on("connection", (socket) => {
  socket.on("version", (ack) => ack("one"));
  socket.on("say", (text) => { console.log("said " + text); });
});
export default io;
`;

const clouds = new TestClouds();
const sockets: Socket[] = [];
let directory: string;
let app: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "skysocket-app-"));
  app = join(directory, "app.ts");
  await writeFile(app, APP);
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.disconnect();
  await clouds.stopClouds();
});

afterAll(async () => {
  await clouds.stop();
  await rm(directory, { recursive: true, force: true });
});

function connect(url: string, path: string): Socket {
  const socket = io(url, { path, transports: ["websocket"], forceBase64: true, forceNew: true });
  sockets.push(socket);
  return socket;
}

async function connected(socket: Socket): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", () => resolve());
    socket.once("connect_error", reject);
  });
}

describe("the local cloud", () => {
  test("runs a stranger's application for the official client", async () => {
    const lines: string[] = [];
    let heard = () => {};
    const said = new Promise<void>((resolve) => {
      heard = resolve;
    });
    const cloud = await clouds.start({
      app,
      onLog: ({ text, requestId }) => {
        if (!text.includes("said hello")) return;
        lines.push(requestId);
        heard();
      },
    });
    expect(cloud.path).toBe("/prod");
    expect(cloud.ws).toBe(`${cloud.url.replace("http", "ws")}/prod`);
    const socket = connect(cloud.url, cloud.path);
    await connected(socket);
    expect(await socket.emitWithAck("version")).toBe("one");
    socket.emit("say", "hello");
    await said;
    expect(lines).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/)]);
    expect(cloud.logs.lines.filter(({ level }) => level === "error")).toEqual([]);
    const { services, bill } = cloud.meter.snapshot();
    expect(Object.keys(services.dynamodb)).toHaveLength(1);
    expect(Object.keys(services.gateway)).not.toEqual([]);
    expect(bill.total).toBeGreaterThan(0);
  });

  test("serves the page, the client's bundle, its configuration and what happens", async () => {
    const cloud = await clouds.start({ app });
    const page = await fetch(cloud.url);
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(await page.text()).toContain("client.js");
    const bundle = await fetch(`${cloud.url}/socket.io-client/socket.io.esm.min.js`);
    expect(bundle.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    expect(await bundle.text()).toContain("Socket.IO");
    const config = await fetch(`${cloud.url}/config.json`);
    expect(await config.json()).toEqual({ url: cloud.url, path: "/prod", latestEvent: expect.any(Number) });
    expect((await fetch(`${cloud.url}/..%2fcloud.ts`)).status).toBe(404);
    expect((await fetch(cloud.url, { method: "POST" })).status).toBe(405);

    const events = await fetch(`${cloud.url}/events`);
    const reader = events.body?.pipeThrough(new TextDecoderStream()).getReader();
    await connected(connect(cloud.url, cloud.path));
    let text = "";
    while (!text.includes('"operation":"connect"')) text += (await reader?.read())?.value ?? "";
    const event = text.split("\n").find((line) => line.includes('"operation":"connect"'));
    expect(JSON.parse(event?.replace(/^data: /, "") ?? "")).toMatchObject({ kind: "gateway", status: 101 });
    await reader?.cancel();
  });

  test("takes a changed application without closing connections, and keeps the old one when the new is broken", async () => {
    const changing = join(directory, "changing.ts");
    await copyFile(app, changing);
    const cloud = await startLocalCloud({ app: changing });
    try {
      const socket = connect(cloud.url, cloud.path);
      await connected(socket);
      expect(await socket.emitWithAck("version")).toBe("one");
      await writeFile(changing, APP.replace('"one"', '"two"'));
      await cloud.reload();
      expect(await socket.emitWithAck("version")).toBe("two");
      await writeFile(changing, `${APP}\nthrow new Error("at start");`);
      await expect(cloud.reload()).rejects.toThrow("Error: at start");
      await writeFile(changing, "const a b;");
      await expect(cloud.reload()).rejects.toThrow("cannot be bundled");
      expect(await socket.emitWithAck("version")).toBe("two");
      expect(socket.connected).toBe(true);
    } finally {
      await cloud.stop();
    }
  });

  test("says in words why it does not start", async () => {
    const cloud = await clouds.start({ app });
    const port = Number(new URL(cloud.url).port);
    await expect(startLocalCloud({ app, port })).rejects.toMatchObject({ code: "PORT_NOT_FREE" });
    const missing = join(directory, "missing.ts");
    await expect(startLocalCloud({ app: missing })).rejects.toThrow(`no application module "${missing}"`);
    const wrong = join(directory, "wrong.ts");
    await writeFile(wrong, "export default {};");
    await expect(startLocalCloud({ app: wrong })).rejects.toMatchObject({
      code: "FUNCTION_NOT_LOADED",
      message: expect.stringContaining("no Server as its default export"),
    });
    await expect(clouds.start({ app, dynamodb: "http://127.0.0.1:9" })).rejects.toMatchObject({
      code: "DYNAMODB_UNUSABLE",
    });
  });

  test("can be given up while it starts", async () => {
    const abort = new AbortController();
    const starting = startLocalCloud({ app, signal: abort.signal });
    abort.abort();
    await expect(starting).rejects.toMatchObject({ name: "AbortError" });
  });
});
