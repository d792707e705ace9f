import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startWireBench, type WireBench } from "../support/wire-bench.ts";
import { answersOf, hear, type Talk } from "../support/wire-talk.ts";
import * as tables from "../support/wire-talks.ts";

/** Frame by frame, what a client gets for what it sends: the same as from stock, or the reason is in the table. */
const APP = fileURLToPath(new URL("../apps/wire.ts", import.meta.url));

let bench: WireBench;

beforeAll(async () => {
  bench = await startWireBench(APP);
});

afterAll(async () => {
  await bench?.stop();
});

const SUBJECTS: readonly (readonly [string, readonly Talk[]])[] = [
  ["Engine.IO packets", tables.engine],
  ["CONNECT", tables.connects],
  ["before CONNECT", tables.beforeConnect],
  ["DISCONNECT", tables.disconnects],
  ["EVENT", tables.events],
  ["types of packets", tables.types],
  ["ACK", tables.answers],
  ["attachments", tables.attachments],
];

describe.each(SUBJECTS)("%s", (_, talks) => {
  test.each(talks)("$name", async (talk) => {
    const [theirs, ours] = await Promise.all([hear(talk, bench.stock), hear(talk, bench.ours)]);
    expect(answersOf(talk, theirs, bench.ours)).toContainEqual(ours);
  });
});
