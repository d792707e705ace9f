import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { EventStream } from "../../../infra/local/event-stream.ts";
import { createMeter } from "../../../infra/local/meter.ts";
import type { CloudEvent } from "../../../infra/local/model.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const event = (body: string): CloudEvent => ({
  kind: "gateway",
  at: 0,
  connectionId: "c",
  operation: "message",
  functionId: undefined,
  bytes: body.length,
  status: 200,
  body,
});

/** A stream over HTTP, and what a reader of it gets: id and body of each event. */
async function start() {
  const meter = createMeter();
  const stream = new EventStream(meter);
  let after: number | undefined;
  const server = createServer((_request, response) => stream.add(response, after)).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const { port }: AddressInfo = address;
  return {
    stream,
    happen(body: string): void {
      meter.record(event(body));
      stream.send(event(body));
    },
    /** Reads until the event with this body. */
    async read(from: number | undefined, last: string): Promise<readonly (readonly [string, string])[]> {
      after = from;
      const response = await fetch(`http://127.0.0.1:${port}/`);
      let text = "";
      for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        text += chunk;
        if (text.includes(`${JSON.stringify(last)}}\n\n`)) break;
      }
      return [...text.matchAll(/^id: (\d+)\ndata: (.*)$/gm)].map(([, id = "", data = ""]) => [
        id,
        JSON.parse(data).body,
      ]);
    },
  };
}

describe("what happens, as a stream", () => {
  test("begins after the event that the reader names", async () => {
    const { happen, read, stream } = await start();
    for (const body of ["a", "b", "c"]) happen(body);
    expect(stream.latest).toBe(3);
    expect(await read(1, "c")).toEqual([
      ["2", "b"],
      ["3", "c"],
    ]);
    expect(await read(0, "c")).toHaveLength(3);
  });

  test("goes on with what comes, without a gap or a double", async () => {
    const { happen, read } = await start();
    happen("a");
    const reading = read(0, "c");
    const later = setInterval(() => happen("c"), 1);
    cleanups.push(() => clearInterval(later));
    const seen = (await reading).map(([id]) => Number(id));
    expect(seen).toEqual(seen.map((_, at) => at + 1));
  });

  test("tells nothing of before to who does not ask, nor to who names a number from before a restart", async () => {
    const { happen, read } = await start();
    happen("a");
    for (const from of [undefined, 1_000]) {
      const reading = read(from, "b");
      const later = setInterval(() => happen("b"), 1);
      const [first] = await reading;
      clearInterval(later);
      expect(first?.[1]).toBe("b");
    }
  });

  test("tells no more of before than a reader can take, the newest", async () => {
    const { happen, read } = await start();
    const large = "x".repeat(30_000);
    for (let at = 0; at < 100; at++) happen(`${at}${large}`);
    happen("end");
    const bodies = (await read(0, "end")).map(([, body]) => body);
    expect(bodies.length).toBeGreaterThan(50);
    expect(bodies.length).toBeLessThan(80);
    expect(bodies.at(-1)).toBe("end");
  });
});
