import { EventEmitter, on } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { io, type Socket } from "socket.io-client";
import type { LocalCloud } from "../../infra/local/cloud.ts";
import { loadModel } from "../../infra/local/template/load.ts";
import { assemblyOf } from "../support/assemblies.ts";
import { TestClouds } from "../support/cloud.ts";
import { covers, type Denied, deniedIn, missingStatements } from "../support/iam-scenario.ts";
import { grantsOf, withoutGrant } from "../support/synth.ts";
import { THOROUGH } from "../support/thorough.ts";

/** Every right that the line needs beside those of grants.test.ts is needed: without it something is refused, and the log says what. */
const APP = fileURLToPath(new URL("../apps/ordered.ts", import.meta.url));

const clouds = new TestClouds();
const sockets: Socket[] = [];
const news = new EventEmitter();
let directory: string;
let whole: string;
let cloud: LocalCloud;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "skysocket-line-"));
  whole = await assemblyOf({ app: APP });
  cloud = await clouds.start({
    assembly: whole,
    onLog: ({ text }) => {
      const denial = deniedIn(text);
      if (denial) news.emit("denied", denial);
    },
  });
});

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.disconnect();
});

afterAll(async () => {
  await clouds.stop();
  await rm(directory, { recursive: true, force: true });
});

function client(): Socket {
  const { url, path } = cloud;
  const socket = io(url, { path, transports: ["websocket"], forceNew: true });
  sockets.push(socket);
  return socket;
}

const connected = (socket: Socket): Promise<void> =>
  new Promise((resolve) => socket.once("connect", () => resolve()));

/** Takes a right away until it is refused to somebody. `use` does what needs it. */
async function refusedWithout(sid: string, use: () => Promise<unknown>): Promise<void> {
  const crippled = join(directory, sid);
  await withoutGrant(whole, sid, crippled);
  const [removed, another] = missingStatements(cloud.model, loadModel(crippled));
  if (!removed || another) throw new Error(`not exactly one statement is called ${sid}`);
  const ended = new AbortController();
  const denials = on(news, "denied", { signal: ended.signal });
  const giveBack = cloud.withdraw(removed);
  try {
    const using = use();
    using.catch(() => undefined); // of what is refused
    for await (const [denial] of denials as AsyncIterable<[Denied]>) {
      if (covers(removed, denial)) break;
    }
  } finally {
    giveBack();
    ended.abort();
  }
}

/** One of the two is gone, and nobody has noticed: the other speaks to both. */
async function speakToOneWhoIsGone(): Promise<void> {
  const [gone, speaker] = [client(), client()];
  await Promise.all([connected(gone), connected(speaker)]);
  await Promise.all([gone, speaker].map((socket) => socket.emitWithAck("enter", "room")));
  cloud.chaos.set({ loseDisconnect: 1 });
  gone.io.reconnection(false);
  gone.io.engine.close();
  await speaker.emitWithAck("slow", 0);
  speaker.emit("say", "room", "hello");
}

test("the rights of the line are the ones that are taken away one by one below", async () => {
  const direct = await grantsOf(await assemblyOf({ app: APP, ordered: false }));
  const own = (await grantsOf(whole)).filter((sid) => !direct.includes(sid));
  expect(own.sort()).toEqual([...TAKEN.map(([sid]) => sid), "GatewayLineSend", "LineBury"].sort());
});

/** Who has Lambda poll asks all the time. */
const nothing = async () => undefined;
const TAKEN: readonly (readonly [sid: string, use: () => Promise<unknown>])[] = [
  ["LineReceive", nothing],
  ["LineAttributes", nothing],
  ["LineDelete", async () => await connected(client())],
  ["LineSend", speakToOneWhoIsGone],
  [
    "LineVisibility",
    async () => {
      // An event that could not be begun comes again after a second, if the function may say so.
      const crippled = join(directory, "TableQuery");
      await withoutGrant(whole, "TableQuery", crippled);
      const socket = client();
      // Its CONNECT has been handled when an event has been.
      await socket.emitWithAck("slow", 0);
      const [query] = missingStatements(cloud.model, loadModel(crippled));
      const giveBack = query && cloud.withdraw(query);
      news.once("denied", () => giveBack?.());
      await socket.emitWithAck("slow", 0);
    },
  ],
];

describe("the function", () => {
  afterEach(() => cloud.chaos.off());

  test.each(TAKEN)("needs %s", async (sid, use) => {
    await refusedWithout(sid, use);
    // Nothing else is missing, and nothing was broken: it goes on with the right.
    const socket = client();
    expect(await socket.timeout(5 * 60_000).emitWithAck("slow", 0)).toBeUndefined();
  });

  // The event's instance dies twice, and each time its messages come again only after a while.
  if (!THOROUGH) return;
  test("needs LineBury", async () => {
    const socket = client();
    await connected(socket);
    await refusedWithout("LineBury", async () => socket.emit("die"));
  });
});

test("without the right of API Gateway's role no frame gets into the line, and the log says which is missing", async () => {
  const socket = client();
  await connected(socket);
  const queue = cloud.model.queues.find(({ fifo, redrive }) => fifo !== undefined && redrive !== undefined);
  const closed = new Promise<void>((resolve) => socket.once("disconnect", () => resolve()));
  await refusedWithout("GatewayLineSend", async () => socket.emit("say", "room", "hello"));
  // An error frame is no frame of Socket.IO.
  await closed;
  const held = cloud.queues.messages(queue?.arn ?? "");
  expect(held.filter((body) => body.includes("hello"))).toEqual([]);
});
