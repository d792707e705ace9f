import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { io, type Socket } from "socket.io-client";
import { MeterStream } from "../support/meter-stream.ts";
import { type MissedCloud, startMissedCloud } from "../support/missed-cloud.ts";
import { THOROUGH } from "../support/thorough.ts";

/** What recovery costs, and what it does with more than one invocation can send. */

/** In seconds: six of them are for posting what was missed, enough for some of it on a busy machine. */
const TIMEOUT_SEC = 15;
/** Posts take up to so much longer: on AWS they do. */
const SLOW_POSTS_MS = 40;
/** Fewer than the 5,000 of the unit test, and still more than one invocation can send; `MISSED_ROWS=5000` for as many. */
const ROWS = Number(process.env.MISSED_ROWS ?? (THOROUGH ? 1_200 : 450));
/** What one invocation sends. */
const FEW = 100;
/** Long enough that all of them would be seen in the memory that is held. */
const TEXT = "x".repeat(3_000);

let cloud: MissedCloud;
let stream: MeterStream;
const sockets: Socket[] = [];

beforeAll(async () => {
  cloud = await startMissedCloud(TIMEOUT_SEC);
});

beforeEach(async () => {
  stream = await MeterStream.open(cloud.cloud.url);
});

afterEach(async () => {
  const clients = sockets.splice(0).filter((socket) => socket.connected);
  stream.clear();
  for (const socket of clients) socket.disconnect();
  // Their ends would be counted with the next test's doings.
  await stream.until(() => stream.handled("$disconnect") >= clients.length);
  stream.close();
});

afterAll(() => cloud.stop());

/** The run of the frame that was answered with a frame that begins like this, when it is over. */
async function answered(start: string) {
  const find = () =>
    stream.runs.find((run) => stream.usage(run).posts.some((frame) => frame.startsWith(start)));
  await stream.until(() => find() !== undefined);
  const run = find();
  if (!run) throw new Error("no run");
  return run;
}

/** Asks, and waits until the run is over, too: what it did is all that is counted. */
async function ask(socket: Socket, event: string, ...args: unknown[]): Promise<string> {
  stream.clear();
  await socket.emitWithAck(event, ...args);
  return (await answered("43")).requestId;
}

async function connected(socket: Socket): Promise<string> {
  stream.clear();
  socket.connect();
  return (await answered("40")).requestId;
}

/** A client that has not connected yet. */
function stranger(): Socket {
  const { url, path } = cloud.cloud;
  const transport = { path, transports: ["websocket"], forceNew: true, reconnection: false };
  const socket = io(url, { ...transport, autoConnect: false });
  sockets.push(socket);
  return socket;
}

/** In the room, and with an offset. */
async function member(room: string): Promise<Socket> {
  const socket = stranger();
  await connected(socket);
  await ask(socket, "enter", room);
  await ask(socket, "greet me");
  return socket;
}

/** Cut off, and the server knows it. */
async function away(socket: Socket): Promise<void> {
  stream.clear();
  socket.io.engine.close();
  await stream.run("$disconnect");
}

/** Operation and write units of each request to DynamoDB that a run has made, as far as it writes. */
function writesOf(requestId: string): string[] {
  return stream.events.flatMap((event) =>
    event.kind === "dynamodb" && event.requestId === requestId && event.writeUnits > 0
      ? [`${event.operation} ${event.writeUnits}`]
      : [],
  );
}

/** Two for each room: the packet, and that it has been sent. */
const LOGGED = ["PutItem 1", "UpdateItem 1"];

test("a broadcast costs two small writes for each room, however many are in it", async () => {
  const alice = await member("one");
  for (let i = 0; i < 4; i++) await member("many");
  for (const rooms of [["one"], ["many"], ["one", "many"], ["nobody is here"]]) {
    const requestId = await ask(alice, "tell", { rooms }, ["a text"]);
    expect(writesOf(requestId).sort()).toEqual(rooms.flatMap(() => LOGGED).sort());
    expect(stream.runs).toHaveLength(1);
  }
});

test("a packet to one socket costs the same, and a volatile one nothing", async () => {
  const alice = await member("alone");
  expect(writesOf(await ask(alice, "greet me"))).toEqual(LOGGED);
  expect(writesOf(await ask(alice, "whisper", "alone", "a text"))).toEqual([]);
});

test("a CONNECT writes its session, and a resume costs two writes for each room and seven", async () => {
  const alice = await member("room");
  // With the socket's own room and everyone: no more than 5 without recovery (cost.test.ts).
  expect(writesOf(await connected(stranger())).length).toBeLessThanOrEqual(6);
  await away(alice);
  const resumed = await connected(alice);
  expect(alice.recovered).toBe(true);
  expect(writesOf(resumed).length).toBeLessThanOrEqual(7 + 2 * 3);
  // Nobody else does the rest.
  expect(stream.handled("$default")).toBe(1);
});

/** Cuts the socket off, has it miss so many packets, and waits until it has them all, and one more. */
async function miss(socket: Socket, count: number) {
  const got: string[] = [];
  socket.on("told", (text: string) => got.push(text));
  await away(socket);
  const texts = Array.from({ length: count }, (_, i) => `${i} ${TEXT}`);
  await cloud.send("busy", texts);
  const looks = cloud.heaps.length;
  const all = new Promise<void>((resolve, reject) => {
    socket.on("told", () => got.length === count && resolve());
    socket.once("disconnect", (reason) => reject(new Error(`${reason} after ${got.length} packets`)));
  });
  stream.clear();
  socket.connect();
  await all;
  await socket.emitWithAck("tell", { rooms: ["busy"] }, ["live"]);
  socket.off("told");
  const posts = stream.events.flatMap((event) =>
    event.kind === "gateway" && event.operation === "post" && event.body?.startsWith('42["told","')
      ? [event.requestId]
      : [],
  );
  const numbers = got.map((text) => text.split(" ")[0]);
  return { numbers, invocations: new Set(posts).size - 1, held: Math.max(...cloud.heaps.slice(looks)) };
}

test(`${ROWS} packets of ${TEXT.length} bytes that were missed arrive all, in order, once, over several invocations that hold few of them`, async () => {
  const alice = await member("busy");
  cloud.cloud.chaos.set({ reorderPostsMs: SLOW_POSTS_MS });
  const little = await miss(alice, FEW);
  const much = await miss(alice, ROWS);
  cloud.cloud.chaos.off();
  expect(alice.recovered).toBe(true);
  const expected = Array.from({ length: ROWS }, (_, i) => String(i)).concat("live");
  expect(much.numbers).toEqual(expected);
  expect(much.invocations).toBeGreaterThan(1);
  const grown = much.held - little.held;
  process.stdout.write(
    `${ROWS} rows: ${much.invocations} invocations, ${grown} bytes more than for ${FEW}\n`,
  );
  expect(grown).toBeLessThan((ROWS * TEXT.length) / 2);
});
