import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import type {
  InboxEvent,
  InboxName,
  InboxOpener,
  OpenerChange,
} from "../../../lambdas/server/ports/inbox.ts";
import { createDynamoStore } from "../../../lambdas/store/dynamo-store.ts";
import type { DynamoFixture } from "../../support/dynamodb.ts";
import { startEmbedded } from "../../support/dynamodb-embedded.ts";
import type { DynamoWire } from "../../support/dynamodb-wire.ts";
import { HOUR, StoreBench } from "../../support/store-contract-bench.ts";

const bench = new StoreBench();
let dynamo: DynamoFixture;
let wire: DynamoWire;

beforeAll(async () => {
  dynamo = await startEmbedded();
  bench.use(createDynamoStore({ client: dynamo.client, table: dynamo.table, clock: bench.clock }));
  wire = dynamo.wire;
});

afterAll(() => dynamo.stop());

beforeEach(() => {
  wire.take();
});

const inbox = (): InboxName => ({ nsp: "/", inbox: bench.name("inbox") });
const event = (name: InboxName, key = "0000000010"): InboxEvent => ({
  ...name,
  key,
  tag: "t",
  data: '["mail"]',
});
const put = (one: InboxEvent): Promise<boolean> => bench.store.putInboxEvent(one, bench.clock.now() + HOUR);
const opener = (name = inbox()): Omit<InboxOpener, "version"> => ({
  ...name,
  id: bench.name("socket"),
  connectionId: bench.name("conn"),
  connectedAt: bench.clock.now(),
  number: 0,
  window: 32,
  state: "draining",
  sent: [],
  nextSeq: 0,
  posting: false,
  until: 0,
});
const live: OpenerChange = { state: "live", sent: [], nextSeq: 0, posting: false, until: 0 };

async function opened(): Promise<InboxOpener> {
  const one = await bench.store.putOpener(opener());
  if (!one) throw new Error("a fresh opener was refused");
  return one;
}

/** Puts an event and lists the inbox: how many are in it. */
const countIn = async (name: InboxName): Promise<number> =>
  (await bench.store.readInbox(name, 99)).events.length;

describe("inboxes in the table", () => {
  it("cost one request a step", async () => {
    const name = inbox();
    const { key, id } = await bench.open();
    wire.take();
    await put(event(name));
    await bench.store.readInbox(name, 9);
    await bench.store.readInboxEvent(event(name));
    await bench.store.deleteInboxEvent(event(name));
    expect(wire.operations()).toEqual(["PutItem", "Query", "GetItem", "DeleteItem"]);
    const one = await bench.store.putOpener(opener(name));
    await bench.store.readOpeners(name);
    if (one) await bench.store.readOpener(one);
    if (one) await bench.store.changeOpener(one, live);
    if (one) await bench.store.deleteOpener(one);
    expect(wire.operations()).toEqual(["PutItem", "Query", "GetItem", "UpdateItem", "DeleteItem"]);
    await bench.store.noteInbox(key, id, { seen: 0, number: 0, inbox: "a" }, []);
    await bench.store.dropInboxes(key, id, [0]);
    expect(wire.operations()).toEqual(["UpdateItem", "UpdateItem"]);
  });

  it("change an opener for one write unit, though a whole window is out", async () => {
    const one = await opened();
    const sent = Array.from({ length: 32 }, (_, i) => ({
      event: `0mywpiwwp${i % 2}-_-_`,
      seq: 16_777_000 + i,
    }));
    await bench.store.changeOpener(one, { ...live, sent, last: "0mywpiwwp0-_-_", until: bench.clock.now() });
    const [, changed] = await Promise.all([0, bench.store.readOpener(one)]);
    expect(JSON.stringify(changed).length).toBeGreaterThan(32 * 20);
    const [sending] = wire.take().filter(({ operation }) => operation === "UpdateItem");
    // Names and values of the item, a little more than this request sends.
    expect(JSON.stringify(sending?.body).length).toBeLessThan(1_650);
  });

  it("take an event once although a response was lost, and let nobody else have its key", async () => {
    const name = inbox();
    wire.loseResponseOf("PutItem");
    expect(await put(event(name))).toBe(true);
    expect(await countIn(name)).toBe(1);
    wire.loseRequestOf("PutItem");
    expect(await put(event(name))).toBe(false);
    wire.loseRequestOf("PutItem");
    expect(await put(event(name, "0000000020"))).toBe(true);
    expect(await countIn(name)).toBe(2);
  });

  it("open and change once although a response was lost", async () => {
    wire.loseResponseOf("PutItem");
    const one = await opened();
    wire.loseResponseOf("UpdateItem");
    const changed = await bench.store.changeOpener(one, live);
    expect(changed).toEqual(await bench.store.readOpener(one));
    wire.loseRequestOf("UpdateItem");
    expect(await bench.store.changeOpener(one, live)).toBeUndefined();
    wire.loseRequestOf("PutItem");
    expect(await bench.store.putOpener(one)).toBeUndefined();
  });

  it("are swept by who reads after events have expired", async () => {
    const name = inbox();
    for (let i = 0; i < 30; i++) await put(event(name, `00000000${i.toString(36)}0`));
    bench.pass(2 * HOUR);
    wire.take();
    expect(await countIn(name)).toBe(0);
    expect(wire.operations().filter((operation) => operation === "DeleteItem")).toHaveLength(25);
    expect(await countIn(name)).toBe(0);
    expect(wire.operations().filter((operation) => operation === "DeleteItem")).toHaveLength(5);
    expect(await countIn(name)).toBe(0);
    expect(wire.operations()).toEqual(["Query"]);
  });

  it("refuse an event that fits into no item, in the words of who emits it", async () => {
    const large = { ...event(inbox()), data: JSON.stringify("x".repeat(410_000)) };
    await expect(put(large)).rejects.toMatchObject({
      code: "STORE_ITEM_TOO_LARGE",
      message: expect.stringMatching(/^An event for the inbox "inbox-/),
    });
  });
});
