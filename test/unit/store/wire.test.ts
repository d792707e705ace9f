import { QueryCommand } from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { EVERYONE } from "../../../lambdas/server/ports/rooms.ts";
import { createDynamoStore } from "../../../lambdas/store/dynamo-store.ts";
import { connectionPk } from "../../../lambdas/store/keys.ts";
import type { DynamoFixture } from "../../support/dynamodb.ts";
import { startEmbedded } from "../../support/dynamodb-embedded.ts";
import type { DynamoWire } from "../../support/dynamodb-wire.ts";
import { largeJson, MINUTE, StoreBench } from "../../support/store-contract-bench.ts";

const bench = new StoreBench();
let dynamo: DynamoFixture;
let wire: DynamoWire;

beforeAll(async () => {
  dynamo = await startEmbedded();
  bench.use(createDynamoStore({ client: dynamo.client, table: dynamo.table, clock: bench.clock }));
  wire = dynamo.wire;
});

afterAll(async () => {
  await dynamo.stop();
});

beforeEach(() => {
  wire.take();
});

/** Sort keys of everything under a connection, expired or not. */
async function itemsOf(connectionId: string): Promise<readonly string[]> {
  const { Items = [] } = await dynamo.client.send(
    new QueryCommand({
      TableName: dynamo.table,
      KeyConditionExpression: "pk = :pk",
      ExpressionAttributeValues: { ":pk": connectionPk(connectionId) },
      ConsistentRead: true,
    }),
  );
  return Items.map(({ sk }) => String(sk));
}

const asidesOf = async (connectionId: string) =>
  (await itemsOf(connectionId)).filter((sk) => sk.startsWith("D#"));

describe("what a method costs", () => {
  it("is one Query for an event, large values included", async () => {
    const { key } = await bench.open({ data: { a: largeJson(2_000) }, rooms: { lobby: "t" } });
    wire.take();
    await bench.store.readConnection(key.connectionId);
    expect(wire.operations()).toEqual(["Query"]);
  });

  it("is one read more for a large auth, and only where it is asked for", async () => {
    const { connectionId } = await bench.connection();
    const large = { ...bench.newSocket(connectionId, "/large"), auth: largeJson(5_000) };
    wire.take();
    await bench.store.beginSocket(large);
    await bench.store.beginSocket(bench.newSocket(connectionId, "/small"));
    expect(wire.take().map(({ operation }) => operation)).toEqual(["PutItem", "PutItem", "PutItem"]);
    await bench.store.readConnection(connectionId, "/small");
    expect(wire.operations()).toEqual(["Query"]);
    wire.take();
    await bench.store.readConnection(connectionId, "/large");
    expect(wire.operations()).toEqual(["Query", "BatchGetItem"]);
  });

  it("is a delete for a row that has expired, once: clients can leave any number of namespaces", async () => {
    const { key, id, connection } = await bench.open({}, "/left");
    await bench.openOn(connection);
    await bench.store.endSocket(key, id, "client namespace disconnect", 1);
    bench.pass(6 * MINUTE);
    wire.take();
    expect((await bench.store.readConnection(key.connectionId)).socketCount).toBe(1);
    expect(wire.operations()).toEqual(["Query", "DeleteItem"]);
    wire.take();
    await bench.store.readConnection(key.connectionId);
    expect(wire.operations()).toEqual(["Query"]);
  });

  it("is one write for each step of a connection's and a socket's life", async () => {
    const { connectionId } = await bench.connection();
    const socket = bench.newSocket(connectionId);
    await bench.store.claimOpen(connectionId, 0);
    await bench.store.beginSocket(socket);
    await bench.store.openSocket(socket, socket.id, bench.commit({ data: { a: "1" } }));
    await bench.store.settleSocket(socket, socket.id, { trace: "t", answers: [] });
    await bench.store.saveState(socket, socket.id, { data: { a: "2", b: "3" }, props: { c: "4" } });
    await bench.store.addRooms(socket, socket.id, { a: "t", b: "t" });
    await bench.store.removeRooms(socket, socket.id, ["a", "b"]);
    await bench.store.claimOnce(socket, socket.id, "x");
    await bench.store.endSocket(socket, socket.id, "transport close", 1);
    await bench.store.sayBye(connectionId, "transport close", 1);
    await bench.store.deleteConnection(connectionId);
    expect(wire.operations()).toEqual([
      "PutItem",
      "UpdateItem",
      "PutItem",
      ...Array.from({ length: 8 }, () => "UpdateItem"),
      "DeleteItem",
    ]);
  });

  it("is nothing for nothing to do", async () => {
    const { key, id } = await bench.open();
    wire.take();
    await bench.store.saveState(key, id, {});
    await bench.store.saveState(key, id, { data: {}, props: {} });
    await bench.store.addRooms(key, id, {});
    await bench.store.removeRooms(key, id, []);
    await bench.store.readSockets([]);
    expect(wire.operations()).toEqual([]);
  });

  it("is no more when a race was lost", async () => {
    const { key, id } = await bench.open();
    await bench.store.claimOpen(key.connectionId, 0);
    wire.take();
    expect(await bench.store.openSocket(key, id, bench.commit())).toBe(false);
    expect(await bench.store.beginSocket(bench.newSocket(key.connectionId))).toBe(false);
    expect(wire.operations()).toEqual(["UpdateItem", "PutItem"]);
  });

  it("is one read more to say why a connection cannot be opened", async () => {
    const { connectionId } = await bench.connection();
    await bench.store.claimOpen(connectionId, 0);
    wire.take();
    expect(await bench.store.claimOpen(connectionId, 0)).toBe("over");
    expect(wire.operations()).toEqual(["UpdateItem", "GetItem"]);
  });

  it("leaves a connection to be opened whose row is put while it is looked for", async () => {
    const connectionId = bench.name("late");
    wire.loseRequestOf("GetItem", () =>
      bench.store.putConnection({ connectionId, sid: "s", connectedAt: bench.clock.now(), handshake: "{}" }),
    );
    expect(await bench.store.claimOpen(connectionId, 0)).toBe("absent");
    expect(await bench.store.claimOpen(connectionId, 0)).toBe("claimed");
  });

  it("is one Query for a room, four for everyone, and one read or write for a membership", async () => {
    const member = bench.member(bench.name("room"));
    await bench.store.putMember(member);
    await bench.members("/", member.room);
    await bench.store.readMember(member);
    await bench.store.deleteMember(member);
    await bench.store.deleteMemberOf("none", member);
    expect(wire.operations()).toEqual(["PutItem", "Query", "GetItem", "DeleteItem", "DeleteItem"]);
    await bench.members(bench.name("/nsp"), EVERYONE);
    expect(wire.operations()).toEqual(["Query", "Query", "Query", "Query"]);
  });

  it("is one batch for fifty sockets with their connections", async () => {
    const opened = await Promise.all(Array.from({ length: 50 }, () => bench.open()));
    wire.take();
    expect(await bench.store.readSockets(opened.map(({ key }) => key))).toHaveLength(50);
    expect(wire.operations()).toEqual(["BatchGetItem"]);
  });
});

describe("a response that is lost after the write has succeeded", () => {
  it("leaves the winner the winner", async () => {
    const { connectionId } = await bench.connection();
    const socket = bench.newSocket(connectionId);
    wire.loseResponseOf("UpdateItem");
    expect(await bench.store.claimOpen(connectionId, 0)).toBe("claimed");
    wire.loseResponseOf("PutItem");
    expect(await bench.store.beginSocket(socket)).toBe(true);
    wire.loseResponseOf("UpdateItem");
    expect(await bench.store.openSocket(socket, socket.id, bench.commit({ data: { a: "1" } }))).toBe(true);
    wire.loseResponseOf("UpdateItem");
    expect(await bench.store.claimOnce(socket, socket.id, "__proto__")).toBe(true);
    wire.loseResponseOf("UpdateItem");
    expect(await bench.store.sayBye(connectionId, "transport close", 1)).toBe(true);
    expect(wire.operations().filter((operation) => operation === "GetItem")).toHaveLength(5);
  });

  it("leaves the loser the loser, who cannot know which sending was lost", async () => {
    const { key, id, connection } = await bench.open();
    await bench.store.claimOpen(key.connectionId, 0);
    await bench.store.claimOnce(key, id, "x");
    await bench.store.endSocket(key, id, "transport close", 1);
    await bench.store.sayBye(key.connectionId, "transport close", 1);
    const other = await bench.openOn(connection, {}, "/other");
    wire.take();
    const resent = (operation: string, call: () => Promise<unknown>) => {
      wire.loseRequestOf(operation);
      return call();
    };
    expect(await resent("UpdateItem", () => bench.store.claimOpen(key.connectionId, 0))).toBe("over");
    expect(await resent("UpdateItem", () => bench.store.claimOnce(key, id, "x"))).toBe(false);
    expect(
      await resent("UpdateItem", () => bench.store.endSocket(key, id, "ping timeout", 2)),
    ).toBeUndefined();
    expect(await resent("UpdateItem", () => bench.store.sayBye(key.connectionId, "ping timeout", 2))).toBe(
      false,
    );
    const again = bench.newSocket(key.connectionId, "/other");
    expect(await resent("PutItem", () => bench.store.beginSocket(again))).toBe(false);
    const { key: otherKey, id: otherId } = other;
    expect(await resent("UpdateItem", () => bench.store.openSocket(otherKey, otherId, bench.commit()))).toBe(
      false,
    );
    expect(wire.operations().filter((operation) => operation === "GetItem")).toHaveLength(6);
  });

  it("gives the ender the record as it was, large values too", async () => {
    const { key, id } = await bench.open({ data: { a: largeJson(4_000), b: "1" }, rooms: { lobby: "t" } });
    const before = await bench.store.readSocket(key);
    wire.loseResponseOf("UpdateItem");
    expect(await bench.store.endSocket(key, id, "transport close", 1)).toEqual(before);
    expect(await bench.store.endSocket(key, id, "transport close", 1)).toBeUndefined();
  });

  it("loses the tokens of left rooms, which the member rows still have", async () => {
    const { key, id } = await bench.open({ rooms: { a: "ta", b: "tb" } });
    wire.loseResponseOf("UpdateItem");
    expect(await bench.store.removeRooms(key, id, ["a", "never"])).toEqual({});
    expect((await bench.store.readSocket(key))?.rooms).toEqual({ b: "tb" });
  });

  it("does not make a writer delete its own large value", async () => {
    const { key, id } = await bench.open({ data: { a: largeJson(2_000, "0") } });
    wire.loseResponseOf("UpdateItem");
    expect(await bench.store.saveState(key, id, { data: { a: largeJson(2_000, "1") } })).toBe(true);
    expect((await bench.store.readSocket(key))?.data).toEqual({ a: largeJson(2_000, "1") });
  });

  it("does not take back what came since a connection was put", async () => {
    wire.loseResponseOf("PutItem");
    const record = await bench.connection();
    expect((await bench.store.readConnection(record.connectionId)).connection).toEqual(record);
    await bench.store.putAsk("/", 1, bench.clock.now() + 20_000);
    wire.loseResponseOf("PutItem");
    await bench.store.putAnswer({ nsp: "/", id: record.sid }, 1, "[1]");
    expect(await bench.store.readAnswer(record.sid, 1)).toBe("[1]");
  });
});

describe("items of large values", () => {
  it("go when their value is replaced, shrinks or is removed, and only they", async () => {
    const { key, id } = await bench.open({ data: { a: largeJson(2_000), b: largeJson(2_000) } });
    expect(await asidesOf(key.connectionId)).toHaveLength(2);
    await bench.store.saveState(key, id, { data: { a: largeJson(3_000) } });
    expect(await asidesOf(key.connectionId)).toHaveLength(2);
    await bench.store.saveState(key, id, { data: { a: "1" } });
    expect(await asidesOf(key.connectionId)).toHaveLength(1);
    await bench.store.saveState(key, id, { data: { b: undefined } });
    expect(await asidesOf(key.connectionId)).toEqual([]);
  });

  it("do not stay behind a refused write", async () => {
    const { key, id } = await bench.open();
    await bench.store.saveState(key, "other", { data: { a: largeJson(2_000) } });
    await bench.store.openSocket(key, id, bench.commit({ props: { a: largeJson(2_000) } }));
    expect(await asidesOf(key.connectionId)).toEqual([]);
  });

  it("are swept ten minutes after a crash has left them, and not earlier", async () => {
    const { key, id } = await bench.open({ data: { kept: largeJson(2_000) } });
    await bench.store.endSocket(key, id, "client namespace disconnect", 1);
    const next = bench.newSocket(key.connectionId);
    await bench.store.beginSocket(next);
    await bench.store.openSocket(key, next.id, bench.commit({ data: { mine: largeJson(1_500) } }));
    await bench.store.readConnection(key.connectionId);
    expect(await asidesOf(key.connectionId)).toHaveLength(2);
    bench.pass(11 * MINUTE);
    await bench.store.readConnection(key.connectionId);
    expect(await asidesOf(key.connectionId)).toHaveLength(1);
    expect((await bench.store.readSocket(key))?.data).toEqual({ mine: largeJson(1_500) });
  });
});

describe("what cannot be stored", () => {
  it("is a state over 400 KB, with a stable code, and the socket stays as it was", async () => {
    const { key, id } = await bench.open({ data: { a: "1" } });
    const many = Object.fromEntries(Array.from({ length: 450 }, (_, i) => [`k${i}`, largeJson(1_000)]));
    await expect(bench.store.saveState(key, id, { data: many })).rejects.toMatchObject({
      code: "STORE_ITEM_TOO_LARGE",
      message: expect.stringMatching(/socket .*400|409600/s),
    });
    await expect(bench.store.saveState(key, id, { data: { a: largeJson(420_000) } })).rejects.toMatchObject({
      code: "STORE_ITEM_TOO_LARGE",
    });
    expect((await bench.store.readSocket(key))?.data.a).toBe("1");
  });

  it("is a name over 64 KB", async () => {
    const { key, id } = await bench.open();
    await expect(bench.store.addRooms(key, id, { ["r".repeat(70_000)]: "t" })).rejects.toMatchObject({
      code: "STORE_NAME_TOO_LONG",
      message: expect.stringContaining("65500"),
    });
  });
});
