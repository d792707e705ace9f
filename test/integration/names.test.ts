import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { TestClouds } from "../support/cloud.ts";
import { ScenarioContext } from "../support/scenario.ts";
import { TORTURE } from "../support/store-contract-names.ts";

/** Names that have broken other systems, all the way from the official client into the table and back. */
const APP = fileURLToPath(new URL("../apps/names.ts", import.meta.url));

const clouds = new TestClouds();
let context: ScenarioContext;

beforeAll(async () => {
  const { url, path } = await clouds.start({ app: APP });
  context = new ScenarioContext({ name: "cloud", url, path, stop: async () => undefined });
});

afterAll(async () => {
  await context?.stop();
  await clouds.stop();
});

test("a room of any name reaches who is in it, once, and nobody else", async () => {
  const clients = await Promise.all(["one", "two", "three"].map((name) => context.connect(name)));
  const [first] = clients;
  const ownerOf = (index: number) => clients[index % clients.length];
  for (const [index, room] of TORTURE.entries())
    expect(await ownerOf(index)?.ask("join", room)).toEqual([true]);
  for (const room of TORTURE) await first?.ask("tell", room);
  // What is left is reached no more.
  for (const [index, room] of TORTURE.entries()) await ownerOf(index)?.ask("leave", room);
  for (const room of TORTURE) await first?.ask("tell", room);
  first?.emit("tell all");
  for (const [index, client] of clients.entries()) {
    await client.next("told all");
    const told = client.trace.entries.filter(([kind, event]) => kind === "on" && event === "told");
    expect(told.map(([, , room]) => room)).toEqual(TORTURE.filter((_, at) => at % clients.length === index));
  }
});

test("an event of any name goes there and back", async () => {
  const client = await context.connect("events", { nsp: "/events" });
  for (const name of TORTURE) {
    expect(await client.ask(name)).toEqual([name]);
    expect(await client.next(name)).toEqual(["back"]);
  }
});

test("a namespace of any name that is text is one of its own", async () => {
  // A namespace is written into the frame as it is. Half a surrogate pair is no UTF-8, and a WebSocket carries nothing else.
  const names = TORTURE.filter((name) => name !== "" && Buffer.from(name).toString() === name);
  expect(names.length).toBeGreaterThan(20);
  const main = await context.connect("over");
  const sockets = [];
  for (const [index, name] of names.entries()) {
    sockets.push(await context.connect(`namespace ${index}`, { nsp: `/${name}`, over: main }));
  }
  for (const [index, name] of names.entries())
    expect(await sockets[index]?.ask("where")).toEqual([`/${name}`]);
});
