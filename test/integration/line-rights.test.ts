import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import WebSocket from "ws";
import { TestClouds } from "../support/cloud.ts";
import { type Denied, deniedIn } from "../support/iam-scenario.ts";
import { WireClient } from "../support/local-gateway.ts";
import { synthesize, withoutGrant } from "../support/synth.ts";

const clouds = new TestClouds();
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "skysocket-line-"));
  await synthesize({ ordered: true, outdir: join(directory, "whole") });
});

afterAll(async () => {
  await clouds.stop();
  await rm(directory, { recursive: true, force: true });
});

test("without the right of API Gateway's role no frame gets into the line, and the log says which is missing", async () => {
  const assembly = join(directory, "without");
  await withoutGrant(join(directory, "whole"), "GatewayLineSend", assembly);
  const denials: Denied[] = [];
  const cloud = await clouds.start({
    assembly,
    onLog: ({ text }) => {
      const denial = deniedIn(text);
      if (denial) denials.push(denial);
    },
  });
  const client = new WireClient(new WebSocket(`${cloud.ws}/?EIO=4&transport=websocket`));
  expect((await client.next()).text).toMatch(/^0\{/);
  client.socket.send("40");
  expect((await client.next()).text).toContain("Internal server error");
  client.socket.terminate();
  const queue = cloud.model.queues.find(({ fifo, redrive }) => fifo !== undefined && redrive !== undefined);
  expect(denials[0]).toMatchObject({ action: "sqs:SendMessage", resource: queue?.arn });
  expect(cloud.queues.messages(queue?.arn ?? "")).toEqual([]);
});
