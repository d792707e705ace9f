import { once } from "node:events";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { io, type Socket } from "socket.io-client";
import { WebSocket } from "ws";
import type { LocalCloud } from "../../infra/local/cloud.ts";
import { assemblyOf } from "../support/assemblies.ts";
import { TestClouds } from "../support/cloud.ts";
import { MeterStream } from "../support/meter-stream.ts";

/**
 * Connections live through API Gateway's idle limit, in a local cloud where its minutes are shorter: everything waits for the
 * client's own heartbeat, which gives up when a ping comes later than it was told.
 */
const APP = fileURLToPath(new URL("../apps/echo.ts", import.meta.url));
const TEMPLATE = "Skysocket.template.json";
/** A minute takes two seconds: the four that a ping may be late are enough for a busy machine. */
const TIME_SCALE = 30;
const IDLE_LIMIT = (10 * 60_000) / TIME_SCALE;

const clouds = new TestClouds();
const open: (() => void)[] = [];
let directory: string;
let assembly: string;
let cutOff: ReturnType<typeof closeOf>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "skysocket-heartbeat-"));
  assembly = await assemblyOf({ app: APP });
  // Its time passes while the others wait, too.
  const cloud = await clouds.start({ assembly: await withoutHeartbeat(), timeScale: TIME_SCALE });
  cutOff = closeOf(cloud, ["40"]);
  cutOff.catch(() => undefined);
});

afterAll(async () => {
  for (const close of open) close();
  await clouds.stop();
  await rm(directory, { recursive: true, force: true });
});

/** An assembly in which the schedule is off. */
async function withoutHeartbeat(): Promise<string> {
  const copy = join(directory, "off");
  await cp(assembly, copy, { recursive: true });
  const template = JSON.parse(await readFile(join(copy, TEMPLATE), "utf8"));
  const rules = Object.values<{ Type: string; Properties: Record<string, unknown> }>(
    template.Resources,
  ).filter(({ Type }) => Type === "AWS::Events::Rule");
  expect(rules).toHaveLength(1);
  for (const rule of rules) rule.Properties.State = "DISABLED";
  await writeFile(join(copy, TEMPLATE), JSON.stringify(template));
  return copy;
}

function connect(cloud: LocalCloud): Socket {
  const socket = io(cloud.url, { path: cloud.path, transports: ["websocket"], reconnection: false });
  open.push(() => socket.disconnect());
  return socket;
}

/** The times between pings, the first from the opening on, up to the first ping after so many milliseconds. */
async function gapsOf(socket: Socket, ms: number): Promise<number[]> {
  return await new Promise((resolve, reject) => {
    const gaps: number[] = [];
    let last = 0;
    let until = 0;
    socket.io.on("open", () => {
      last = performance.now();
      until = last + ms;
    });
    socket.on("disconnect", (reason) => reject(new Error(`${reason} after ${gaps.length} pings: ${gaps}`)));
    socket.io.on("ping", () => {
      gaps.push(performance.now() - last);
      last = performance.now();
      if (last > until) resolve(gaps);
    });
  });
}

/** Resolves with the close code, and how long after the open packet it came, in milliseconds. */
async function closeOf(cloud: LocalCloud, say: readonly string[]): Promise<{ code: number; after: number }> {
  const socket = new WebSocket(`${cloud.ws}/?EIO=4&transport=websocket`);
  open.push(() => socket.terminate());
  const closed = once(socket, "close");
  await once(socket, "message");
  const opened = performance.now();
  for (const frame of say) socket.send(frame);
  const [code] = await closed;
  return { code, after: performance.now() - opened };
}

describe("with the heartbeat", () => {
  let cloud: LocalCloud;
  let stream: MeterStream;

  beforeAll(async () => {
    cloud = await clouds.start({ assembly, timeScale: TIME_SCALE });
    stream = await MeterStream.open(cloud.url);
    open.push(() => stream.close());
    // Starting it takes a busy machine longer than a ping may be late here; on AWS that is no time.
    await stream.run("events.amazonaws.com");
  });

  test("a connection on which no namespace is joined is closed, in the way of ends, and forgotten", async () => {
    const { code, after } = await closeOf(cloud, []);
    // Deleted, not idle.
    expect(code).toBe(1000);
    expect(after).toBeLessThan(IDLE_LIMIT);
    await stream.run("$disconnect");
    const deletions = stream.events.filter(
      (event) => event.kind === "gateway" && event.operation === "delete" && event.status < 300,
    );
    expect(deletions).toHaveLength(1);
    const [task] = stream.runs.filter((run) => run.requestId === deletions[0]?.requestId);
    expect(task && stream.usage(task).writes).toContain("DeleteItem");
  });

  test("a client that says nothing stays through two idle limits, and its answers cost no request", async () => {
    const socket = connect(cloud);
    const gaps = await gapsOf(socket, 2 * IDLE_LIMIT);
    expect(Math.max(...gaps)).toBeLessThan(IDLE_LIMIT);
    expect(await socket.timeout(5_000).emitWithAck("echo", "still here")).toBe("still here");

    const pongs = stream.events.filter(
      (event) => event.kind === "gateway" && event.operation === "message" && event.body === "3",
    );
    expect(pongs.length).toBeGreaterThanOrEqual(2);
    // The queue swallows nearly all of them: they have a deduplication id in common.
    const sent = stream.events.filter(
      (event) =>
        event.kind === "sqs" && pongs.some((pong) => "cause" in pong && pong.cause === event.requestId),
    );
    const ids = new Set(sent.flatMap((event) => ("messageIds" in event ? event.messageIds : [])));
    const runs = stream.runs.filter(({ messageIds = [] }) => messageIds.some((id) => ids.has(id)));
    expect(runs.length).toBeGreaterThanOrEqual(1);
    expect(runs.length).toBeLessThanOrEqual(pongs.length);
    for (const run of runs) expect(stream.usage(run)).toEqual({ requests: [], writes: [], posts: [] });
    expect(cloud.logs.lines.filter(({ level }) => level === "error" || level === "warn")).toEqual([]);
  });
});

describe("without it", () => {
  test("a connection is cut off when it has been idle for too long", async () => {
    const { code, after } = await cutOff;
    expect(code).toBe(1001);
    expect(after).toBeGreaterThan(IDLE_LIMIT * 0.9);
  });
});
