/**
 * CPU time of one echo event in a warm instance: our own code alone, then with the clients that are deployed, on a sink in another
 * process. Alone: `node --import tsx test/bench/event-cpu.ts`
 */
import { QueryCommand } from "@aws-sdk/client-dynamodb";
import { postService } from "../../lambdas/gateway/clients.ts";
import { createGateway } from "../../lambdas/gateway/post.ts";
import { createRouter } from "../../lambdas/handlers/router.ts";
import { Server } from "../../lambdas/server/api/index.ts";
import { coreOfServer } from "../../lambdas/server/api/server.ts";
import type { Ports } from "../../lambdas/server/ports/ports.ts";
import type { Store } from "../../lambdas/server/ports/store.ts";
import { createDynamoStore } from "../../lambdas/store/dynamo-store.ts";
import { connectionPk } from "../../lambdas/store/keys.ts";
import { createDynamoClient } from "../../lambdas/store/table/dynamo-client.ts";
import { startEmbedded } from "../support/dynamodb-embedded.ts";
import { Harness, realClock } from "../support/harness.ts";
import { runAlone } from "./support/alone.ts";
import { startSink } from "./support/sink.ts";
import { cpuMicros, median, pairedRatio, round } from "./support/stats.ts";

const RUNS = 7;
const TABLE = "bench";
/** One event at a time, as an instance runs them. */
const LOAD = { count: 2_000, parallel: 1 };

export interface EventCpu {
  /** Microseconds of CPU, medians. */
  readonly event_cpu_us: {
    /** Store and gateway answer from memory: our own code. */
    readonly stubbed: number;
    /** With the clients that are deployed, the SDK's for DynamoDB among them: one read and one post. */
    readonly sdk: number;
    /** Of our own code to all, the median over pairs of runs. */
    readonly ratio: number;
    /** The answer to a ping: it asks nobody anything. */
    readonly pong: number;
    readonly handlers: number;
    readonly runs: number;
  };
  /** Microseconds of CPU of one emit that nobody awaits, our own code, medians. */
  readonly emit_cpu_us: {
    /** Of as many in one handler as anybody should send. */
    readonly many: number;
    readonly few: number;
    /** Median over pairs of runs. */
    readonly ratio: number;
  };
}

/** Emits of one handler: what the first takes each is compared with the second. */
const EMITS = { many: 10_000, few: 1_000 } as const;

const HANDLERS = 10;

/** Ten handlers, of which one echoes and one sends rows. */
function application(): Server {
  const io = new Server();
  io.on("connection", (socket) => {
    socket.on("echo", (text) => socket.emit("echo", text));
    socket.on("rows", (count: number) => {
      for (let row = 0; row < count; row++) void socket.emit("row", row);
    });
    for (let n = 2; n < HANDLERS; n++) socket.on(`event ${n}`, () => undefined);
  });
  return io;
}

/** Medians over alternating runs. */
export async function benchEventCpu(): Promise<EventCpu> {
  const { connectionId, view, answer } = await connected();
  const sink = await startSink("sink.mjs", answer);
  const deployed = deployedClients(sink.url);
  const stubs: Outside = {
    store: only({ readConnection: async () => view }),
    gateway: { post: async () => "ok", close: nothing },
  };
  const events = {
    stubbed: running(connectionId, stubs, ECHO),
    pong: running(connectionId, { ...stubs, store: only({}) }, PONG),
    sdk: running(connectionId, deployed, ECHO),
  };
  const times: Record<keyof typeof events, number[]> = { stubbed: [], pong: [], sdk: [] };
  const loops = { many: [] as number[], few: [] as number[] };
  try {
    for (let run = -1; run < RUNS; run++) {
      for (const way of ["stubbed", "pong", "sdk"] as const) {
        const micros = await cpuMicros(events[way], LOAD);
        // The first run compiles and opens connections.
        if (run >= 0) times[way].push(micros);
      }
      for (const size of ["few", "many"] as const) {
        const event = running(connectionId, stubs, rowsOf(EMITS[size]));
        const micros = await cpuMicros(event, { count: EMITS.many / EMITS[size], parallel: 1 });
        if (run >= 0) loops[size].push(micros / EMITS[size]);
      }
    }
  } finally {
    await deployed.stop();
    await sink.stop();
  }
  return {
    event_cpu_us: {
      stubbed: round(median(times.stubbed)),
      sdk: round(median(times.sdk)),
      ratio: round(pairedRatio(times.stubbed, times.sdk), 3),
      pong: round(median(times.pong)),
      handlers: HANDLERS,
      runs: RUNS,
    },
    emit_cpu_us: {
      many: round(median(loops.many)),
      few: round(median(loops.few)),
      ratio: round(pairedRatio(loops.many, loops.few), 3),
    },
  };
}

/** A connection with a socket of the application, as the table holds it after a real CONNECT. */
async function connected(): Promise<{
  readonly connectionId: string;
  readonly view: Awaited<ReturnType<Store["readConnection"]>>;
  /** DynamoDB's answer to the read of an event. */
  readonly answer: string;
}> {
  const dynamo = await startEmbedded();
  try {
    const store = createDynamoStore({ client: dynamo.client, table: dynamo.table, clock: realClock });
    const harness = new Harness({ app: application, ports: { store } });
    const { connectionId } = await harness.join();
    await harness.settled();
    const { Items = [] } = await dynamo.client.send(
      new QueryCommand({
        TableName: dynamo.table,
        KeyConditionExpression: "pk = :pk",
        ExpressionAttributeValues: { ":pk": { S: connectionPk(connectionId) } },
        ConsistentRead: true,
      }),
    );
    const answer = JSON.stringify({ Items, Count: Items.length });
    return { connectionId, view: await store.readConnection(connectionId), answer };
  } finally {
    await dynamo.stop();
  }
}

const nothing = (): Promise<never> => Promise.reject(new Error("an echo does not need it"));

/** An echo reads once. Whatever else it asked for would show, and not be measured as free. */
function only(methods: Partial<Store>): Store {
  return new Proxy({} as Store, {
    get: (_target, name) => (methods as Record<string | symbol, unknown>)[name] ?? nothing,
  });
}

type Outside = Pick<Ports, "store" | "gateway">;

/** A frame of a client, and how many posts it leads to. */
interface Incoming {
  readonly body: (n: number) => string;
  readonly posts: number;
}

const ECHO: Incoming = { body: (n) => `42["echo","hello ${n}"]`, posts: 1 };
const rowsOf = (count: number): Incoming => ({ body: () => `42["rows",${count}]`, posts: count });
const PONG: Incoming = { body: () => "3", posts: 0 };

/** Runs the n-th event, and fails if it failed. */
function running(
  connectionId: string,
  { store, gateway }: Outside,
  incoming: Incoming,
): (n: number) => Promise<void> {
  const server = coreOfServer(application());
  if (!server) throw new Error("no server");
  const told: string[] = [];
  let posts = 0;
  const ports: Ports = {
    store,
    gateway: {
      ...gateway,
      post: (to, frame) => {
        posts++;
        return gateway.post(to, frame);
      },
    },
    tasks: { start: nothing },
    clock: realClock,
    log: { error: (code) => told.push(code), warn: (code) => told.push(code) },
    activeResources: () => process.getActiveResourcesInfo(),
  };
  const handler = createRouter({ server, ports, routeResponses: false });
  const connectedAt = Date.now();
  return async (n) => {
    const before = posts;
    const event = {
      requestContext: {
        eventType: "MESSAGE",
        routeKey: "$default",
        messageId: `${n}=`,
        requestTimeEpoch: Date.now(),
        connectedAt,
        connectionId,
        stage: "prod",
        identity: { sourceIp: "127.0.0.1" },
      },
      body: incoming.body(n),
      isBase64Encoded: false,
    };
    await handler(event, { getRemainingTimeInMillis: () => 29_000 });
    if (posts !== before + incoming.posts || told.length > 0)
      throw new Error(`an event failed: ${told.join()}`);
  };
}

type Clients = Outside & { stop(): Promise<void> };

const ENV = {
  AWS_REGION: "us-east-1",
  AWS_ACCESS_KEY_ID: "ASIAAAAAAAAAAAAAAAAA",
  AWS_SECRET_ACCESS_KEY: "secret",
  // As long as a role's token is: signatures hash it.
  AWS_SESSION_TOKEN: "t".repeat(1_000),
};

/** What lambdas/functions/aws-ports.ts makes of the environment, with a sink for AWS. */
function deployedClients(url: string): Clients {
  const before = { ...process.env };
  Object.assign(process.env, ENV, { AWS_ENDPOINT_URL_DYNAMODB: url });
  const dynamoDb = createDynamoClient();
  const posts = postService(`${url}/prod`, ENV);
  return {
    store: createDynamoStore({ client: dynamoDb, table: TABLE, clock: realClock }),
    gateway: createGateway({ service: posts, closer: nothing, clock: realClock }),
    async stop() {
      process.env = before;
      dynamoDb.destroy();
      await posts.close();
    },
  };
}

await runAlone(import.meta.url, benchEventCpu);
