import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import type { HeartbeatStore } from "../../../lambdas/server/ports/heartbeat.ts";
import { createDynamoStore } from "../../../lambdas/store/dynamo-store.ts";
import { createHeartbeatStore } from "../../../lambdas/store/heartbeats.ts";
import { HEARTBEAT_SHARDS } from "../../../lambdas/store/keys.ts";
import type { DynamoFixture } from "../../support/dynamodb.ts";
import { startEmbedded } from "../../support/dynamodb-embedded.ts";
import type { DynamoWire } from "../../support/dynamodb-wire.ts";
import { MINUTE, StoreBench } from "../../support/store-contract-bench.ts";

const bench = new StoreBench();
let dynamo: DynamoFixture;
let wire: DynamoWire;
let heartbeats: HeartbeatStore;

beforeAll(async () => {
  dynamo = await startEmbedded();
  const { client, table } = dynamo;
  bench.use(createDynamoStore({ client, table, clock: bench.clock }));
  heartbeats = createHeartbeatStore({ client, table, clock: bench.clock });
  wire = dynamo.wire;
});

afterAll(async () => {
  await dynamo.stop();
});

beforeEach(() => {
  wire.take();
});

describe("the heartbeat's requests", () => {
  it("are one query of the index for each shard of a minute, of pages that fit into memory", async () => {
    const minute = Math.floor(bench.clock.now() / MINUTE);
    await Promise.all(Array.from({ length: 40 }, () => bench.connection()));
    wire.take();
    let found = 0;
    for await (const page of heartbeats.listConnections(minute)) found += page.length;
    expect(found).toBe(40);
    const sent = wire.take();
    expect(sent.map(({ operation }) => operation)).toEqual(Array(HEARTBEAT_SHARDS).fill("Query"));
    for (const { body } of sent) expect(body).toMatchObject({ IndexName: "heartbeat", Limit: 500 });
  });

  it("are one write for a turn that is claimed, and one for one that is done", async () => {
    const known = await heartbeats.claimTurn(10, 600_000, 650_000);
    expect(wire.operations()).toEqual(["UpdateItem"]);
    await heartbeats.finishTurns([10], known ?? new Map());
    expect(wire.operations()).toEqual(["UpdateItem"]);
  });

  it("give a turn to its run although the response was lost", async () => {
    wire.loseResponseOf("UpdateItem");
    const known = await heartbeats.claimTurn(20, 1_200_000, 1_250_000);
    expect(known?.has(20)).toBe(true);
    expect(wire.operations()).toEqual(["UpdateItem", "UpdateItem", "UpdateItem"]);
  });

  it("give a turn to one run although another one's request was lost", async () => {
    await heartbeats.claimTurn(30, 1_800_000, 1_850_000);
    wire.loseRequestOf("UpdateItem");
    expect(await heartbeats.claimTurn(30, 1_800_000, 1_850_000)).toBeUndefined();
  });

  it("are one read of one item to see whether a connection has a socket", async () => {
    const { connectionId } = await bench.connection();
    wire.take();
    await heartbeats.hasSocket(connectionId);
    const [sent, ...more] = wire.take();
    expect(more).toEqual([]);
    expect(sent?.body).toMatchObject({ ConsistentRead: true, Limit: 1, Select: "COUNT" });
  });
});
