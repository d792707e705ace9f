/**
 * One room that everybody joins at once, and its log: each is a partition, which takes 1,000 writes a second. Here everything is a
 * fortieth of that, which a busy machine keeps up with.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Offsets } from "../../../lambdas/server/common/offsets.ts";
import { createDynamoStore } from "../../../lambdas/store/dynamo-store.ts";
import { createDynamoClient } from "../../../lambdas/store/table/dynamo-client.ts";
import type { DynamoFixture } from "../../support/dynamodb.ts";
import { startEmbedded } from "../../support/dynamodb-embedded.ts";
import { PartitionLimit } from "../../support/partition-limit.ts";

/** Writes a second that a partition takes. */
const LIMIT = 25;
/** For this long, this much more comes. */
const SECONDS = 3;
const OVERLOAD = 1.5;

let fixture: DynamoFixture;
const environment = { ...process.env };

beforeAll(async () => {
  fixture = await startEmbedded();
});

afterAll(async () => {
  process.env = environment;
  await fixture.stop();
});

/** The functions' own client, with its own retries, at the embedded engine. */
async function productClient() {
  const { endpoint } = fixture.client.config;
  if (!endpoint) throw new Error("the engine has no endpoint");
  const { protocol, hostname, port } = await endpoint();
  process.env = {
    ...environment,
    AWS_ENDPOINT_URL_DYNAMODB: `${protocol}//${hostname}:${port}`,
    AWS_REGION: "local",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
  };
  return createDynamoClient();
}

/** Begins so many, evenly over the time, whether those before are done or not: clients do not wait for one another. */
async function atRate(perSecond: number, seconds: number, begin: () => Promise<void>): Promise<void> {
  const begun: Promise<void>[] = [];
  const started = performance.now();
  while (begun.length < perSecond * seconds) {
    const due = Math.min(perSecond * seconds, ((performance.now() - started) / 1_000) * perSecond);
    while (begun.length < due) begun.push(begin());
    await wait(5);
  }
  await Promise.all(begun);
}

test("joins and packets above what a partition takes are tried again: none is lost, and the backlog drains", async () => {
  const client = await productClient();
  const limit = new PartitionLimit(client, LIMIT);
  const clock = { now: Date.now };
  const store = createDynamoStore({ client, table: fixture.table, clock });
  const offsets = new Offsets(clock);
  const joined = new Set<string>();
  const logged = new Set<string>();
  const [nsp, room] = ["/", "hot"];
  const started = performance.now();
  let cameIn = 0;

  const joins = atRate(LIMIT * OVERLOAD, SECONDS, async () => {
    const id = randomBytes(15).toString("base64url");
    await store.putMember({ nsp, room, id, connectionId: `C ${id}`, connectedAt: clock.now(), token: "t" });
    joined.add(id);
  });
  // Two writes for each packet: half as many of these are as much.
  const packets = atRate((LIMIT * OVERLOAD) / 2, SECONDS, async () => {
    const id = offsets.next();
    await store.putLog({ nsp, room, id, frames: ["42[]"], except: [] }, clock.now() + 3_600_000);
    await store.finishLog({ nsp, room, id, done: clock.now(), missed: [] });
    logged.add(id);
    cameIn = performance.now() - started;
  });
  await Promise.all([joins, packets]);
  const drained = performance.now() - started;

  const members = new Set<string>();
  for await (const page of store.listMembers(nsp, room)) for (const { id } of page) members.add(id);
  const rows = new Map<string, boolean>();
  for await (const page of store.listLog(nsp, room, ""))
    for (const { id, done } of page) rows.set(id, done !== undefined);
  client.destroy();

  const { count } = PartitionLimit;
  process.stdout.write(
    `at ${LIMIT} writes a second and ${OVERLOAD} times as many for ${SECONDS} s: ` +
      `${members.size} joins (${count(limit.throttled, "R#")} throttled), ` +
      `${rows.size} packets of 2 writes (${count(limit.throttled, "L#")} throttled), ` +
      `all in after ${(drained / 1_000).toFixed(1)} s, the last packet after ${(cameIn / 1_000).toFixed(1)} s\n`,
  );
  // It was too much, so that this shows something; and nothing of it is lost.
  expect(count(limit.throttled, "R#")).toBeGreaterThan(LIMIT / 4);
  expect(count(limit.throttled, "L#")).toBeGreaterThan(LIMIT / 4);
  expect(members).toEqual(joined);
  expect(members.size).toBeGreaterThanOrEqual(LIMIT * OVERLOAD * SECONDS);
  expect(new Set(rows.keys())).toEqual(logged);
  expect([...rows.values()].every((done) => done)).toBe(true);
  // Not sooner than a partition takes it.
  expect(drained).toBeGreaterThan((SECONDS * OVERLOAD - 0.5) * 1_000);
});
