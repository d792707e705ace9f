import { DynamoDBClient, ThrottlingException } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, QueryCommand } from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { mockClient } from "aws-sdk-client-mock";
import { EVERYONE } from "../../../lambdas/server/ports/rooms.ts";
import type { Leaving } from "../../../lambdas/server/ports/sockets.ts";
import type { Store } from "../../../lambdas/server/ports/store.ts";
import { createDynamoStore } from "../../../lambdas/store/dynamo-store.ts";
import { connectionPk } from "../../../lambdas/store/keys.ts";
import { LOG_PAGE_SIZE } from "../../../lambdas/store/log.ts";
import type { DynamoFixture } from "../../support/dynamodb.ts";
import { startEmbedded } from "../../support/dynamodb-embedded.ts";
import type { DynamoWire } from "../../support/dynamodb-wire.ts";
import { HOUR, largeJson, MINUTE, type OpenSocket, StoreBench } from "../../support/store-contract-bench.ts";
import { offset } from "../../support/store-contract-log.ts";

const bench = new StoreBench();
let dynamo: DynamoFixture;
let wire: DynamoWire;

beforeAll(async () => {
  dynamo = await startEmbedded();
  bench.use(storeWith({}));
  wire = dynamo.wire;
});

afterAll(async () => {
  await dynamo.stop();
});

beforeEach(() => {
  wire.take();
});

function storeWith(settings: { readonly keepEndedMs?: number }): Store {
  return createDynamoStore({ client: dynamo.client, table: dynamo.table, clock: bench.clock, ...settings });
}

async function withSession(rooms: Readonly<Record<string, string>>): Promise<OpenSocket> {
  const connection = await bench.connection();
  const key = { connectionId: connection.connectionId, nsp: "/" };
  const socket = { ...bench.newSocket(key.connectionId), pid: bench.name("pid") };
  await bench.store.beginSocket(socket);
  await bench.store.openSocket(key, socket.id, bench.commit({ rooms }));
  wire.take();
  return { key, id: socket.id, connection };
}

/** A session that connection `c2` resumes. */
async function resumed(): Promise<{ readonly pid: string; readonly until: number }> {
  const pid = bench.name("pid");
  const at = bench.clock.now();
  await bench.store.putSession({ pid, nsp: "/", connectionId: "c1", connectedAt: at }, at + HOUR);
  const until = at + MINUTE;
  const claim = { connectionId: "c2", connectedAt: at + 1, rowOn: "c1", tried: [], until };
  await bench.store.claimSession({ pid, connectionId: "c1", rowOn: "c1" }, claim, at + HOUR);
  wire.take();
  return { pid, until };
}

const logRow = (n: number, frames: readonly string[] = [`42["m",${n}]`]) => ({
  ...{ nsp: "/", room: bench.name("room"), id: offset(n), frames, except: [] },
});
const later = () => bench.clock.now() + HOUR;
const leaving = (until: string, more: Partial<Leaving> = {}): Leaving => ({ until, forget: [], ...more });

describe("what recovery costs", () => {
  it("looks up a socket's rooms in one read, which workers have the right to, whatever state it has", async () => {
    const { key } = await bench.open({ data: { big: largeJson(5_000) } });
    wire.take();
    await bench.store.readRooms(key);
    expect(wire.operations()).toEqual(["GetItem"]);
  });

  it("is one request for each step of a session", async () => {
    const pid = bench.name("pid");
    const at = bench.clock.now();
    const seen = { pid, connectionId: "c1", rowOn: "c1" };
    const own = { pid, connectionId: "c2" };
    await bench.store.putSession({ ...seen, nsp: "/", connectedAt: at }, later());
    await bench.store.readSession(pid);
    const claim = { connectionId: "c2", connectedAt: at + 1, rowOn: "c1", tried: [], until: at };
    await bench.store.claimSession(seen, claim, later());
    await bench.store.claimSession(seen, claim, later());
    await bench.store.leaveToResume(own, at);
    await bench.store.leaveToResume(own, at + 1);
    await bench.store.prolongResume({ ...own, until: at }, { until: at + MINUTE });
    await bench.store.goLive({ ...own, pending: 0 });
    await bench.store.goLive({ ...own, pending: 1 });
    await bench.store.deleteSession(own);
    const updates = Array.from({ length: 7 }, () => "UpdateItem");
    expect(wire.operations()).toEqual(["PutItem", "GetItem", ...updates, "DeleteItem"]);
  });

  it("is two writes for a packet, one Query to read a log, and one write for a membership", async () => {
    const row = logRow(1);
    await bench.store.putLog(row, later());
    await bench.store.finishLog({ ...row, done: 1, missed: ["s1"] });
    for await (const page of bench.store.listLog("/", row.room, "0")) expect(page).toHaveLength(1);
    for await (const page of bench.store.listLog("/", EVERYONE, "0")) expect(page).toBeUndefined();
    for await (const page of bench.store.listLog("/", EVERYONE, "2", "1")) expect(page).toBeUndefined();
    const member = bench.member(row.room, { hold: "p" });
    await bench.store.holdMember(member);
    await bench.store.releaseMember(member);
    expect(wire.operations()).toEqual([
      ...["PutItem", "UpdateItem", "Query", "Query", "PutItem", "UpdateItem"],
    ]);
  });

  it("is one write for up to 25 rooms that are left, and a read where one was not there", async () => {
    const rooms = Object.fromEntries(Array.from({ length: 26 }, (_, i) => [`r${i}`, "t"]));
    const { key, id } = await withSession({ ...rooms, a: "t", b: "t" });
    await bench.store.removeRooms(key, id, ["a"], leaving("1"));
    expect(wire.operations()).toEqual(["UpdateItem"]);
    await bench.store.removeRooms(key, id, ["a"], leaving("2"));
    expect(wire.operations()).toEqual(["UpdateItem", "GetItem"]);
    await bench.store.removeRooms(key, id, ["a", "b"], leaving("3"));
    expect(wire.operations()).toEqual(["UpdateItem", "GetItem", "UpdateItem"]);
    await bench.store.removeRooms(key, id, Object.keys(rooms), leaving("4"));
    expect(wire.operations()).toEqual(["UpdateItem", "UpdateItem"]);
    await bench.store.removeRooms(key, id, [], leaving("5"));
    await bench.store.removeRooms(key, "other", ["a"], leaving("5"));
    expect(wire.operations()).toEqual(["UpdateItem", "GetItem"]);
  });

  it("is no page of a log that its reader does not ask for", async () => {
    const { room } = logRow(0);
    const rows = Array.from({ length: LOG_PAGE_SIZE * 2 + 1 }, (_, n) => ({ ...logRow(n), room }));
    await Promise.all(rows.map((row) => bench.store.putLog(row, later())));
    wire.take();
    for await (const page of bench.store.listLog("/", room, "0")) {
      expect(page).toHaveLength(LOG_PAGE_SIZE);
      break;
    }
    expect(wire.operations()).toEqual(["Query"]);
    const sizes: number[] = [];
    for await (const page of bench.store.listLog("/", room, "0")) sizes.push(page.length);
    expect(sizes).toEqual([LOG_PAGE_SIZE, LOG_PAGE_SIZE, 1]);
    expect(wire.operations()).toEqual(["Query", "Query", "Query"]);
  });
});

describe("a response of a resume that is lost", () => {
  it("leaves the winner the winner", async () => {
    const pid = bench.name("pid");
    const at = bench.clock.now();
    const seen = { pid, connectionId: "c1", rowOn: "c1" };
    const own = { pid, connectionId: "c2" };
    wire.loseResponseOf("PutItem");
    await bench.store.putSession({ ...seen, nsp: "/", connectedAt: at }, later());
    wire.loseResponseOf("UpdateItem");
    const claim = { connectionId: "c2", connectedAt: at + 1, rowOn: "c1", tried: [], until: at };
    expect(await bench.store.claimSession(seen, claim, later())).toBe(true);
    wire.loseResponseOf("UpdateItem");
    expect(await bench.store.prolongResume({ ...own, until: at }, { until: at + MINUTE })).toBe(true);
    wire.loseResponseOf("UpdateItem");
    expect(await bench.store.goLive({ ...own, pending: 0 })).toBe(true);
    expect(await bench.store.readSession(pid)).toMatchObject({ state: "live", rowOn: "c2", pending: 0 });
  });

  it("leaves the loser the loser", async () => {
    const { pid, until } = await resumed();
    const own = { pid, connectionId: "c2" };
    const at = bench.clock.now();
    const claim = { connectionId: "c3", connectedAt: at + 2, rowOn: "c1", tried: [], until };
    const lost = async (call: () => Promise<boolean>) => {
      wire.loseRequestOf("UpdateItem");
      return await call();
    };
    expect(
      await lost(() => bench.store.claimSession({ pid, connectionId: "c1", rowOn: "c1" }, claim, later())),
    ).toBe(false);
    expect(await lost(() => bench.store.prolongResume({ ...own, until: 1 }, { until: 2 }))).toBe(false);
    await bench.store.leaveToResume(own, at);
    expect(await lost(() => bench.store.goLive({ ...own, pending: 0 }))).toBe(false);
    expect(await lost(() => bench.store.leaveToResume({ pid, connectionId: "c1" }, at))).toBe(false);
    expect(await bench.store.readSession(pid)).toMatchObject({ connectionId: "c2", pending: 1, until });
  });

  it("makes nobody the winner whom a later connection has overtaken", async () => {
    const { pid, until } = await resumed();
    const connectedAt = bench.clock.now() + 9;
    const takeOver = async () => {
      const seen = { pid, connectionId: "c2", rowOn: "c1" };
      await bench.store.claimSession(
        seen,
        { connectionId: "c9", connectedAt, rowOn: "c1", tried: [], until: 5 },
        later(),
      );
    };
    wire.loseResponseOf("UpdateItem", takeOver);
    const own = { pid, connectionId: "c2", until };
    expect(await bench.store.prolongResume(own, { until: until + 1 })).toBe(false);
    expect(await bench.store.readSession(pid)).toMatchObject({ connectionId: "c9", until: 5 });
  });

  it("does not have a packet posted that the resume has sent before it went live", async () => {
    const { pid } = await resumed();
    const own = { pid, connectionId: "c2" };
    wire.loseResponseOf("UpdateItem", async () => {
      expect(await bench.store.goLive({ ...own, pending: 1 })).toBe(true);
    });
    expect(await bench.store.leaveToResume(own, bench.clock.now())).toBe(true);
    expect(await bench.store.readSession(pid)).toMatchObject({ state: "live", pending: 1 });
  });

  it("counts a packet at least once while the resume goes on", async () => {
    const { pid } = await resumed();
    const own = { pid, connectionId: "c2" };
    wire.loseResponseOf("UpdateItem");
    expect(await bench.store.leaveToResume(own, bench.clock.now())).toBe(true);
    expect((await bench.store.readSession(pid))?.pending).toBe(2);
    expect(await bench.store.goLive({ ...own, pending: 0 })).toBe(false);
  });

  it("does not lose the memory of rooms that were left; the member rows still have their tokens", async () => {
    const { key, id } = await withSession({ a: "ta", b: "tb", c: "tc" });
    wire.loseResponseOf("UpdateItem");
    expect(await bench.store.removeRooms(key, id, ["a", "b"], leaving("5"))).toEqual({});
    wire.loseRequestOf("UpdateItem");
    expect(await bench.store.removeRooms(key, id, ["a"], leaving("6"))).toEqual({});
    const row = await bench.store.readSocket(key);
    expect(row?.rooms).toEqual({ c: "tc" });
    expect([...(row?.left ?? [])].sort((x, y) => (x.room < y.room ? -1 : 1))).toEqual([
      { room: "a", token: "ta", until: "5" },
      { room: "b", token: "tb", until: "5" },
    ]);
  });

  it("remembers both stays when a room is joined again before the leave is sent again", async () => {
    const { key, id } = await withSession({ a: "first" });
    wire.loseResponseOf("UpdateItem", async () => {
      await bench.store.addRooms(key, id, { a: "second" });
    });
    expect(await bench.store.removeRooms(key, id, ["a"], leaving("5"))).toEqual({ a: "second" });
    // Of one `until` the first stay is kept, which began earlier and covers the second.
    expect((await bench.store.readSocket(key))?.left).toEqual([{ room: "a", token: "first", until: "5" }]);
  });

  it("gives the ender the record as it was, without the end", async () => {
    const { key, id } = await withSession({ a: "ta" });
    const before = await bench.store.readSocket(key);
    wire.loseResponseOf("UpdateItem");
    const record = await bench.store.endSocket(key, id, "transport close", 7);
    expect(record).toEqual(before);
    expect(record).not.toHaveProperty("endedAt");
    expect((await bench.store.readSocket(key))?.endedAt).toBe(7);
  });

  it("tells the rooms of a socket that has caught up", async () => {
    const { key, id } = await bench.open({ resuming: true, rooms: { a: "t" } });
    wire.loseResponseOf("UpdateItem");
    expect(await bench.store.endResuming(key, id)).toEqual({ a: "t" });
  });

  it("does not make a finished packet unfinished when it arrives late", async () => {
    const row = logRow(1);
    wire.loseResponseOf("PutItem", async () => {
      await bench.store.finishLog({ ...row, done: 5, missed: ["s1"] });
    });
    await bench.store.putLog(row, later());
    for await (const rows of bench.store.listLog("/", row.room, "0")) {
      expect(rows).toEqual([{ ...row, done: 5, missed: ["s1"] }]);
    }
  });
});

describe("what recovery stores", () => {
  it("is no packet over 400 KB, and says to whom it was", async () => {
    const row = logRow(1, ["x".repeat(410_000)]);
    await expect(bench.store.putLog(row, later())).rejects.toMatchObject({
      code: "STORE_ITEM_TOO_LARGE",
      message: expect.stringMatching(/^A packet to room "room-.* in namespace "\/" cannot be stored/),
    });
    await expect(bench.store.putLog({ ...row, room: EVERYONE }, later())).rejects.toMatchObject({
      message: expect.stringMatching(/^A packet to everyone in namespace/),
    });
  });

  it("is a packet without its end where those who missed it do not fit in", async () => {
    const row = logRow(1, ["x".repeat(409_000)]);
    await bench.store.putLog(row, later());
    const missed = Array.from({ length: 500 }, (_, i) => `socket ${i}`);
    await bench.store.finishLog({ ...row, done: 5, missed });
    for await (const rows of bench.store.listLog("/", row.room, "0")) {
      expect(rows).toEqual([{ ...row, missed: [] }]);
    }
  });

  it("outlives the time a client may be away: large values as long as their row", async () => {
    const keepEndedMs = 72 * HOUR;
    const store = storeWith({ keepEndedMs });
    const socket = bench.newSocket(bench.name("conn"));
    await store.beginSocket(socket);
    await store.openSocket(socket, socket.id, bench.commit({ data: { a: largeJson(5_000) } }));
    bench.pass(2 * HOUR);
    await store.endSocket(socket, socket.id, "transport close", bench.clock.now());
    const { Items = [] } = await dynamo.client.send(
      new QueryCommand({
        TableName: dynamo.table,
        KeyConditionExpression: "pk = :pk",
        ExpressionAttributeValues: { ":pk": connectionPk(socket.connectionId) },
        ConsistentRead: true,
      }),
    );
    const [aside, row] = Items.map(({ expiresAt }) => Number(expiresAt));
    expect(row).toBe((bench.clock.now() + keepEndedMs) / 1000);
    expect(aside).toBeGreaterThanOrEqual(row ?? 0);
  });

  it("is any name that can be joined: it can be left too", async () => {
    const room = "r".repeat(65_499);
    const { key, id } = await withSession({ a: "t" });
    expect(await bench.store.addRooms(key, id, { [room]: "tr" })).toBe(true);
    expect(await bench.store.removeRooms(key, id, [room], leaving(offset(1)))).toEqual({ [room]: "tr" });
    expect((await bench.store.readSocket(key))?.left).toEqual([{ room, token: "tr", until: offset(1) }]);
  });

  it("keeps the secret of a session out of errors", async () => {
    const pid = bench.name("secret");
    const client = DynamoDBDocumentClient.from(new DynamoDBClient({ region: "local" }));
    mockClient(client).rejects(new ThrottlingException({ message: "slow", $metadata: {} }));
    const store = createDynamoStore({
      client,
      table: dynamo.table,
      clock: bench.clock,
    });
    const own = { pid, connectionId: "c1" };
    const calls: readonly Promise<unknown>[] = [
      store.readSession(pid),
      store.putSession({ ...own, nsp: "/", connectedAt: 1 }, 1),
      store.goLive({ ...own, pending: 0 }),
      store.leaveToResume(own, 1),
      store.deleteSession(own),
    ];
    for (const result of await Promise.allSettled(calls)) {
      expect(result.status).toBe("rejected");
      expect(String(result.status === "rejected" && result.reason)).toMatch(/STORE|session/);
      expect(String(result.status === "rejected" && result.reason)).not.toContain(pid);
    }
  });
});
