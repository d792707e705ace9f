import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BatchWriteItemCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import type { LocalCloud } from "../../infra/local/cloud.ts";
import { Offsets } from "../../lambdas/server/common/offsets.ts";
import { logKey } from "../../lambdas/store/keys.ts";
import { ITEM_VERSION } from "../../lambdas/store/table/item-reader.ts";
import { assemblyOf } from "./assemblies.ts";
import { TestClouds } from "./cloud.ts";
import { startDynalite } from "./dynamodb-embedded.ts";

const APP = fileURLToPath(new URL("../apps/missed.ts", import.meta.url));
const TEMPLATE = "Skysocket.template.json";
/** What the socket function has by itself, in seconds. */
const TIMEOUT = 29;
/** The most that DynamoDB takes in one request. */
const BATCH = 25;
const HOUR_SEC = 3_600;

/** A local cloud with recovery on, whose rooms can be given a history. */
export interface MissedCloud {
  readonly cloud: LocalCloud;
  /** Live bytes that instances have said they hold, in order. */
  readonly heaps: readonly number[];
  /** Puts packets into a room's log, as if each of these texts had been sent to it just now. */
  send(room: string, texts: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

/** @param timeoutSec of the socket function: the shorter, the more invocations a long resume takes */
export async function startMissedCloud(timeoutSec: number): Promise<MissedCloud> {
  const { server, endpoint } = await startDynalite();
  const directory = await mkdtemp(join(tmpdir(), "skysocket-missed-"));
  const clouds = new TestClouds();
  const heaps: number[] = [];
  const cloud = await clouds.start({
    assembly: await withTimeout(await assemblyOf({ app: APP }), timeoutSec, join(directory, "short")),
    dynamodb: endpoint,
    onLog: ({ text }) => {
      const bytes = /^heap (\d+)$/.exec(text)?.[1];
      if (bytes !== undefined) heaps.push(Number(bytes));
    },
  });
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const client = new DynamoDBClient({ endpoint, region: "local", credentials });
  const table = cloud.model.tables[0]?.name ?? "";
  return {
    cloud,
    heaps,
    send: (room, texts) => putRows(client, table, room, texts),
    stop: async () => {
      await clouds.stop();
      client.destroy();
      server.closeAllConnections();
      server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A copy of the assembly in which the socket function has less time. */
async function withTimeout(assembly: string, timeoutSec: number, copy: string): Promise<string> {
  await cp(assembly, copy, { recursive: true });
  const file = join(copy, TEMPLATE);
  const template: {
    Resources: Record<string, { Type: string; Properties: Record<string, unknown> }>;
  } = JSON.parse(await readFile(file, "utf8"));
  const functions = Object.values(template.Resources).filter(
    ({ Type, Properties }) => Type === "AWS::Lambda::Function" && Properties.Timeout === TIMEOUT,
  );
  if (functions.length === 0) throw new Error(`no function has a timeout of ${TIMEOUT} s`);
  for (const { Properties } of functions) Properties.Timeout = timeoutSec;
  await writeFile(file, JSON.stringify(template));
  return copy;
}

async function putRows(
  client: DynamoDBClient,
  table: string,
  room: string,
  texts: readonly string[],
): Promise<void> {
  const offsets = new Offsets({ now: Date.now });
  const expiresAt = Math.floor(Date.now() / 1_000) + HOUR_SEC;
  const rows = texts.map((text) => {
    const id = offsets.next();
    const frames = [`42${JSON.stringify(["told", text, id])}`];
    return { ...logKey({ nsp: "/", room, id }), v: ITEM_VERSION, frames, done: Date.now(), expiresAt };
  });
  for (let at = 0; at < rows.length; at += BATCH) {
    const puts = rows.slice(at, at + BATCH).map((row) => ({ PutRequest: { Item: marshall(row) } }));
    await client.send(new BatchWriteItemCommand({ RequestItems: { [table]: puts } }));
  }
}
