import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  ProvisionedThroughputExceededException,
} from "@aws-sdk/client-dynamodb";
import {
  BatchGetCommand,
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import { beforeEach, describe, expect, it } from "@jest/globals";
import { mockClient } from "aws-sdk-client-mock";
import { EVERYONE } from "../../../../lambdas/server/ports/rooms.ts";
import { createDynamoStore } from "../../../../lambdas/store/dynamo-store.ts";
import { translateError } from "../../../../lambdas/store/table/errors.ts";

const NOW = 1_800_000_000_000;
const table = "table";
const key = { connectionId: "c1", nsp: "/" };
const client = DynamoDBDocumentClient.from(new DynamoDBClient({ region: "local" }));
const mock = mockClient(client);
const waits: number[] = [];
const store = createDynamoStore({
  client,
  table,
  clock: {
    now: () => NOW,
    sleep: async (ms) => {
      waits.push(ms);
    },
  },
});

const connectionItem = (id: string, more: object = {}) => ({
  pk: `C#${id}`,
  sk: "@",
  v: 1,
  sid: "s",
  connectedAt: NOW,
  handshake: "{}",
  expiresAt: NOW / 1000 + 60,
  ...more,
});

const socketItem = (id: string, more: object = {}) => ({
  pk: `C#${id}`,
  sk: "S#/",
  v: 1,
  id: `socket of ${id}`,
  phase: "open",
  deadline: NOW,
  auth: "{}",
  token: "t",
  data: {},
  props: {},
  rooms: {},
  once: {},
  begunBy: "b",
  expiresAt: NOW / 1000 + 60,
  ...more,
});

const refusal = (attempts: number) =>
  new ConditionalCheckFailedException({ message: "The conditional request failed", $metadata: { attempts } });

const throttle = () =>
  new ProvisionedThroughputExceededException({ message: "slow down", $metadata: { attempts: 3 } });

const done = { $metadata: { attempts: 1 } };

beforeEach(() => {
  mock.reset();
  waits.length = 0;
  mock.on(PutCommand).resolves(done);
  mock.on(UpdateCommand).resolves(done);
  mock.on(DeleteCommand).resolves(done);
  mock.on(GetCommand).resolves(done);
  mock.on(QueryCommand).resolves({ ...done, Items: [] });
  mock.on(BatchGetCommand).resolves({ ...done, Responses: {} });
});

const socket = { ...key, id: "s1", deadline: 1, auth: "{}", token: "t", expiresAt: NOW };
const commit = { rooms: { a: "t" }, data: { d: "1" }, props: {}, rerunMiddlewares: false, running: 1 };
const packet = { nsp: "/", room: "r", id: "5", frames: ["2"], except: ["x"] };
const member = { nsp: "/", room: "r", id: "s1", connectionId: "c1", connectedAt: NOW, token: "t" };

async function useRecovery(): Promise<void> {
  const session = {
    pid: "p",
    nsp: "/",
    connectionId: "c1",
    connectedAt: 1,
    rowOn: "c1",
    tried: [],
    pending: 0,
    until: 1,
  };
  await store.endResuming(key, "s1");
  await store.removeRooms(key, "s1", ["a"], { until: "5", forget: [], forgotten: "4" });
  await store.holdMember({ ...member, hold: "p" });
  await store.releaseMember(member);
  await store.putSession(session, NOW);
  await store.readSession("p");
  await store.claimSession(session, { ...session, connectionId: "c2" }, NOW);
  await store.prolongResume(session, session);
  await store.goLive(session);
  await store.leaveToResume(session, NOW);
  await store.deleteSession(session);
  await store.putLog(packet, NOW);
  await store.finishLog({ ...packet, done: 1, missed: ["s1"] });
  for await (const page of store.listLog("/", "r", "1", "9")) expect(page).toBeDefined();
}

async function useEverything(): Promise<void> {
  await store.putConnection({ connectionId: "c1", sid: "s", connectedAt: NOW, handshake: "{}" });
  await store.claimOpen("c1", 0);
  await store.readConnection("c1");
  await store.sayBye("c1", "transport close", NOW);
  await store.deleteConnection("c1");
  await store.beginSocket(socket);
  await store.openSocket(key, "s1", commit);
  await store.settleSocket(key, "s1", { trace: "t", answers: ["1"] });
  await store.dropSocket(key, "s1");
  await store.forbidSocket(key, "s1", "transport close");
  await store.endSocket(key, "s1", "transport close", NOW);
  await store.readSocket(key);
  await store.readSockets([key]);
  await store.saveState(key, "s1", { data: { a: `"${"x".repeat(2_000)}"` } });
  await store.addRooms(key, "s1", { a: "t" });
  await store.removeRooms(key, "s1", ["a"]);
  await store.claimOnce(key, "s1", "x");
  await useRecovery();
  await store.putMember(member);
  await store.deleteMember(member);
  await store.deleteMemberOf("c1", member);
  for (const room of ["r", EVERYONE] as const) {
    for await (const page of store.listMembers("/", room)) expect(page).toBeDefined();
  }
  await store.putAsk("/", 1, NOW + 20_000);
  await store.putAnswer({ nsp: "/", id: "s1" }, 1, "[]");
  await store.readAnswer("s1", 1);
}

describe("what is sent to DynamoDB", () => {
  it("is consistent reads and single writes only, of the one table and never of an index", async () => {
    await useEverything();
    mock.on(UpdateCommand).rejects(refusal(2));
    mock.on(PutCommand).rejects(refusal(2));
    await useEverything();
    const allowed = ["Put", "Update", "Delete", "Get", "Query", "BatchGet"].map((name) => `${name}Command`);
    const commands = mock
      .calls()
      .map(({ firstArg: { constructor: kind, input } }) => ({ name: kind.name, input }));
    expect(new Set(commands.map(({ name }) => name))).toEqual(new Set(allowed));
    for (const { name, input } of commands) {
      expect(input).not.toHaveProperty("IndexName");
      // The embedded engine ignores it, so nothing may rest on it.
      expect(input).not.toHaveProperty("ReturnValuesOnConditionCheckFailure");
      if (name === "BatchGetCommand") {
        expect(Object.keys(input.RequestItems)).toEqual([table]);
        expect(input.RequestItems[table].ConsistentRead).toBe(true);
      } else {
        expect(input.TableName).toBe(table);
        if (["GetCommand", "QueryCommand"].includes(name)) expect(input.ConsistentRead).toBe(true);
      }
    }
  });

  it("has seconds in the TTL attribute", async () => {
    await store.putMember(member);
    const [call] = mock.commandCalls(PutCommand);
    expect(call?.args[0].input.Item?.expiresAt).toBe(NOW / 1000 + 2 * 3600 + 600);
  });
});

describe("a condition that failed", () => {
  it("is a value, and costs no read when the request was sent once", async () => {
    mock.on(UpdateCommand).rejects(refusal(1));
    mock.on(PutCommand).rejects(refusal(1));
    mock.on(DeleteCommand).rejects(refusal(1));
    expect(await store.sayBye("c1", "transport close", 1)).toBe(false);
    expect(await store.beginSocket(socket)).toBe(false);
    expect(await store.openSocket(key, "s1", commit)).toBe(false);
    expect(await store.settleSocket(key, "s1", { trace: "t", answers: [] })).toBeUndefined();
    expect(await store.forbidSocket(key, "s1", "transport close")).toBe(false);
    expect(await store.endSocket(key, "s1", "transport close", 1)).toBeUndefined();
    expect(await store.saveState(key, "s1", { data: { a: "1" } })).toBe(false);
    expect(await store.addRooms(key, "s1", { a: "t" })).toBe(false);
    expect(await store.removeRooms(key, "s1", ["a"])).toEqual({});
    expect(await store.claimOnce(key, "s1", "x")).toBe(false);
    expect(await store.endResuming(key, "s1")).toBeUndefined();
    const resume = {
      pid: "p",
      connectionId: "c1",
      rowOn: "c1",
      tried: [],
      connectedAt: 1,
      pending: 0,
      until: 1,
    };
    expect(await store.claimSession(resume, resume, NOW)).toBe(false);
    expect(await store.prolongResume(resume, resume)).toBe(false);
    expect(await store.goLive(resume)).toBe(false);
    expect(await store.leaveToResume(resume, NOW)).toBe(false);
    await store.putSession({ ...resume, nsp: "/" }, NOW);
    await store.deleteSession(resume);
    await store.putLog(packet, NOW);
    await store.finishLog({ ...packet, done: 1, missed: [] });
    await store.holdMember(member);
    await store.releaseMember(member);
    await store.dropSocket(key, "s1");
    await store.deleteMember(member);
    await store.deleteMemberOf("c1", member);
    await store.putAnswer({ nsp: "/", id: "s1" }, 1, "[]");
    expect(mock.commandCalls(GetCommand)).toHaveLength(0);
  });

  it("after a resend is a success if the row has this call's token, and only then", async () => {
    mock.on(UpdateCommand).rejects(refusal(2));
    mock.on(GetCommand).callsFake(() => {
      const [update] = mock.commandCalls(UpdateCommand).slice(-1);
      const values = Object.values(update?.args[0].input.ExpressionAttributeValues ?? {});
      return {
        ...done,
        Item: connectionItem("c1", { openBy: values.find((value) => typeof value === "string") }),
      };
    });
    expect(await store.claimOpen("c1", 0)).toBe("claimed");
    mock.on(GetCommand).resolves({ ...done, Item: connectionItem("c1", { openBy: "another call" }) });
    expect(await store.claimOpen("c1", 0)).toBe("over");
  });

  it("counts as resent when nobody says how often it was sent", async () => {
    mock
      .on(UpdateCommand)
      .rejects(
        new ConditionalCheckFailedException({ message: "The conditional request failed", $metadata: {} }),
      );
    expect(await store.sayBye("c1", "transport close", 1)).toBe(false);
    expect(mock.commandCalls(GetCommand)).toHaveLength(1);
  });
});

describe("a throttled table", () => {
  it("surfaces as an error with a code and the SDK's own as its cause", async () => {
    const cause = throttle();
    mock.on(QueryCommand).rejects(cause);
    mock.on(UpdateCommand).rejects(cause);
    mock.on(BatchGetCommand).rejects(cause);
    await expect(store.readConnection("c1")).rejects.toMatchObject({ code: "STORE_BUSY", cause });
    await expect(store.claimOpen("c1", 0)).rejects.toMatchObject({ code: "STORE_BUSY", cause });
    await expect(store.readSockets([key])).rejects.toMatchObject({ code: "STORE_BUSY", cause });
    const list = async () => {
      for await (const page of store.listMembers("/", EVERYONE)) expect(page).toBeUndefined();
    };
    await expect(list()).rejects.toMatchObject({ code: "STORE_BUSY", cause });
  });

  it("does not make a large value vanish: what may have been referred to is not deleted", async () => {
    mock.on(UpdateCommand).rejects(throttle());
    const large = { a: `"${"x".repeat(2_000)}"` };
    await expect(store.saveState(key, "s1", { data: large })).rejects.toMatchObject({ code: "STORE_BUSY" });
    await expect(store.openSocket(key, "s1", { ...commit, data: large })).rejects.toMatchObject({
      code: "STORE_BUSY",
    });
    expect(mock.commandCalls(PutCommand)).toHaveLength(2);
    expect(mock.commandCalls(DeleteCommand)).toHaveLength(0);
  });

  it("leaves the old value's item to the sweep when deleting it fails", async () => {
    mock.on(UpdateCommand).resolves({ ...done, Attributes: { data: { ".a": { aside: "old" } } } });
    mock.on(DeleteCommand).rejects(throttle());
    expect(await store.saveState(key, "s1", { data: { a: "1" } })).toBe(true);
    expect(mock.commandCalls(DeleteCommand)[0]?.args[0].input.Key).toEqual({ pk: "C#c1", sk: "D#old" });
  });
});

describe("keys that a batch left unread", () => {
  const keys = [key, { connectionId: "c2", nsp: "/" }];
  const unread = (pk: string, sk: string) => ({ UnprocessedKeys: { [table]: { Keys: [{ pk, sk }] } } });

  it("are asked for again, after a wait, and only they", async () => {
    mock
      .on(BatchGetCommand)
      .resolvesOnce({
        ...done,
        Responses: { [table]: [connectionItem("c1"), socketItem("c1"), connectionItem("c2")] },
        ...unread("C#c2", "S#/"),
      })
      .resolvesOnce({ ...done, Responses: {}, ...unread("C#c2", "S#/") })
      .resolvesOnce({ ...done, Responses: { [table]: [socketItem("c2")] } });
    const views = await store.readSockets(keys);
    expect(views.map((view) => view.socket.id).sort()).toEqual(["socket of c1", "socket of c2"]);
    const asked = mock
      .commandCalls(BatchGetCommand)
      .map(({ args }) => args[0].input.RequestItems?.[table]?.Keys);
    expect(asked.slice(1)).toEqual([[{ pk: "C#c2", sk: "S#/" }], [{ pk: "C#c2", sk: "S#/" }]]);
    expect(waits).toHaveLength(2);
  });

  it("end in an error when they stay unread", async () => {
    mock.on(BatchGetCommand).resolves({ ...done, Responses: {}, ...unread("C#c1", "@") });
    await expect(store.readSockets(keys)).rejects.toMatchObject({ code: "STORE_BUSY" });
    expect(waits.length).toBeGreaterThan(4);
    expect(waits.length).toBeLessThan(12);
  });
});

describe("an item that another version wrote, or something else", () => {
  it.each([
    ["a newer version", connectionItem("c1", { v: 2 }), /format version is 2/],
    ["no version", connectionItem("c1", { v: undefined }), /format version is undefined/],
    ["a text for a number", connectionItem("c1", { connectedAt: "now" }), /"connectedAt" should be a number/],
    ["an unknown phase", socketItem("c1", { phase: "asleep" }), /"phase" is "asleep"/],
    ["an unknown reason", socketItem("c1", { bye: "toString" }), /"bye" is "toString"/],
    ["a list for a map", socketItem("c1", { rooms: ["a"] }), /"rooms" should be a map/],
    [
      "a number in a map",
      socketItem("c1", { rooms: { ".a": 1 } }),
      /"rooms" holds an entry of an unknown form/,
    ],
    ["a list of rooms left", socketItem("c1", { left: ["a"] }), /"left" should be a map/],
    ["a text for a flag", socketItem("c1", { resuming: "no" }), /"resuming" should be a boolean/],
  ])("is an error that names the item: %s", async (_, item, message) => {
    mock.on(QueryCommand).resolves({ ...done, Items: [item] });
    await expect(store.readConnection("c1")).rejects.toMatchObject({
      code: "STORE_UNREADABLE_ITEM",
      message: expect.stringMatching(message),
    });
    await expect(store.readConnection("c1")).rejects.toThrow(/C#c1/);
  });

  it("is an error too when a row refers to a value that is not there", async () => {
    mock
      .on(QueryCommand)
      .resolves({ ...done, Items: [socketItem("c1", { data: { ".a": { aside: "gone" } } })] });
    await expect(store.readConnection("c1")).rejects.toMatchObject({ code: "STORE_UNREADABLE_ITEM" });
  });

  it("is no error for an item of an unknown kind beside the known ones", async () => {
    mock
      .on(QueryCommand)
      .resolves({ ...done, Items: [connectionItem("c1"), { pk: "C#c1", sk: "Z#1", v: 9 }] });
    expect((await store.readConnection("c1")).connection?.sid).toBe("s");
  });
});

describe("rows of recovery that another version wrote, or something else", () => {
  const session = {
    ...{
      pk: "P#p",
      sk: "@",
      v: 1,
      nsp: "/",
      conn: "c1",
      at: 1,
      rowOn: "c1",
      tried: [],
      state: "live",
      pending: 0,
      until: 0,
    },
    expiresAt: NOW / 1000 + 60,
  };

  it("are errors that say what is wrong", async () => {
    mock.on(GetCommand).resolves({ ...done, Item: { ...session, state: "asleep" } });
    await expect(store.readSession("p")).rejects.toThrow(/"state" is "asleep"/);
    mock.on(GetCommand).resolves({ ...done, Item: { ...session, v: 2 } });
    await expect(store.readSession("p")).rejects.toMatchObject({ code: "STORE_UNREADABLE_ITEM" });
    const row = { pk: "L#/#r", sk: "5", v: 1, frames: "2", expiresAt: NOW / 1000 + 60 };
    mock.on(QueryCommand).resolves({ ...done, Items: [row] });
    const list = async () => {
      for await (const page of store.listLog("/", "r", "1")) expect(page).toBeUndefined();
    };
    await expect(list()).rejects.toThrow(/L#\/#r \/ 5 .*"frames" should be a list/);
  });

  it("tell what room was left and when by the name of an entry", async () => {
    mock.on(GetCommand).resolves({ ...done, Item: socketItem("c1", { left: { ".a#5": "t" } }) });
    expect((await store.readSocket(key))?.left).toEqual([{ room: "a", token: "t", until: "5" }]);
  });
});

describe("translating DynamoDB's errors", () => {
  const named = (name: string, message: string) => Object.assign(new Error(message), { name });

  it.each([
    ["ValidationException", "Item size has exceeded the maximum allowed size", "STORE_ITEM_TOO_LARGE"],
    [
      "ValidationException",
      "Item size to update has exceeded the maximum allowed size",
      "STORE_ITEM_TOO_LARGE",
    ],
    ["ThrottlingException", "Rate exceeded", "STORE_BUSY"],
    ["RequestLimitExceeded", "Too many", "STORE_BUSY"],
  ])("%s: %s", (name, message, code) => {
    const error = translateError(named(name, message), "The state of socket s1", 500_000);
    expect(error).toMatchObject({ code, message: expect.stringContaining("The state of socket s1") });
  });

  it("leaves alone what it does not know", () => {
    const other = named("ValidationException", "Expression size has exceeded the maximum allowed size");
    expect(translateError(other, "x", 0)).toBe(other);
    expect(translateError("text", "x", 0)).toBe("text");
  });
});
