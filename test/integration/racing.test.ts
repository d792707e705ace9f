import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { LocalCloud } from "../../infra/local/cloud.ts";
import type { SocketKey } from "../../lambdas/server/ports/sockets.ts";
import type { Store } from "../../lambdas/server/ports/store.ts";
import { createDynamoStore } from "../../lambdas/store/dynamo-store.ts";
import type { Client } from "../support/client.ts";
import { TestClouds } from "../support/cloud.ts";
import type { DynamoFixture } from "../support/dynamodb.ts";
import { startEmbedded } from "../support/dynamodb-embedded.ts";
import { ScenarioContext } from "../support/scenario.ts";

/** Two writes to one socket at once: different keys and different rooms both survive, of one key the last value stays. */

describe("through the store", () => {
  let dynamodb: DynamoFixture;
  /** Two instances of the function. */
  let one: Store;
  let other: Store;
  const key: SocketKey = { connectionId: "C=", nsp: "/" };
  const id = "socket";

  beforeAll(async () => {
    dynamodb = await startEmbedded();
    const store = (): Store =>
      createDynamoStore({ client: dynamodb.client, table: dynamodb.table, clock: { now: Date.now } });
    one = store();
    other = store();
    const now = Date.now();
    await one.putConnection({ connectionId: "C=", sid: "sid", connectedAt: now, handshake: "{}" });
    const times = { deadline: now + 10_000, expiresAt: now + 3_600_000 };
    await one.beginSocket({ ...key, ...times, id, auth: "{}", token: "t" });
    await one.openSocket(key, id, { rooms: {}, data: {}, props: {}, rerunMiddlewares: false, running: now });
  });

  afterAll(() => dynamodb.stop());

  test("different keys and different rooms, all at once, all survive", async () => {
    await Promise.all([
      one.saveState(key, id, { data: { a: "1" }, props: { p: "1" } }),
      other.saveState(key, id, { data: { b: "2" }, props: { q: "2" } }),
      one.addRooms(key, id, { red: "t1" }),
      other.addRooms(key, id, { blue: "t2" }),
    ]);
    const row = await one.readSocket(key);
    expect(row).toMatchObject({ data: { a: "1", b: "2" }, props: { p: "1", q: "2" } });
    expect(row?.rooms).toEqual({ red: "t1", blue: "t2" });
  });

  test("of the same key the last value stays, whoever wrote it", async () => {
    for (const [first, last] of [
      [one, other],
      [other, one],
    ] as const) {
      await first.saveState(key, id, { data: { same: '"first"' } });
      await last.saveState(key, id, { data: { same: '"last"' } });
      expect((await first.readSocket(key))?.data.same).toBe('"last"');
    }
  });
});

describe("through handlers that run at the same time", () => {
  const clouds = new TestClouds();
  let cloud: LocalCloud;
  let context: ScenarioContext;
  let alice: Client;
  let waiting: Map<string, () => void>;

  beforeAll(async () => {
    cloud = await clouds.start({ app: fileURLToPath(new URL("../apps/racing.ts", import.meta.url)) });
  });

  beforeEach(async () => {
    context = new ScenarioContext({ name: "cloud", url: cloud.url, path: cloud.path, stop: async () => {} });
    alice = await context.connect("alice");
    waiting = new Map();
    alice.socket.on("go on?", (name: string, goOn: () => void) => waiting.set(name, goOn));
  });

  afterEach(async () => {
    await context.stop();
    expect(cloud.logs.lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  afterAll(() => clouds.stop());

  /** Starts a handler; resolves when it stands still in the middle, with what lets it go on and resolves when it is done. */
  async function halfway(event: string, name: string, ...args: unknown[]): Promise<() => Promise<void>> {
    const done = alice.socket.emitWithAck(event, name, ...args);
    done.catch(() => undefined);
    while (!waiting.has(name)) await alice.next("go on?");
    return async () => {
      waiting.get(name)?.();
      await done;
    };
  }

  test("different keys of socket.data both survive", async () => {
    const a = await halfway("put", "A", "a", { by: "A" });
    const b = await halfway("put", "B", "b", { by: "B" });
    await Promise.all([a(), b()]);
    expect((await alice.ask("state"))[0]).toEqual({ a: { by: "A" }, b: { by: "B" } });
  });

  test("of the same key the last write stays, whichever handler began first", async () => {
    const early = await halfway("put", "early", "same", "early");
    const late = await halfway("put", "late", "same", "late");
    const beside = await halfway("put", "beside", "other", 1);
    await late();
    await beside();
    await early();
    expect((await alice.ask("state"))[0]).toEqual({ same: "early", other: 1 });
  });

  test("different rooms both survive, for the socket and for who emits to them", async () => {
    const red = await halfway("move", "A", "join", "red");
    const blue = await halfway("move", "B", "join", "blue");
    await Promise.all([red(), blue()]);
    expect((await alice.ask("state"))[1]).toEqual(["blue", "red"]);
    expect(await alice.ask("who is in", "red")).toEqual([1]);
    expect(await alice.ask("who is in", "blue")).toEqual([1]);
  });

  test("leaving one room does not undo joining another, nor a key that is written meanwhile", async () => {
    await (await halfway("move", "first", "join", "old"))();
    const go = await halfway("move", "A", "leave", "old");
    const come = await halfway("move", "B", "join", "new");
    const put = await halfway("put", "C", "k", 1);
    await Promise.all([go(), come(), put()]);
    expect(await alice.ask("state")).toEqual([{ k: 1 }, ["new"]]);
    expect(await alice.ask("who is in", "old")).toEqual([0]);
  });
});
