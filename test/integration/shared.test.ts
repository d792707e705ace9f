import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { LocalCloud } from "../../infra/local/cloud.ts";
import type { Client } from "../support/client.ts";
import { TestClouds } from "../support/cloud.ts";
import { ScenarioContext } from "../support/scenario.ts";

/** Unmodified clients, several instances, and variables of the module that they share. */
const APP = fileURLToPath(new URL("../apps/shared.ts", import.meta.url));
const CLIENTS = ["ada", "ben", "cem", "dana", "eve", "finn", "gus", "hal"];

const clouds = new TestClouds();

afterAll(() => clouds.stop());

describe.each([{ ordered: false }, { ordered: true }])("ordered: $ordered", ({ ordered }) => {
  let cloud: LocalCloud;
  let context: ScenarioContext;
  let clients: Client[];

  beforeEach(async () => {
    cloud = await clouds.start({ app: APP, ordered });
    context = new ScenarioContext({ name: "cloud", url: cloud.url, path: cloud.path, stop: async () => {} });
    clients = await Promise.all(CLIENTS.map((name) => context.connect(name)));
  });

  afterEach(async () => {
    await context.stop();
    expect(cloud.logs.lines.filter(({ level }) => level === "error")).toEqual([]);
    await clouds.stopClouds();
  });

  const one = (index: number): Client => {
    const client = clients[index];
    if (!client) throw new Error(`there is no client ${index}`);
    return client;
  };

  test("names, seats and strokes are decided as in one process, in several instances", async () => {
    const names = await Promise.all(clients.map((client) => client.ask("name", "ada")));
    expect(names.filter(([got]) => got)).toHaveLength(1);
    const seats = await Promise.all(clients.map((client) => client.ask("seat")));
    expect(seats.filter(([got]) => got)).toHaveLength(6);
    const instances = new Set([...names, ...seats].map(([, instance]) => instance));
    expect(instances.size).toBeGreaterThan(1);

    const strokes = Array.from({ length: 24 }, (_, stroke) => stroke);
    const counts = await Promise.all(strokes.map((stroke) => one(stroke % 5).ask("draw", stroke)));
    expect(counts.flat().toSorted((a, b) => Number(a) - Number(b))).toEqual(strokes.map((n) => n + 1));
    const [users, seated, drawn, isDate] = await one(0).ask("content");
    expect([users, seated, isDate]).toEqual([["ada"], 6, true]);
    expect((drawn as number[]).toSorted((a, b) => a - b)).toEqual(strokes);
  });

  test("one client's question does not hold up another's event", async () => {
    let answer = (): void => undefined;
    const asked = new Promise<void>((resolve) => {
      one(0).socket.on("sure?", (reply: (sure: boolean) => void) => {
        answer = () => reply(true);
        resolve();
      });
    });
    const sure = one(0).ask("ask");
    await asked;
    expect((await one(1).ask("name", "ben"))[0]).toBe(true);
    answer();
    expect(await sure).toEqual([true]);
  });

  test("who leaves is in no list any more", async () => {
    await Promise.all(clients.map((client, n) => client.ask("name", `user ${n}`)));
    for (const client of clients.slice(0, 7)) client.socket.disconnect();
    for (;;) {
      const [left] = await one(7).next("left");
      if (left === 1) break;
    }
    expect((await one(7).ask("content"))[0]).toEqual(["user 7"]);
  });
});
