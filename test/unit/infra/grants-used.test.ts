/** What functions elsewhere are allowed, against what the calls that it is for really send to DynamoDB: each right by itself. */

import type { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { App } from "aws-cdk-lib";
import type { PolicyStatement } from "aws-cdk-lib/aws-iam";
import {
  emitGrants,
  inboxGrants,
  type OutsideParts,
  socketGrants,
} from "../../../infra/constructs/grants.ts";
import { decide } from "../../../infra/local/iam/decide.ts";
import type { PolicyCondition, PolicyStatement as Statement } from "../../../infra/local/model.ts";
import { SkysocketStack } from "../../../infra/stack.ts";
import { Server, type ServerOptions } from "../../../lambdas/server/api/index.ts";
import { coreOfServer } from "../../../lambdas/server/api/server.ts";
import type { Task } from "../../../lambdas/server/ports/tasks.ts";
import { createDynamoStore } from "../../../lambdas/store/dynamo-store.ts";
import { createTable, localClient, TABLE } from "../../support/dynamodb.ts";
import { startDynalite } from "../../support/dynamodb-embedded.ts";
import { DynamoWire, type Sent } from "../../support/dynamodb-wire.ts";
import { Harness, realClock, type Wire } from "../../support/harness.ts";

/** More than is kept in the row of a socket. */
const LARGE = "x".repeat(3_000);

let dynalite: Awaited<ReturnType<typeof startDynalite>>;
let [inside, outside]: DynamoDBDocumentClient[] = [];
let wire: DynamoWire;

beforeAll(async () => {
  dynalite = await startDynalite();
  inside = localClient(dynalite.endpoint);
  outside = localClient(dynalite.endpoint);
  wire = new DynamoWire(outside);
  await createTable(inside);
});

afterAll(() => {
  for (const client of [inside, outside]) client?.destroy();
  dynalite.server.close();
});

interface Play {
  /** Of the function elsewhere. */
  readonly io: Server;
  readonly ada: Wire;
  readonly tasks: readonly Task[];
}

/** Two clients in the room "room", one of them with a large `auth`; and a function elsewhere. */
async function start(options: ServerOptions): Promise<Play> {
  if (!inside || !outside) throw new Error("no clients");
  const storeOf = (client: DynamoDBDocumentClient) =>
    createDynamoStore({ client, table: TABLE, clock: realClock });
  const app = (): Server => {
    const io = new Server(options);
    io.on("connection", async (socket) => {
      await socket.join("room");
      socket.data.large = LARGE;
      if (socket.handshake.auth.inbox) await socket.openInbox("ada");
    });
    return io;
  };
  const harness = new Harness({ app, ports: { store: storeOf(inside), activeResources: () => [] } });
  const ada = await harness.join("/", { inbox: "ada", large: LARGE });
  await harness.join();
  const tasks: Task[] = [];
  const io = new Server(options);
  const store = storeOf(outside);
  const start = async () => undefined;
  coreOfServer(io)?.connect({
    ...harness.ports(),
    store,
    tasks: { start: async (task) => void tasks.push(task) },
    fanOuts: { store, start },
  });
  wire.take();
  return { io, ada, tasks };
}

function statementsOf(rightsOf: (parts: OutsideParts) => PolicyStatement[]): Statement[] {
  const app = new App({ analyticsReporting: false, context: { "aws:cdk:bundling-stacks": [] } });
  const { api } = new SkysocketStack(app, "Skysocket", { api: { entry: "lambdas/app.ts" } });
  return rightsOf({ ...api, api: api.webSocketApi }).map(({ actions, conditions }) => ({
    effect: "Allow",
    actions,
    resources: ["*"],
    conditions: conditionsOf(conditions),
  }));
}

const conditionsOf = (conditions: Record<string, Record<string, string[]>>): PolicyCondition[] =>
  Object.values(conditions).map((one) => ({
    qualifier: "ForAllValues",
    operator: "StringLike",
    key: "dynamodb:LeadingKeys",
    values: one["dynamodb:LeadingKeys"] ?? [],
  }));

/** The partition keys that a request names, as text: in all of them they are what comes after `"pk":` or `":pk":`. */
const keysOf = ({ body }: Sent): string[] =>
  [...JSON.stringify(body).matchAll(/"(?:pk|:pk)":\{"S":"([^"]*)"/g)].map(([, key]) => key ?? "");

/** Requests that would have been refused. */
const refused = (statements: readonly Statement[]): string[] =>
  wire.take().flatMap((sent) => {
    const keys = keysOf(sent);
    if (keys.length === 0) return [`${sent.operation} of nothing`];
    const context = { "dynamodb:LeadingKeys": keys };
    const { allowed } = decide(statements, `dynamodb:${sent.operation}`, "table", context);
    return allowed ? [] : [`${sent.operation} ${keys.join()}`];
  });

const answerOf = async (client: Wire): Promise<void> => {
  const asked = await client.next((frame) => /^42\d+\["who"/.test(frame));
  await client.send(`43${asked.slice(2, asked.indexOf("["))}[1]`);
};

describe.each<[string, ServerOptions]>([
  ["recovery off", { fanOutThreshold: 10 }],
  ["recovery on", { connectionStateRecovery: {} }],
  ["large rooms", { fanOutThreshold: 1, connectionStateRecovery: {} }],
])("with %s, a function elsewhere may do all that", (_what, options) => {
  test("emits take", async () => {
    const { io, ada } = await start(options);
    await io.to("room").except(ada.id).emit("news");
    await io.volatile.to("room").emit("news");
    await io.to(ada.id).emit("news");
    const name = io.in(ada.id).timeout(5_000).emitWithAck("who");
    await Promise.all([answerOf(ada), name]);
    const called = io
      .in(ada.id)
      .timeout(5_000)
      .emit("who", () => undefined);
    await Promise.all([answerOf(ada), called]);
    expect(refused(statementsOf(emitGrants))).toEqual([]);
  });

  test("inboxes take", async () => {
    const { io, ada } = await start(options);
    await io.inbox("ada").emit("mail", 1);
    ada.open = false;
    await io.inbox("ada").emit("mail", 2);
    expect(refused(statementsOf(inboxGrants))).toEqual([]);
  });

  test("managing sockets takes, also if a response is lost", async () => {
    const { io, ada, tasks } = await start(options);
    const sockets = await io.in("room").fetchSockets();
    expect(sockets.map(({ handshake }) => handshake.auth.large)).toContain(LARGE);
    await io.in("room").socketsJoin(["more", "most"]);
    wire.loseResponseOf("UpdateItem");
    await io.in(ada.id).socketsLeave("more");
    await io.in("most").allSockets();
    await io.disconnectSockets(true);
    expect(tasks.map(({ task }) => task)).toEqual(["disconnect"]);
    expect(refused(statementsOf(socketGrants))).toEqual([]);
  });
});
