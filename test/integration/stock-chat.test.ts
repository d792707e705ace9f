import { fileURLToPath } from "node:url";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import type { Client } from "../support/client.ts";
import { TestClouds } from "../support/cloud.ts";
import { MeterStream } from "../support/meter-stream.ts";
import { ScenarioContext, type Traces } from "../support/scenario.ts";
import type { Target } from "../support/scenario-target.ts";
import { startStock } from "../support/stock.ts";

/** The chat of docs/PORTING.md: what official clients see of it is the same on the local cloud and on stock Socket.IO. */
const APP = fileURLToPath(new URL("../apps/stock-chat.ts", import.meta.url));

const clouds = new TestClouds();
const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

afterAll(() => clouds.stop());

/** Resolves when the server is done with the next thing that it was given, of each of these triggers. */
type Done = (...triggers: string[]) => Promise<void>;

/** Each step waits for what clients are shown of it, and for the server to be done: so nothing more of it can come later. */
async function converse(target: Target, done: Done): Promise<Traces> {
  const context = new ScenarioContext(target);
  cleanups.push(() => context.stop());
  const join = async (name: string): Promise<Client> => {
    const client = await context.connect(name);
    await done("$default");
    return client;
  };
  const say = async (
    client: Client,
    event: string,
    args: string[],
    ...receivers: Client[]
  ): Promise<void> => {
    client.emit(event, ...args);
    await Promise.all([done("$default"), ...receivers.map((receiver) => receiver.next(event))]);
  };

  const ada = await join("ada");
  await say(ada, "add user", ["Ada"]);
  await ada.next("login");
  const bob = await join("bob");
  await say(bob, "add user", ["Bob"]);
  await Promise.all([bob.next("login"), ada.next("user joined")]);
  // Has a nickname already.
  await say(bob, "add user", ["Eve"]);

  await say(ada, "chat message", ["hello, all"], ada, bob);
  await say(bob, "typing", [], ada);
  await say(bob, "stop typing", [], ada);
  await say(bob, "new message", ["hello, Ada"], ada);

  // Somebody who only looks is not counted, neither coming nor going.
  const guest = await join("guest");
  await say(guest, "chat message", ["who is here?"], ada, bob, guest);
  guest.socket.disconnect();
  await done("$default", "$disconnect");

  bob.socket.disconnect();
  await done("$default", "$disconnect");
  await ada.next("user left");
  await say(ada, "chat message", ["alone"], ada);
  return context.traces();
}

const CONVERSATION: Traces = {
  ada: [
    ["connect"],
    ["on", "login", { numUsers: 1 }],
    ["on", "user joined", { username: "Bob", numUsers: 2 }],
    ["on", "chat message", "hello, all"],
    ["on", "typing", { username: "Bob" }],
    ["on", "stop typing", { username: "Bob" }],
    ["on", "new message", { username: "Bob", message: "hello, Ada" }],
    ["on", "chat message", "who is here?"],
    ["on", "user left", { username: "Bob", numUsers: 1 }],
    ["on", "chat message", "alone"],
  ],
  bob: [
    ["connect"],
    ["on", "login", { numUsers: 2 }],
    ["on", "chat message", "hello, all"],
    ["on", "chat message", "who is here?"],
    ["disconnect", "io client disconnect"],
  ],
  guest: [["connect"], ["on", "chat message", "who is here?"], ["disconnect", "io client disconnect"]],
};

test("the chat goes as on stock, without a complaint in the log", async () => {
  const cloud = await clouds.start({ app: APP });
  const stream = await MeterStream.open(cloud.url);
  cleanups.push(() => stream.close());
  const target: Target = { name: "cloud", url: cloud.url, path: cloud.path, stop: () => cloud.stop() };

  const seen = new Map<string, number>();
  const traces = await converse(target, async (...triggers) => {
    for (const trigger of triggers) {
      // The next call waits for the next one.
      const count = (seen.get(trigger) ?? 0) + 1;
      seen.set(trigger, count);
      await stream.until(() => stream.handled(trigger) >= count);
    }
  });
  expect(traces).toEqual(CONVERSATION);
  // A replay that diverged, a lost handler or work that was cut off would be a line here.
  expect(cloud.logs.lines.filter(({ level }) => level === "error" || level === "warn")).toEqual([]);
});

test("with the import changed back it still runs on stock", async () => {
  const stock = await startStock(APP);
  cleanups.push(() => stock.stop());
  // There are no runs to wait for: one process takes things in the order in which they come.
  const traces = await converse(stock, async () => undefined);
  expect(traces).toEqual(CONVERSATION);
});
