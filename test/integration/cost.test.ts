import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { LocalCloud } from "../../infra/local/cloud.ts";
import { TestClouds } from "../support/cloud.ts";
import { MeterStream } from "../support/meter-stream.ts";
import { Names } from "../support/scenario-names.ts";
import { RawClient } from "../support/scenario-raw.ts";

/** What events cost, counted by the local cloud as AWS would bill it: requests, writes and posts are the price of everything. */
const APP = fileURLToPath(new URL("../apps/echo.ts", import.meta.url));

const clouds = new TestClouds();
const clients: Metered[] = [];

/** A client, and what happens in the cloud since it came, or since the last `stream.clear()`. */
interface Metered {
  readonly stream: MeterStream;
  readonly client: RawClient;
}

afterEach(async () => {
  for (const { stream, client } of clients.splice(0)) {
    stream.clear();
    await client.stop();
    // Its end would be counted with the next client's doings.
    await stream.run("$disconnect");
    stream.close();
  }
});

afterAll(() => clouds.stop());

async function dial(cloud: LocalCloud): Promise<Metered> {
  const stream = await MeterStream.open(cloud.url);
  const client = new RawClient("ada", `${cloud.ws}/?EIO=4&transport=websocket`, new Names("cost"));
  clients.push({ stream, client });
  await client.opened();
  return { stream, client };
}

/** With the open packet. */
async function opened(cloud: LocalCloud): Promise<Metered> {
  const metered = await dial(cloud);
  await Promise.all([metered.stream.run("$connect"), metered.stream.run("async")]);
  metered.stream.clear();
  return metered;
}

/** In the namespace "/". */
async function connected(cloud: LocalCloud): Promise<Metered> {
  const metered = await opened(cloud);
  metered.client.send("40");
  await metered.client.frame();
  await metered.stream.run("$default");
  metered.stream.clear();
  return metered;
}

describe("by posts", () => {
  let cloud: LocalCloud;

  beforeAll(async () => {
    cloud = await clouds.start({ app: APP });
  });

  test("a connection, up to the open packet, costs two writes and one packet", async () => {
    const { stream } = await dial(cloud);
    const [connect, open] = await Promise.all([stream.run("$connect"), stream.run("async")]);
    expect(stream.usage(connect)).toEqual({ requests: ["PutItem"], writes: ["PutItem"], posts: [] });
    const { writes, posts } = stream.usage(open);
    // Several of each, where the row or the connection is not there yet.
    expect([new Set(writes), new Set(posts).size]).toEqual([new Set(["UpdateItem"]), 1]);
  });

  test("CONNECT to a namespace costs at most five writes and one post", async () => {
    const { stream, client } = await opened(cloud);
    client.send("40");
    const answer = await client.frame();
    const { writes, posts } = stream.usage(await stream.run("$default"));
    expect(posts).toEqual([answer]);
    expect(writes.length).toBeGreaterThan(0);
    expect(writes.length).toBeLessThanOrEqual(5);
    // Nobody else does the rest.
    expect(stream.runs).toHaveLength(1);
  });

  test("an echo with acknowledgement costs one request, no write and one post", async () => {
    const { stream, client } = await connected(cloud);
    client.send('420["echo",{"a":[1,"ü"]}]');
    expect(await client.frame()).toBe('430[{"a":[1,"ü"]}]');
    expect(stream.usage(await stream.run("$default"))).toEqual({
      requests: ["Query"],
      writes: [],
      posts: ['430[{"a":[1,"ü"]}]'],
    });
    expect(stream.events.filter(({ kind }) => kind === "dynamodb")).toHaveLength(1);
    expect(stream.runs).toHaveLength(1);
  });

  test("the answer to a heartbeat costs no request", async () => {
    const { stream, client } = await connected(cloud);
    client.send("3");
    expect(stream.usage(await stream.run("$default"))).toEqual({ requests: [], writes: [], posts: [] });
  });
});

describe("by route responses", () => {
  // An answer waits 25 ms for the end of its invocation, then it is posted: on a machine too busy for that, once more.
  const TRIES = 20;

  test("an echo with acknowledgement costs one request, no write and no post", async () => {
    const { stream, client } = await connected(
      await clouds.start({ app: APP, ordered: false, routeResponses: true }),
    );
    const usages: ReturnType<MeterStream["usage"]>[] = [];
    for (let i = 0; i < TRIES; i++) {
      stream.clear();
      client.send(`42${i}["echo",{"a":1}]`);
      // Responses with nothing to say are a noop: of the CONNECT, and of answers that were posted.
      let frame = await client.frame();
      while (frame === "6") frame = await client.frame();
      expect(frame).toBe(`43${i}[{"a":1}]`);
      const usage = stream.usage(await stream.run("$default"));
      expect([usage.requests, usage.writes]).toEqual([["Query"], []]);
      usages.push(usage);
      if (usage.posts.length === 0) return;
    }
    throw new Error(`every answer was posted: ${JSON.stringify(usages)}`);
  });
});
