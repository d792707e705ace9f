import { QueryCommand } from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import type { Part } from "../../../lambdas/server/ports/parts.ts";
import { createDynamoStore } from "../../../lambdas/store/dynamo-store.ts";
import { partsPk } from "../../../lambdas/store/keys.ts";
import type { DynamoFixture } from "../../support/dynamodb.ts";
import { startEmbedded } from "../../support/dynamodb-embedded.ts";
import type { DynamoWire } from "../../support/dynamodb-wire.ts";
import { MINUTE, StoreBench } from "../../support/store-contract-bench.ts";

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

function header(connectionId = bench.name("conn")): Extract<Part, { kind: "header" }> {
  return { kind: "header", connectionId, id: bench.name("m"), at: 1, text: "51-[]", attachments: 1 };
}

async function countOfItems(connectionId: string): Promise<number | undefined> {
  const { Count } = await dynamo.client.send(
    new QueryCommand({
      TableName: dynamo.table,
      KeyConditionExpression: "pk = :pk",
      ExpressionAttributeValues: { ":pk": partsPk(connectionId) },
      ConsistentRead: true,
    }),
  );
  return Count;
}

describe("parts of packets in the table", () => {
  it("cost one request a step", async () => {
    const part = header();
    await bench.store.putPart(part);
    await bench.store.readParts(part.connectionId);
    await bench.store.claimPacket(part, { until: 2, taken: ["a"] });
    await bench.store.deleteParts([part]);
    await bench.store.claimRefusal(part.connectionId);
    expect(wire.operations()).toEqual(["PutItem", "Query", "UpdateItem", "DeleteItem", "PutItem"]);
  });

  it("have one claimant although a response was lost", async () => {
    const part = header();
    await bench.store.putPart(part);
    wire.loseResponseOf("UpdateItem");
    expect(await bench.store.claimPacket(part, { until: 2, taken: [] })).toBe(true);
    wire.loseRequestOf("UpdateItem");
    expect(await bench.store.claimPacket(part, { until: 2, taken: [] })).toBe(false);
    wire.loseResponseOf("PutItem");
    expect(await bench.store.claimRefusal(part.connectionId)).toBe(true);
    wire.loseRequestOf("PutItem");
    expect(await bench.store.claimRefusal(part.connectionId)).toBe(false);
  });

  it("are swept by who reads after they have expired", async () => {
    const { connectionId } = await bench.connection();
    await Promise.all(Array.from({ length: 30 }, () => bench.store.putPart(header(connectionId))));
    bench.pass(2 * MINUTE);
    await bench.store.putPart(header(connectionId));
    expect(await bench.store.readParts(connectionId)).toHaveLength(1);
    expect(await countOfItems(connectionId)).toBe(6);
    await bench.store.readParts(connectionId);
    expect(await countOfItems(connectionId)).toBe(1);
  });
});
