import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { msgpackFormat } from "../support/msgpack.ts";
import { startWireBench, type WireBench } from "../support/wire-bench.ts";
import { answersOf, hear } from "../support/wire-talk.ts";
import { connects, packets } from "../support/wire-talks-msgpack.ts";

/** The same as wire.test.ts, of packets of socket.io-msgpack-parser. */
const APP = fileURLToPath(new URL("../apps/wire-msgpack.ts", import.meta.url));

let bench: WireBench;

beforeAll(async () => {
  bench = await startWireBench(APP, msgpackFormat);
});

afterAll(async () => {
  await bench?.stop();
});

describe.each([
  ["CONNECT", connects],
  ["packets", packets],
])("%s", (_, talks) => {
  test.each(talks)("$name", async (talk) => {
    const theirs = await hear(talk, bench.stock);
    const ours = await hear(talk, bench.ours);
    expect(answersOf(talk, theirs, bench.ours)).toContainEqual(ours);
  });
});

test("bytes that announce 4 GB close the connection at once, and the next client is served", async () => {
  // Not on stock: it reserves and fills them.
  const frames = [`b${Buffer.from("81a464617461c9ffffffff00", "hex").toString("base64")}`];
  expect(await hear({ name: "4 GB", frames }, bench.ours)).toEqual(['40{"sid":"…"}', "closed"]);
  expect(await hear({ name: "the next", frames: ['421["x"]'] }, bench.ours)).toContain('431["ok"]');
});
