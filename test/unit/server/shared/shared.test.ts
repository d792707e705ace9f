import { describe, expect, test } from "@jest/globals";
import { Server } from "../../../../lambdas/server/api/index.ts";
import { Harness, type HarnessOptions } from "../../../support/harness.ts";

interface User {
  readonly id: string;
  name: string;
}

/** The application of most tutorials. */
function chat(): Server {
  const io = new Server();
  const users = io.shared("users", [] as User[]);
  const count = io.shared("count", { connected: 0 });
  io.on("connection", (socket) => {
    count.connected++;
    socket.on("join", (name: string, ack?: (taken: boolean) => void) => {
      const taken = users.some((user) => user.name === name);
      if (!taken) users.push({ id: socket.id, name });
      io.emit("users", users);
      ack?.(!taken);
    });
    socket.on("who", (ack: (...all: unknown[]) => void) => ack(users, count.connected));
    socket.on("disconnect", () => {
      count.connected--;
      const at = users.findIndex(({ id }) => id === socket.id);
      if (at !== -1) users.splice(at, 1);
      io.emit("users", users);
    });
  });
  return io;
}

async function answerTo(harness: Harness, ...event: unknown[]): Promise<unknown[]> {
  const wire = await harness.join();
  await wire.send(`420${JSON.stringify(event)}`);
  const frame = await wire.next((one) => one.startsWith("430"));
  await wire.close();
  return JSON.parse(frame.slice(3));
}

const options: readonly (readonly [string, Partial<HarnessOptions>])[] = [
  ["of cold instances", {}],
  ["of a warm instance", { warm: true }],
];

describe.each(options)("%s", (_, how) => {
  test("what one event changes, the next one finds, of whatever client", async () => {
    const harness = new Harness({ app: chat, ...how });
    const ada = await harness.join();
    const bob = await harness.join();
    await ada.emit("join", "ada");
    await bob.emit("join", "bob");
    const lists = ada.events.map(([, list]) => (list as User[]).map(({ name }) => name));
    expect(lists).toEqual([["ada"], ["ada", "bob"]]);
    expect(await answerTo(harness, "who")).toMatchObject([[{ name: "ada" }, { name: "bob" }], 3]);
    await bob.close();
    expect(await answerTo(harness, "who")).toMatchObject([[{ name: "ada" }], 2]);
    // On a busy machine an event may have the variables for longer than a second, and be told so.
    expect(harness.log.filter(({ code }) => code !== "SKY_SHARED_HELD")).toEqual([]);
  });

  test("eight ask for one name at once: one has it", async () => {
    // Several instances run in one process here: what holds it says nothing about one of them.
    const harness = new Harness({ app: chat, ...how, ports: { activeResources: () => [] } });
    const wires = await Promise.all(Array.from({ length: 8 }, () => harness.join()));
    await Promise.all(wires.map((wire) => wire.send('421["join","ada"]')));
    const answers = wires.map((wire) => wire.frames.find((frame) => frame.startsWith("431")));
    expect(answers.toSorted()).toEqual([...Array(7).fill("431[false]"), "431[true]"]);
    expect(await answerTo(harness, "who")).toMatchObject([[{ name: "ada" }], 9]);
    // On a busy machine an event may have the variables for longer than a second, and be told so.
    expect(harness.log.filter(({ code }) => code !== "SKY_SHARED_HELD")).toEqual([]);
  });
});

test("what a listener does to it when it connects happens once", async () => {
  const harness = new Harness({ app: chat });
  const ada = await harness.join();
  for (const name of ["a", "b", "c"]) await ada.emit("join", name);
  expect(await answerTo(harness, "who")).toMatchObject([{ length: 3 }, 2]);
});
