import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createDynamoDb, type LocalDynamoDb } from "../../../infra/local/dynamodb/dynamodb.ts";
import { type Engine, startEmbedded } from "../../../infra/local/dynamodb/engine.ts";
import { createIam, type Denial, type WorkerCredentials } from "../../../infra/local/iam/iam.ts";
import type { CloudEvent, PolicyStatement, TableModel } from "../../../infra/local/model.ts";

const ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/things";
const table: TableModel = {
  logicalId: "Things",
  name: "things",
  arn: ARN,
  ttlAttribute: undefined,
  createTable: {
    TableName: "things",
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: [
      { AttributeName: "pk", AttributeType: "S" },
      { AttributeName: "sk", AttributeType: "S" },
      { AttributeName: "minute", AttributeType: "S" },
    ],
    KeySchema: [
      { AttributeName: "pk", KeyType: "HASH" },
      { AttributeName: "sk", KeyType: "RANGE" },
    ],
    GlobalSecondaryIndexes: [
      {
        IndexName: "by-minute",
        KeySchema: [{ AttributeName: "minute", KeyType: "HASH" }],
        Projection: { ProjectionType: "KEYS_ONLY" },
      },
    ],
  },
};
const ALL: PolicyStatement[] = [
  { effect: "Allow", actions: ["dynamodb:*"], resources: [ARN, `${ARN}/index/*`] },
];
const TableName = "things";
const key = (sk: string) => ({ pk: { S: "p" }, sk: { S: sk } });
const bulk = (bytes: number) => ({ S: "x".repeat(bytes) });

interface Bench {
  readonly db: LocalDynamoDb;
  readonly client: DynamoDBClient;
  readonly credentials: WorkerCredentials;
  readonly events: CloudEvent[];
  readonly denials: Denial[];
  readonly errors: unknown[];
  /** Moves the clock that ages the stale copy. */
  pass(ms: number): void;
  /** Units of the calls since the last question. */
  spent(): [operation: string, read: number, write: number][];
}

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(statements = ALL, endpoint?: string): Promise<Bench> {
  const events: CloudEvent[] = [];
  const denials: Denial[] = [];
  const errors: unknown[] = [];
  let clock = 0;
  let asked = 0;
  const iam = createIam({ account: "000000000000", onDenied: (denial) => denials.push(denial) });
  const db = await createDynamoDb({
    tables: [table],
    iam,
    onEvent: (event) => events.push(event),
    onError: (error) => errors.push(error),
    now: () => clock,
    ...(endpoint !== undefined && { endpoint }),
  });
  const credentials = iam.credentialsFor({ logicalId: "Fn", name: "stack-Fn", statements });
  const client = new DynamoDBClient({
    endpoint: db.endpoint,
    region: "us-east-1",
    credentials,
    maxAttempts: 1,
  });
  cleanups.push(async () => {
    client.destroy();
    await db.stop();
    expect(errors).toEqual([]);
  });
  return {
    db,
    client,
    credentials,
    events,
    denials,
    errors,
    pass(ms) {
      clock += ms;
    },
    spent() {
      const fresh = events.slice(asked).filter((event) => event.kind === "dynamodb");
      asked = events.length;
      return fresh.map((event) => [event.operation, event.readUnits, event.writeUnits]);
    },
  };
}

let bench: Bench;

describe("who may do what", () => {
  test("a call that the role allows works, and is booked on the worker's invocation", async () => {
    bench = await start();
    bench.credentials.runs("request-7");
    await bench.client.send(new PutItemCommand({ TableName, Item: key("a") }));
    expect(bench.events).toEqual([
      expect.objectContaining({
        kind: "dynamodb",
        functionId: "Fn",
        requestId: "request-7",
        table: "things",
      }),
    ]);
  });

  test("a missing grant is refused with action and resource, as DynamoDB says it, and told to the listener", async () => {
    bench = await start([{ effect: "Allow", actions: ["dynamodb:PutItem"], resources: [ARN] }]);
    const call = bench.client.send(new GetItemCommand({ TableName, Key: key("a"), ConsistentRead: true }));
    await expect(call).rejects.toMatchObject({
      name: "AccessDeniedException",
      $metadata: { httpStatusCode: 400 },
      message: `User: arn:aws:sts::000000000000:assumed-role/stack-Fn is not authorized to perform: dynamodb:GetItem on resource: ${ARN} because no identity-based policy allows the dynamodb:GetItem action`,
    });
    expect(bench.denials).toEqual([
      expect.objectContaining({ functionId: "Fn", action: "dynamodb:GetItem", resource: ARN }),
    ]);
    expect(bench.events).toEqual([]);
  });

  describe("where a policy names leading keys", () => {
    const mine: PolicyStatement = {
      effect: "Allow",
      actions: ["dynamodb:*"],
      resources: [ARN, `${ARN}/index/*`],
      conditions: [
        {
          qualifier: "ForAllValues",
          operator: "StringLike",
          key: "dynamodb:LeadingKeys",
          values: ["mine#*"],
        },
      ],
    };
    const at = (pk: string) => ({ pk: { S: pk }, sk: { S: "@" } });
    const ask = async (pk: string): Promise<string[]> => {
      const denied: string[] = [];
      const calls = {
        get: () => bench.client.send(new GetItemCommand({ TableName, Key: at(pk) })),
        put: () => bench.client.send(new PutItemCommand({ TableName, Item: at(pk) })),
        update: () => bench.client.send(new UpdateItemCommand({ TableName, Key: at(pk) })),
        delete: () => bench.client.send(new DeleteItemCommand({ TableName, Key: at(pk) })),
        "batch get": () =>
          bench.client.send(
            new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys: [at("mine#0"), at(pk)] } } }),
          ),
        "batch write": () =>
          bench.client.send(
            new BatchWriteItemCommand({
              RequestItems: {
                [TableName]: [{ PutRequest: { Item: at("mine#0") } }, { DeleteRequest: { Key: at(pk) } }],
              },
            }),
          ),
        query: () =>
          bench.client.send(
            new QueryCommand({
              TableName,
              KeyConditionExpression: "sk = :sk AND #pk = :pk",
              ExpressionAttributeNames: { "#pk": "pk" },
              ExpressionAttributeValues: { ":pk": { S: pk }, ":sk": { S: "@" } },
            }),
          ),
        "query of an index": () =>
          bench.client.send(
            new QueryCommand({
              TableName,
              IndexName: "by-minute",
              KeyConditionExpression: "#m = :m",
              ExpressionAttributeNames: { "#m": "minute" },
              ExpressionAttributeValues: { ":m": { S: pk } },
            }),
          ),
      };
      for (const [name, call] of Object.entries(calls)) {
        await call().catch((error: unknown) => {
          expect(error).toMatchObject({ name: "AccessDeniedException" });
          denied.push(name);
        });
      }
      return denied;
    };

    test("calls for those pass", async () => {
      bench = await start([mine]);
      expect(await ask("mine#1")).toEqual([]);
    });

    test("calls for others are refused, also with one of those beside them", async () => {
      bench = await start([mine]);
      expect(await ask("theirs#1")).toEqual([
        "get",
        "put",
        "update",
        "delete",
        "batch get",
        "batch write",
        "query",
        "query of an index",
      ]);
    });
  });

  test("an index is a resource of its own", async () => {
    bench = await start([{ effect: "Allow", actions: ["dynamodb:*"], resources: [ARN] }]);
    const call = bench.client.send(
      new QueryCommand({
        TableName,
        IndexName: "by-minute",
        KeyConditionExpression: "#m = :m",
        ExpressionAttributeNames: { "#m": "minute" },
        ExpressionAttributeValues: { ":m": { S: "1" } },
      }),
    );
    await expect(call).rejects.toThrow(`dynamodb:Query on resource: ${ARN}/index/by-minute`);
  });

  test("credentials of another boot, a wrong secret and a revoked worker are refused", async () => {
    bench = await start();
    const other = (credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }) => {
      const client = new DynamoDBClient({
        endpoint: bench.db.endpoint,
        region: "us-east-1",
        credentials,
        maxAttempts: 1,
      });
      cleanups.push(async () => client.destroy());
      return client.send(new GetItemCommand({ TableName, Key: key("a") }));
    };
    const { accessKeyId, secretAccessKey, sessionToken } = bench.credentials;
    await expect(other({ accessKeyId: "ASIAUNKNOWN", secretAccessKey })).rejects.toThrow(
      "The security token included in the request is invalid.",
    );
    await expect(other({ accessKeyId, secretAccessKey: "guessed", sessionToken })).rejects.toMatchObject({
      name: "InvalidSignatureException",
    });
    bench.credentials.revoke();
    await expect(other({ accessKeyId, secretAccessKey, sessionToken })).rejects.toMatchObject({
      name: "UnrecognizedClientException",
    });
  });
});

describe("what the engine would get wrong", () => {
  beforeEach(async () => {
    bench = await start();
  });

  test("parameters that it ignores are refused", async () => {
    const put = new PutItemCommand({
      TableName,
      Item: key("a"),
      ConditionExpression: "attribute_exists(pk)",
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    });
    await expect(bench.client.send(put)).rejects.toMatchObject({
      name: "ValidationException",
      message: expect.stringContaining("PutItem with ReturnValuesOnConditionCheckFailure"),
    });
  });

  test("transactions are refused", async () => {
    const transaction = new TransactWriteItemsCommand({
      TransactItems: [{ Put: { TableName, Item: key("a") } }],
    });
    await expect(bench.client.send(transaction)).rejects.toThrow("does not run TransactWriteItems");
  });

  test("errors of the engine pass through", async () => {
    await bench.client.send(new PutItemCommand({ TableName, Item: key("a") }));
    const again = new PutItemCommand({
      TableName,
      Item: key("a"),
      ConditionExpression: "attribute_not_exists(pk)",
    });
    await expect(bench.client.send(again)).rejects.toBeInstanceOf(ConditionalCheckFailedException);
    await expect(
      bench.client.send(new GetItemCommand({ TableName: "other", Key: key("a") })),
    ).rejects.toMatchObject({ name: "AccessDeniedException" });
  });
});

describe("reads that do not ask for consistency", () => {
  beforeEach(async () => {
    bench = await start();
  });

  test("see the table as it was 50 ms ago; consistent ones see it as it is", async () => {
    const { client, pass } = bench;
    const read = (ConsistentRead: boolean) =>
      client.send(new GetItemCommand({ TableName, Key: key("a"), ConsistentRead }));
    await client.send(new PutItemCommand({ TableName, Item: { ...key("a"), n: { N: "1" } } }));
    expect((await read(false)).Item).toBeUndefined();
    expect((await read(true)).Item).toEqual({ ...key("a"), n: { N: "1" } });
    pass(50);
    expect((await read(false)).Item).toEqual({ ...key("a"), n: { N: "1" } });
    await client.send(
      new UpdateItemCommand({
        TableName,
        Key: key("a"),
        UpdateExpression: "ADD n :one",
        ExpressionAttributeValues: { ":one": { N: "1" } },
      }),
    );
    pass(49);
    expect((await read(false)).Item).toMatchObject({ n: { N: "1" } });
    pass(1);
    expect((await read(false)).Item).toMatchObject({ n: { N: "2" } });
    await client.send(new DeleteItemCommand({ TableName, Key: key("a") }));
    expect((await read(false)).Item).toMatchObject({ n: { N: "2" } });
    pass(50);
    expect((await read(false)).Item).toBeUndefined();
  });

  test("of an index are always late, and cost the item as the index holds it", async () => {
    const { client, pass, spent } = bench;
    const Item = { ...key("a"), minute: { S: "1" }, bulk: bulk(9000) };
    await client.send(new PutItemCommand({ TableName, Item }));
    // 9 KB and the index's own small item.
    expect(spent()).toEqual([["PutItem", 0, 10]]);
    const query = () =>
      client.send(
        new QueryCommand({
          TableName,
          IndexName: "by-minute",
          KeyConditionExpression: "#m = :m",
          ExpressionAttributeNames: { "#m": "minute" },
          ExpressionAttributeValues: { ":m": { S: "1" } },
        }),
      );
    expect((await query()).Items).toEqual([]);
    pass(50);
    expect((await query()).Items).toEqual([{ ...key("a"), minute: { S: "1" } }]);
    expect(spent()).toEqual([
      ["Query", 0.5, 0],
      ["Query", 0.5, 0],
    ]);
  });

  test("see many writes in batches, the last of each item", async () => {
    const { client, pass } = bench;
    for (let i = 0; i < 60; i++) {
      await client.send(
        new PutItemCommand({ TableName, Item: { ...key(`k${i % 40}`), n: { N: String(i) } } }),
      );
    }
    pass(50);
    const { Items = [] } = await client.send(new ScanCommand({ TableName }));
    expect(Items).toHaveLength(40);
    expect(Items.find((item) => item.sk?.S === "k3")?.n).toEqual({ N: "43" });
  });
});

describe("the meter", () => {
  beforeEach(async () => {
    bench = await start();
  });

  test("rounds writes up to 1 KB, and counts the larger of old and new", async () => {
    const { client, spent } = bench;
    const put = (bytes: number) =>
      client.send(new PutItemCommand({ TableName, Item: { ...key("a"), b: bulk(bytes) } }));
    await put(10);
    await put(1500);
    await put(10);
    await put(2500);
    await client.send(new UpdateItemCommand({ TableName, Key: key("a"), UpdateExpression: "REMOVE b" }));
    await client.send(new DeleteItemCommand({ TableName, Key: key("a") }));
    await client.send(new DeleteItemCommand({ TableName, Key: key("a") }));
    expect(spent()).toEqual([
      ["PutItem", 0, 1],
      ["PutItem", 0, 2],
      ["PutItem", 0, 2],
      ["PutItem", 0, 3],
      ["UpdateItem", 0, 3],
      ["DeleteItem", 0, 1],
      ["DeleteItem", 0, 1],
    ]);
  });

  test("counts failed conditions, and nothing for invalid calls", async () => {
    const { client, spent } = bench;
    await client.send(new PutItemCommand({ TableName, Item: { ...key("a"), b: bulk(3000) } }));
    const ConditionExpression = "attribute_not_exists(pk)";
    await expect(
      client.send(new PutItemCommand({ TableName, Item: key("a"), ConditionExpression })),
    ).rejects.toThrow();
    await expect(
      client.send(
        new DeleteItemCommand({ TableName, Key: key("b"), ConditionExpression: "attribute_exists(pk)" }),
      ),
    ).rejects.toThrow();
    await expect(
      client.send(new UpdateItemCommand({ TableName, Key: key("a"), UpdateExpression: "nonsense" })),
    ).rejects.toThrow();
    expect(spent()).toEqual([
      ["PutItem", 0, 3],
      ["PutItem", 0, 3],
      ["DeleteItem", 0, 1],
    ]);
  });

  test("rounds reads up to 4 KB, halves them unless consistent, and counts empty ones", async () => {
    const { client, spent, pass } = bench;
    await client.send(new PutItemCommand({ TableName, Item: { ...key("a"), b: bulk(5000) } }));
    pass(50);
    spent();
    const get = (sk: string, ConsistentRead: boolean) =>
      client.send(
        new GetItemCommand({ TableName, Key: key(sk), ConsistentRead, ProjectionExpression: "pk" }),
      );
    await get("a", true);
    await get("a", false);
    await get("none", true);
    await get("none", false);
    await client.send(
      new BatchGetItemCommand({
        RequestItems: { things: { Keys: [key("a"), key("none")], ConsistentRead: true } },
      }),
    );
    expect(spent()).toEqual([
      ["GetItem", 2, 0],
      ["GetItem", 1, 0],
      ["GetItem", 1, 0],
      ["GetItem", 0.5, 0],
      ["BatchGetItem", 3, 0],
    ]);
  });

  test("adds up what a query reads, before filter and projection", async () => {
    const { client, spent } = bench;
    const puts = ["a", "b", "c"].map((sk) => ({
      PutRequest: { Item: { ...key(sk), b: bulk(3000), even: { BOOL: sk === "b" } } },
    }));
    await client.send(new BatchWriteItemCommand({ RequestItems: { things: puts } }));
    expect(spent()).toEqual([["BatchWriteItem", 0, 9]]);
    const query = (extra: object) =>
      client.send(
        new QueryCommand({
          TableName,
          ConsistentRead: true,
          KeyConditionExpression: "pk = :p",
          ...extra,
        }),
      );
    await query({ ExpressionAttributeValues: { ":p": { S: "p" } } });
    const filtered = await query({
      FilterExpression: "#e = :yes",
      ProjectionExpression: "sk",
      ExpressionAttributeNames: { "#e": "even" },
      ExpressionAttributeValues: { ":p": { S: "p" }, ":yes": { BOOL: true } },
    });
    expect(filtered.Items).toEqual([{ sk: { S: "b" } }]);
    await query({ Select: "COUNT", ExpressionAttributeValues: { ":p": { S: "p" } } });
    await query({ ExpressionAttributeValues: { ":p": { S: "nobody" } } });
    expect(spent()).toEqual([
      ["Query", 3, 0],
      ["Query", 3, 0],
      ["Query", 3, 0],
      ["Query", 1, 0],
    ]);
  });

  test("counts an index once when it changes and twice when the item moves in it", async () => {
    const { client, spent } = bench;
    const put = (minute: string | undefined, n: string) =>
      client.send(
        new PutItemCommand({
          TableName,
          Item: { ...key("a"), n: { N: n }, ...(minute !== undefined && { minute: { S: minute } }) },
        }),
      );
    await put(undefined, "1");
    await put("1", "1");
    await put("1", "2");
    await put("2", "2");
    await put(undefined, "2");
    expect(spent().map(([, , write]) => write)).toEqual([1, 2, 1, 3, 2]);
  });

  test("keeps racing updates of one item in order", async () => {
    const { client, pass } = bench;
    const add = () =>
      client.send(
        new UpdateItemCommand({
          TableName,
          Key: key("a"),
          UpdateExpression: "ADD n :one",
          ExpressionAttributeValues: { ":one": { N: "1" } },
        }),
      );
    await Promise.all(Array.from({ length: 30 }, add));
    pass(50);
    const { Item } = await client.send(new GetItemCommand({ TableName, Key: key("a") }));
    expect(Item?.n).toEqual({ N: "30" });
  });
});

describe("another DynamoDB", () => {
  test("gets the tables that it lacks, and what it holds is taken over", async () => {
    const { createServer } = await import("node:http");
    const engine: Engine = startEmbedded();
    const server = createServer((incoming, outgoing) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("end", () => {
        const operation = String(incoming.headers["x-amz-target"]).replace(/^.*\./, "");
        engine.send(operation, Buffer.concat(chunks)).then(
          (response) => outgoing.writeHead(response.status, response.headers).end(response.body),
          () => outgoing.destroy(),
        );
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    cleanups.push(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await engine.close();
    });
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const url = `http://127.0.0.1:${address.port}`;
    bench = await start(ALL, url);
    await bench.client.send(new PutItemCommand({ TableName, Item: { ...key("a"), b: bulk(1500) } }));
    bench = await start(ALL, url);
    const { Item } = await bench.client.send(new GetItemCommand({ TableName, Key: key("a") }));
    expect(Item?.sk).toEqual({ S: "a" });
    await bench.client.send(new DeleteItemCommand({ TableName, Key: key("a") }));
    expect(bench.spent()).toEqual([
      ["GetItem", 0.5, 0],
      ["DeleteItem", 0, 2],
    ]);
  });
});
