import { CreateTableCommand, DynamoDBClient, type GlobalSecondaryIndex } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import type { DynamoWire } from "./dynamodb-wire.ts";

/** A DynamoDB to test against, with the one table in it. */
export interface DynamoFixture {
  readonly client: DynamoDBDocumentClient;
  /** Between that client and the network. */
  readonly wire: DynamoWire;
  readonly table: string;
  stop(): Promise<void>;
}

export const TABLE = "skysocket-test";

/** As infra/constructs/heartbeat.ts has it. */
const HEARTBEAT_INDEX = {
  IndexName: "heartbeat",
  KeySchema: [{ AttributeName: "beat", KeyType: "HASH" }],
  Projection: {
    ProjectionType: "INCLUDE",
    NonKeyAttributes: ["v", "connectedAt", "bye", "byeAt", "expiresAt"],
  },
} satisfies GlobalSecondaryIndex;

/** A client for an endpoint of this machine; credentials are needed only to sign. */
export function localClient(endpoint: string): DynamoDBDocumentClient {
  const client = new DynamoDBClient({
    endpoint,
    region: "local",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
  return DynamoDBDocumentClient.from(client);
}

export async function createTable(client: DynamoDBDocumentClient): Promise<void> {
  await client.send(
    new CreateTableCommand({
      TableName: TABLE,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [
        { AttributeName: "pk", AttributeType: "S" },
        { AttributeName: "sk", AttributeType: "S" },
        { AttributeName: "beat", AttributeType: "S" },
      ],
      KeySchema: [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "sk", KeyType: "RANGE" },
      ],
      GlobalSecondaryIndexes: [HEARTBEAT_INDEX],
    }),
  );
}
