/** Rows that another version of this server has written, while their clients are connected: what a deployment may find. */

import { ScanCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createRouter } from "../../../lambdas/handlers/router.ts";
import type { Ports } from "../../../lambdas/server/ports/ports.ts";
import { EVERYONE, type RoomName } from "../../../lambdas/server/ports/rooms.ts";
import { createDynamoStore } from "../../../lambdas/store/dynamo-store.ts";
import type { DynamoFixture } from "../../support/dynamodb.ts";
import { startEmbedded } from "../../support/dynamodb-embedded.ts";
import { type FakeGateway, type FakePorts, fakePorts, serverOf } from "../../support/fake-ports.ts";
import { realClock } from "../../support/harness.ts";

let dynamodb: DynamoFixture;
let count = 0;

beforeAll(async () => {
  dynamodb = await startEmbedded();
});

afterAll(() => dynamodb.stop());

class Bench {
  readonly ports: Ports & { readonly gateway: FakeGateway } & Pick<FakePorts, "logged">;
  readonly room = `hall ${count++}`;
  readonly #handle: ReturnType<typeof createRouter>;

  constructor() {
    const { client, table } = dynamodb;
    const store = createDynamoStore({ client, table, clock: realClock });
    // Real requests take real time.
    this.ports = { ...fakePorts(), store, clock: realClock, activeResources: () => [] };
    const server = serverOf((io) => {
      io.on("connection", (socket) => {
        void socket.join(this.room);
        socket.on("say", (text: string) => void io.to(this.room).emit("said", text));
      });
    });
    this.#handle = createRouter({ server, ports: this.ports, routeResponses: false });
  }

  async connect(): Promise<string> {
    const connectionId = `C${count++}=`;
    const connectedAt = this.ports.clock.now();
    await this.ports.store.putConnection({
      ...{ connectionId, sid: "s", connectedAt },
      handshake: '{"headers":{},"query":{}}',
    });
    await this.ports.store.claimOpen(connectionId, 0);
    await this.send(connectionId, "40");
    return connectionId;
  }

  async send(connectionId: string, body: string): Promise<void> {
    await this.#invoke({ requestContext: { eventType: "MESSAGE", connectionId }, body });
  }

  async disconnect(connectionId: string): Promise<void> {
    const eventType = "DISCONNECT";
    await this.#invoke({ requestContext: { eventType, connectionId, disconnectStatusCode: 1006 } });
  }

  async #invoke(event: object): Promise<void> {
    const until = this.ports.clock.now() + 29_000;
    const context = { getRemainingTimeInMillis: () => until - this.ports.clock.now() };
    expect(await this.#handle(event, context)).toEqual({ statusCode: 200 });
  }

  /** Makes rows of another format of those that belong to the connection. */
  async age(connectionId: string, which: (sk: string, pk: string) => boolean): Promise<void> {
    for (const { pk, sk, conn } of await this.rows()) {
      if (!(pk.includes(connectionId) || conn === connectionId) || !which(sk, pk)) continue;
      const update = { UpdateExpression: "SET v = :v", ExpressionAttributeValues: { ":v": 99 } };
      await dynamodb.client.send(
        new UpdateCommand({ TableName: dynamodb.table, Key: { pk, sk }, ...update }),
      );
    }
  }

  async rows(): Promise<{ pk: string; sk: string; conn: unknown }[]> {
    const { Items = [] } = await dynamodb.client.send(new ScanCommand({ TableName: dynamodb.table }));
    return Items.map(({ pk, sk, conn }) => ({ pk: String(pk), sk: String(sk), conn }));
  }

  async members(room: RoomName): Promise<string[]> {
    const found: string[] = [];
    for await (const page of this.ports.store.listMembers("/", room)) {
      found.push(...page.map(({ connectionId }) => connectionId));
    }
    return found;
  }
}

test.each([
  ["connection", (sk: string) => sk === "@"],
  ["socket", (sk: string) => sk.startsWith("S#")],
])("a client whose %s row is of another version is closed, so that it comes again", async (_, which) => {
  const bench = new Bench();
  const [old, other] = [await bench.connect(), await bench.connect()];
  await bench.age(old, which);
  await bench.send(old, '42["say","anybody?"]');
  expect(bench.ports.gateway.closed).toEqual([old]);
  expect(bench.ports.logged.map(([code]) => code)).toEqual(["SKY_INVOCATION_FAILED"]);

  await bench.disconnect(old);
  expect(await bench.members(bench.room)).toEqual([other]);
  expect(await bench.members(EVERYONE)).not.toContain(old);
  expect((await bench.rows()).filter(({ pk, conn }) => pk.includes(old) || conn === old)).toEqual([]);
  expect(bench.ports.logged.at(-1)?.[0]).toBe("SKY_END_UNREAD");

  bench.ports.gateway.posts.length = 0;
  await bench.send(other, '42["say","I"]');
  expect(bench.ports.gateway.posts).toEqual([[other, '42["said","I"]']]);
});

test("a membership of another version keeps nobody else from what is sent to the room", async () => {
  const bench = new Bench();
  const [old, other] = [await bench.connect(), await bench.connect()];
  await bench.age(old, () => true);
  bench.ports.gateway.posts.length = 0;
  await bench.send(other, '42["say","I"]');
  expect(bench.ports.gateway.posts).toEqual([[other, '42["said","I"]']]);
  await bench.disconnect(old);
  expect((await bench.rows()).filter(({ pk, conn }) => pk.includes(old) || conn === old)).toEqual([]);
});
