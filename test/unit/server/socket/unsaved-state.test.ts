import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Server } from "../../../../lambdas/server/api/index.ts";
import { nameBytes } from "../../../../lambdas/server/common/row-limits.ts";
import type { Store } from "../../../../lambdas/server/ports/store.ts";
import { entryName } from "../../../../lambdas/store/entry-names.ts";
import { createMemoryStore } from "../../../../lambdas/store/memory/store.ts";
import { Harness, realClock } from "../../../support/harness.ts";

/** State that is not saved: by one try, one line of the log, and an end of the event as quick as any. */

const app = (): Server => {
  const io = new Server();
  io.use((socket, next) => {
    if (socket.handshake.auth.large) socket.data.large = "x".repeat(450_000);
    if (socket.handshake.auth.rooms) socket.join("r".repeat(70_000));
    next();
  });
  io.on("connection", (socket) => {
    socket.on("set", (data, ack) => {
      Object.assign(socket.data, data);
      socket.emit("set");
      ack("done");
    });
    socket.on("repeat", (key, length, ack) => {
      socket.data[key] = "x".repeat(length);
      for (let i = 0; i < 20; i++) socket.emit("step", i);
      ack("done");
    });
    socket.on("many", (n, ack) => {
      for (let i = 0; i < n; i++) {
        socket.data[`turn${i}`] = "y".repeat(900);
        if (i % 10 === 0) socket.emit("step", i);
      }
      ack("done");
    });
    socket.on("join", async (room, n, ack) => {
      try {
        await socket.join(room.repeat(n));
        ack("joined", socket.rooms.size);
      } catch (error) {
        ack(error instanceof Error && "code" in error ? error.code : error, socket.rooms.size);
      }
    });
    socket.on("kept", (ack) => ack(Object.keys(socket.data)));
  });
  return io;
};

/** A table whose writes of state fail as long as it is told to. */
class FailingStore {
  failing = false;
  readonly store: Store;
  constructor() {
    const store = createMemoryStore({ clock: realClock });
    this.store = {
      ...store,
      saveState: (...args) =>
        this.failing ? Promise.reject(new Error("the table is away")) : store.saveState(...args),
    };
  }
}

describe("a write that fails", () => {
  test("is tried once, is one line of the log, and holds back the acknowledgement only", async () => {
    const table = new FailingStore();
    const harness = new Harness({ app, ports: { store: table.store } });
    const wire = await harness.join();
    table.failing = true;
    await wire.send('421["repeat","history",3]');
    expect(harness.storeCalls.filter((name) => name === "saveState")).toHaveLength(1);
    expect(wire.events).toHaveLength(20);
    expect(wire.frames.filter((frame) => frame.startsWith("43"))).toEqual([]);
    expect(harness.log).toEqual([
      {
        level: "error",
        code: "SKY_STATE_NOT_SAVED",
        message: expect.stringMatching(/^socket\.data\.history \(5 bytes\) could not be saved/),
      },
    ]);
    table.failing = false;
    await wire.send('422["set",{"history":1}]');
    await wire.send('423["kept"]');
    expect(wire.frames.slice(-2)).toEqual(['432["done"]', '433[["history"]]']);
  });

  test("holds back no acknowledgement that came before it", async () => {
    const table = new FailingStore();
    const early = (): Server => {
      const io = new Server();
      io.on("connection", (socket) => {
        socket.on("go", (ack) => {
          ack("before");
          socket.data.a = 1;
        });
      });
      return io;
    };
    const harness = new Harness({ app: early, ports: { store: table.store } });
    const wire = await harness.join();
    table.failing = true;
    await wire.send('421["go"]');
    expect(wire.frames.at(-1)).toBe('431["before"]');
    expect(harness.log.map(({ code }) => code)).toEqual(["SKY_STATE_NOT_SAVED"]);
  });
});

describe("what is too large", () => {
  test.each([
    ["a value", 'repeat","history",450000', "socket.data.history takes 450002 bytes"],
    ["all values", 'many",500', "socket.data.turn"],
  ])("%s is one line of the log; everything else goes on", async (_, event, message) => {
    const harness = new Harness({ app });
    const wire = await harness.join();
    await wire.send(`421["${event}]`);
    expect(wire.frames.at(-1)).toBe('431["done"]');
    expect(harness.log).toEqual([
      { level: "error", code: "SKY_STATE_TOO_LARGE", message: expect.stringContaining(message) },
    ]);
    await wire.send('422["set",{"small":1}]');
    await wire.send('423["kept"]');
    expect(wire.frames.at(-1)).toContain('"small"');
    expect(harness.log).toHaveLength(1);
  });

  test("set by a middleware, it does not keep a client out", async () => {
    const harness = new Harness({ app });
    const wire = await harness.join("/", { large: true });
    await wire.send('421["kept"]');
    expect(wire.frames.at(-1)).toBe('431[["large"]]');
    await wire.send('422["set",{"small":1}]');
    // Once, though it runs again before each event.
    expect(harness.log.map(({ code }) => code)).toEqual(["SKY_STATE_TOO_LARGE"]);
  });
});

describe("names of rooms", () => {
  test("that are too long are refused, and the socket can go on joining", async () => {
    const harness = new Harness({ app });
    const wire = await harness.join();
    await wire.send('421["join","a",65500]');
    await wire.send('422["join","b",65000]');
    await wire.send('423["join","c",65000]');
    await wire.send('424["join","d",3000]');
    await wire.send('425["join","d",2]');
    expect(wire.frames.slice(-5)).toEqual([
      '431["SKY_ROOM_NAMES_TOO_LONG",1]',
      '432["joined",2]',
      '433["joined",3]',
      '434["SKY_ROOM_NAMES_TOO_LONG",3]',
      '435["joined",4]',
    ]);
    expect(harness.log).toEqual([]);
  });

  test("from a middleware do not keep a client out", async () => {
    const harness = new Harness({ app });
    const wire = await harness.join("/", { rooms: true });
    expect(wire.frames.at(-1)).toMatch(/^40/);
    expect(harness.log.map(({ message }) => message)).toEqual([expect.stringContaining("join() failed")]);
  });

  test("a join whose write fails leaves no trace: the next one is done", async () => {
    let failing = true;
    const store = createMemoryStore({ clock: realClock });
    const addRooms: Store["addRooms"] = (...args) =>
      failing ? Promise.reject(new Error("the table is away")) : store.addRooms(...args);
    const harness = new Harness({ app, ports: { store: { ...store, addRooms } } });
    const wire = await harness.join();
    await wire.send('421["join","a",1]');
    expect(wire.frames.at(-1)).toBe("431[{},1]");
    failing = false;
    await wire.send('422["join","a",1]');
    expect(wire.frames.at(-1)).toBe('432["joined",2]');
  });

  test("are never counted shorter than the table writes them", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 50 }), (name) => {
        expect(nameBytes(name)).toBeGreaterThanOrEqual(Buffer.byteLength(entryName(name)));
      }),
    );
  });
});

test("answers that a listener got are kept as far as there is place: the client is not cut off", async () => {
  const harness = new Harness({
    // The events run at once, and in one process here: each would take the others' timers for work of its own.
    ports: { activeResources: () => [] },
    app: () => {
      const io = new Server();
      io.on("connection", async (socket) => {
        const found: unknown[] = [];
        for (let i = 0; i < 3; i++) {
          const answer: unknown = await socket
            .timeout(5_000)
            .emitWithAck("who")
            .catch(() => "none");
          found.push(typeof answer === "string" ? answer.length : answer);
        }
        socket.on("found", (ack) => ack(found));
      });
      return io;
    },
  });
  const wire = await harness.connect();
  const connecting = wire.send("40");
  for (let i = 0; i < 3; i++) {
    const id = (await wire.next((frame) => frame.includes('["who"]'))).match(/^42(\d+)/)?.[1];
    await wire.send(`43${id}["${"x".repeat(20_000)}"]`);
  }
  await connecting;
  await wire.send('421["found"]');
  // The third is no longer known: in a replay it is a client that did not answer.
  expect(wire.frames.at(-1)).toBe("431[[20000,20000,4]]");
  expect(harness.log.map(({ code }) => code)).toEqual(["SKY_ANSWER_NOT_KEPT"]);
});
