import { EventEmitter, once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { LocalCloud } from "../../infra/local/cloud.ts";
import type { Mark } from "../../infra/local/meter.ts";
import type { Client } from "../support/client.ts";
import { TestClouds } from "../support/cloud.ts";
import { ScenarioContext } from "../support/scenario.ts";

/**
 * What a client should not send and an application should not do. A second client stays connected through all of it and must not
 * notice; no run of a function fails, and nobody ever sees an error frame of API Gateway.
 */
const APP = fileURLToPath(new URL("../apps/careless.ts", import.meta.url));
const FRAME_LIMIT = 32 * 1024;
/** Milliseconds until what must be logged counts as missing, however busy the machine is. */
const PATIENCE_MS = 5 * 60_000;

const clouds = new TestClouds();
const news = new EventEmitter();
let cloud: LocalCloud;
let bystanders: ScenarioContext;
let bob: Client;
let context: ScenarioContext;
let mark: Mark;
let firstLine = 0;

beforeAll(async () => {
  cloud = await clouds.start({ app: APP, onLog: () => news.emit("line") });
  bystanders = contextOf(cloud);
  bob = await bystanders.connect("bob");
});

beforeEach(() => {
  context = contextOf(cloud);
  mark = cloud.meter.mark();
  firstLine = cloud.logs.lines.length;
});

afterEach(async () => {
  expect(await bob.ask("echo", "still here?")).toEqual(["still here?"]);
  expect(new Set(bob.trace.entries.map(([kind]) => kind))).not.toContain("disconnect");
  await context.stop();
  // Since the cloud started: what a test leaves behind may fail later.
  const events = cloud.meter.events();
  expect(events.filter((event) => event.kind === "gateway" && event.operation === "error-frame")).toEqual([]);
  expect(events.filter((event) => event.kind === "lambda" && event.outcome !== "ok")).toEqual([]);
  // How the runtime reports an instance that dies of an error, and a handler that fails.
  const crashes = cloud.logs.lines.filter(({ text }) =>
    /^(Uncaught Exception|Unhandled Promise|Invoke Error)/.test(text),
  );
  expect(crashes).toEqual([]);
});

afterAll(async () => {
  await bystanders?.stop();
  await clouds.stop();
});

const contextOf = ({ url, path }: LocalCloud): ScenarioContext =>
  new ScenarioContext({ name: "cloud", url, path, stop: async () => {} });

/** What was logged since the test began. */
const lines = (): string[] => cloud.logs.lines.slice(firstLine).map(({ text }) => text);

/** The first line since the test began, now or when it comes, that has all of these in it. */
async function logged(...parts: string[]): Promise<string> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  for (;;) {
    const line = lines().find((one) => parts.every((part) => one.includes(part)));
    if (line !== undefined) return line;
    await once(news, "line", { signal }).catch((error: unknown) => {
      throw new Error(`never logged: ${parts.join(" … ")}. Logged:\n${lines().join("\n")}`, { cause: error });
    });
  }
}

/** How connections ended since the test began; 1006 are those of the test before, which it drops. */
const closeCodes = (): number[] =>
  cloud.meter
    .events(mark)
    .flatMap((event) => (event.kind === "gateway" && event.operation === "close" ? [event.status] : []));

describe("from a client", () => {
  test.each([
    ["an unknown Engine.IO packet type", "9", "not an Engine.IO packet"],
    ["text that is no packet at all", "hello", "not an Engine.IO packet"],
    ["an unknown Socket.IO packet type", "49", "unknown packet type 9"],
    ["a letter for a Socket.IO packet type", "4x", "unknown packet type"],
    ["JSON that ends in the middle", '42["echo",{"a":', "invalid payload"],
    ["an event without an array", '42{"a":1}', "invalid payload"],
    ["an event without a name", "42[]", "invalid payload"],
    ["an event with a reserved name", '42["connect"]', "invalid payload"],
    [
      "more attachments than anybody needs",
      '45999999999-["echo",{"_placeholder":true,"num":0}]',
      "attachments",
    ],
  ])("%s closes its connection, and the log says why", async (_, frame, why) => {
    const raw = await context.rawConnected("mallory");
    raw.send(frame);
    await raw.closed();
    await logged("SKY_PACKET_REFUSED", why);
  });

  test.each([
    ["an event", '42["echo",1]'],
    ["an acknowledged event", '421["echo",1]'],
    ["leaving", "41"],
    ["an event of another namespace", '42/nowhere,["echo",1]'],
  ])("%s before CONNECT closes its connection", async (_, frame) => {
    const raw = context.raw("mallory");
    await raw.opened();
    raw.send(frame);
    await raw.closed();
  });

  test("CONNECT to an unknown namespace is refused as on stock, and the connection goes on", async () => {
    const raw = context.raw("mallory");
    await raw.opened();
    raw.send("40/nowhere,");
    expect(await raw.frame()).toBe('44/nowhere,{"message":"Invalid namespace"}');
    raw.send('40/__proto__,{"a":1}');
    expect(await raw.frame()).toBe('44/__proto__,{"message":"Invalid namespace"}');
    raw.send("40");
    expect(await raw.frame()).toMatch(/^40\{"sid":/);
  });

  test("a frame of 40 KB closes its connection with 1009", async () => {
    const raw = await context.rawConnected("mallory");
    raw.send(`42["echo","${"x".repeat(40 * 1024)}"]`);
    await raw.closed();
    expect(closeCodes()).toContain(1009);
  });

  test("a frame of just 32 KB is served", async () => {
    const raw = await context.rawConnected("mallory");
    const [head, tail] = ['420["echo","', '"]'];
    const text = "x".repeat(FRAME_LIMIT - head.length - tail.length);
    raw.send(head + text + tail);
    expect(await raw.frame()).toBe(`430["${text}"]`);
  });

  test("a binary frame closes its connection with 1003", async () => {
    const raw = await context.rawConnected("mallory");
    raw.send(Buffer.from('42["echo",1]'));
    await raw.closed();
    expect(closeCodes()).toContain(1003);
  });

  test("an acknowledgement of something that was never asked is ignored", async () => {
    const raw = await context.rawConnected("mallory");
    for (const frame of ["430[]", "4399999999999[1]", "431[]"]) raw.send(frame);
    raw.send('425["echo","alive"]');
    expect(await raw.frame()).toBe('435["alive"]');
  });

  test("names that mean something to JavaScript are names like others", async () => {
    const raw = await context.rawConnected("mallory");
    for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
      raw.send(`42${JSON.stringify([name, { polluted: true }])}`);
    }
    raw.send('421["echo",{"__proto__":{"polluted":true}}]');
    expect(await raw.frame()).toBe('431[{"__proto__":{"polluted":true}}]');
  });
});

describe("from the application", () => {
  test("ten thousand rooms on one socket are a clear error, and the socket joins none of them", async () => {
    const alice = await context.connect("alice");
    const [verdict, message] = await alice.ask("join and await", 10_000);
    expect(verdict).toBe("refused");
    expect(message).toMatch(/1 rooms and was to join 10000 more; 500 are allowed. Raise maxRoomsPerSocket/);
    expect(await alice.ask("how many rooms")).toEqual([1]);
    expect(await alice.ask("join and await", 20)).toEqual(["joined"]);
    expect(await alice.ask("how many rooms")).toEqual([21]);
  });

  test("the same without awaiting it is an error in the log", async () => {
    const alice = await context.connect("alice");
    expect(await alice.ask("join and forget", 10_000)).toEqual(["went on"]);
    await logged("SKY_EFFECT_FAILED", "join()", "10000 more");
    expect(await alice.ask("how many rooms")).toEqual([1]);
  });

  test.each([
    ["a cycle", "keep a cycle", "socket.data.cycle.self is a cycle", "besideTheCycle"],
    ["a BigInt", "keep a BigInt", "socket.data.big is a bigint", "besideTheBigInt"],
  ])("%s in socket.data is an error in the log; other keys are kept", async (_, event, message, kept) => {
    const alice = await context.connect("alice");
    await alice.ask(event);
    await logged("SKY_DATA_NOT_JSON", message);
    expect(await alice.ask("what is kept")).toEqual([[kept]]);
  });

  test.each([
    ["a handler that throws", "throw", "SKY_HANDLER_FAILED", "thrown by a handler"],
    ["a handler that rejects", "reject", "SKY_HANDLER_FAILED", "rejected by a handler"],
    ["a timer that throws", "throw later", "SKY_UNCAUGHT", "thrown in a timer"],
    ["a rejection that nobody sees", "reject unseen", "SKY_UNCAUGHT", "rejected, and nobody looks"],
    ["an answer that is no JSON", "answer with a BigInt", "SKY_HANDLER_FAILED", "BigInt"],
    ["an event with a cycle", "emit a cycle", "SKY_HANDLER_FAILED", "Maximum call stack"],
    ["an event over the limit", "emit too much", "SKY_HANDLER_FAILED", "131072"],
  ])("%s ends in the log, and the connection works", async (_, event, code, message) => {
    const alice = await context.connect("alice");
    alice.emit(event, () => {});
    await logged(code, message);
    expect(await alice.ask("echo", 1)).toEqual([1]);
    alice.emit("tell everybody", event);
    expect(await alice.next("told")).toEqual([event]);
    expect(await bob.next("told")).toEqual([event]);
  });

  test.each([
    ["throws", "/middleware-throws", "thrown by a middleware"],
    ["rejects", "/middleware-rejects", "rejected by a middleware"],
  ])(
    "a middleware that %s refuses the client without saying why, and the log does",
    async (_, nsp, message) => {
      const alice = context.dial("alice", { nsp });
      expect(await alice.refused()).toEqual(["connect_error", "internal error", undefined]);
      await logged("SKY_LISTENER_FAILED", message);
      const main = await context.connect("alice elsewhere", { over: alice });
      expect(await main.ask("echo", 1)).toEqual([1]);
    },
  );

  test("a connection listener that throws leaves the socket with what it had registered", async () => {
    const alice = await context.connect("alice", { nsp: "/listener-throws" });
    await logged("SKY_LISTENER_FAILED", "thrown by a connection listener");
    expect(await alice.ask("echo", 1)).toEqual([1]);
  });

  test("errors that nobody caught reach the application's own listeners too", async () => {
    const alice = await context.connect("alice");
    alice.emit("throw later");
    await logged("reported: thrown in a timer");
    alice.emit("reject unseen");
    await logged("reported: rejected, and nobody looks");
  });

  test("a packet middleware that throws or never calls next stops that event only", async () => {
    const alice = await context.connect("alice", { nsp: "/packet-middleware" });
    alice.emit("swallowed");
    alice.emit("thrown at");
    await logged("SKY_HANDLER_FAILED", "thrown by a packet middleware");
    expect(await alice.ask("echo", 1)).toEqual([1]);
  });

  test("a disconnect listener that throws does not keep the socket from ending", async () => {
    const alice = await context.connect("alice", { nsp: "/disconnect-throws" });
    await alice.stop();
    await logged("SKY_HANDLER_FAILED", "thrown by a disconnect listener");
  });
});
