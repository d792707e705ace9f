import { describe, expect, test } from "@jest/globals";
import { Server, type ServerOptions, type Socket } from "../../../../lambdas/server/api/index.ts";
import { acknowledgedBy, idOfKey, idOfSequence } from "../../../../lambdas/server/inbox/ids.ts";
import { createMemoryStore } from "../../../../lambdas/store/memory/store.ts";
import { Harness, realClock, type Wire } from "../../../support/harness.ts";
import { ackOf, type Delivery, deliveriesOf, inboxOf } from "../../../support/inbox.ts";

/** Opens the inboxes that `auth` names, and does what events say. */
const application =
  (more: (socket: Socket, io: Server) => void = () => undefined, options: ServerOptions = {}) =>
  (): Server => {
    const io = new Server(options);
    io.on("connection", (socket) => {
      const { inboxes = [], window } = socket.handshake.auth;
      for (const name of inboxes) socket.openInbox(name, window ? { window } : {});
      socket.on("put", async (name: string, ...values: unknown[]) => {
        for (const value of values) await io.inbox(name).emit("mail", value);
      });
      socket.on("open", (name: string, done) => {
        socket.openInbox(name).then(
          () => done?.("open"),
          (error: unknown) => done?.((error as { code: string }).code),
        );
      });
      socket.on("close", (name: string) => {
        socket.closeInbox(name);
      });
      more(socket, io);
    });
    return io;
  };

/** Invocations at once would take each other's timers for work of their own, since here they share a process. */
const QUIET = { activeResources: () => [] };

const valuesOf = (wire: Wire): unknown[] => deliveriesOf(wire.frames).map(({ data }) => data[1]);
const waiting = async ({ store }: Harness, name = "ada"): Promise<unknown[]> =>
  (await inboxOf(store, name)).map(({ data }) => JSON.parse(data)[1]);
const acknowledge = (wire: Wire, delivery: Delivery | undefined): Promise<unknown> =>
  wire.send(ackOf(delivery));
const numbers = (count: number, from = 0): number[] => Array.from({ length: count }, (_, i) => from + i);

describe("an inbox", () => {
  test("keeps what is emitted until a client has acknowledged it", async () => {
    const harness = new Harness({ app: application(), ports: QUIET });
    const bob = await harness.join();
    await bob.emit("put", "ada", 1, { two: 2 });
    const ada = await harness.join("/", { inboxes: ["ada"] });
    await bob.emit("put", "ada", 3);
    expect(valuesOf(ada)).toEqual([1, { two: 2 }, 3]);
    const [first, second, third] = deliveriesOf(ada.frames);
    await acknowledge(ada, second);
    expect(await waiting(harness)).toEqual([1, 3]);
    await acknowledge(ada, second);
    await acknowledge(ada, third);
    await acknowledge(ada, first);
    expect(await waiting(harness)).toEqual([]);
    expect(valuesOf(ada)).toHaveLength(3);
    expect(harness.log).toEqual([]);
  });

  test("is delivered again by the next opening, from the oldest on", async () => {
    const harness = new Harness({ app: application(), ports: QUIET });
    const bob = await harness.join();
    const first = await harness.join("/", { inboxes: ["ada"] });
    await bob.emit("put", "ada", ...numbers(4));
    await acknowledge(first, deliveriesOf(first.frames)[1]);
    await first.close(1006);
    const second = await harness.join("/", { inboxes: ["ada"] });
    expect(valuesOf(second)).toEqual([0, 2, 3]);
    await second.emit("open", "ada");
    expect(valuesOf(second)).toEqual([0, 2, 3, 0, 2, 3]);
    // The ids of both openings count: the client does not know which is the latest.
    const [early, , , , late, last] = deliveriesOf(second.frames);
    for (const delivery of [early, late, last]) await acknowledge(second, delivery);
    // Those of the first opening do nothing any more: its slot is gone.
    expect(await waiting(harness)).toEqual([0]);
    expect(harness.log).toEqual([]);
  });

  test("is delivered to every device that has it open, and gone for all with the first acknowledgement", async () => {
    const harness = new Harness({ app: application(), ports: QUIET });
    const devices = [
      await harness.join("/", { inboxes: ["ada"] }),
      await harness.join("/", { inboxes: ["ada"] }),
    ];
    const bob = await harness.join();
    await bob.emit("put", "ada", ...numbers(3));
    for (const device of devices) expect(valuesOf(device)).toEqual([0, 1, 2]);
    const [one, other] = devices.map((device) => deliveriesOf(device.frames));
    await Promise.all((one ?? []).map((delivery) => devices[0] && acknowledge(devices[0], delivery)));
    expect(await waiting(harness)).toEqual([]);
    await bob.emit("put", "ada", "new");
    // Late ones remove nothing else.
    await Promise.all((other ?? []).map((delivery) => devices[1] && acknowledge(devices[1], delivery)));
    expect(await waiting(harness)).toEqual(["new"]);
  });

  test("belongs to its namespace and its name alone", async () => {
    const app = (): Server => {
      const io = application()();
      io.of("/other").on("connection", (socket) => {
        socket.openInbox("ada");
        socket.on("put", (value) => {
          io.of("/other").inbox("ada").emit("mail", value);
        });
      });
      return io;
    };
    const harness = new Harness({ app, ports: QUIET });
    const main = await harness.join("/", { inboxes: ["ada", "ada2"] });
    const other = await harness.join("/other");
    await main.emit("put", "ada", "main");
    await other.send('42/other,["put","other"]');
    expect(valuesOf(main)).toEqual(["main"]);
    expect(deliveriesOf(other.frames, "/other").map(({ data }) => data[1])).toEqual(["other"]);
    await acknowledge(main, deliveriesOf(main.frames)[0]);
    expect(await inboxOf(harness.store, "ada", "/other")).toHaveLength(1);
  });

  test("brings binary data as it was", async () => {
    const put = (socket: Socket, io: Server): void => {
      socket.on("binary", () => {
        io.inbox("ada").emit("mail", { file: Buffer.from([1, 2, 255]) }, [Buffer.from("x")]);
      });
    };
    const harness = new Harness({ app: application(put) });
    const bob = await harness.join();
    await bob.emit("binary");
    const ada = await harness.join("/", { inboxes: ["ada"] });
    const [header, ...attachments] = ada.frames.slice(-3);
    expect(header).toMatch(
      /^452-\d+\["mail",\{"file":\{"_placeholder":true,"num":0\}\},\[\{"_placeholder":true,"num":1\}\]\]$/,
    );
    expect(attachments).toEqual(["bAQL/", "beA=="]);
    await ada.send(`43${/-(\d+)/.exec(header ?? "")?.[1]}[]`);
    expect(await waiting(harness)).toEqual([]);
  });

  test("keeps an event for inboxTtl", async () => {
    let now = 1_800_000_000_000;
    const clock = { ...realClock, now: () => now };
    const harness = new Harness({
      app: application(undefined, { inboxTtl: 5_000 }),
      ports: { ...QUIET, clock },
    });
    const bob = await harness.join();
    await bob.emit("put", "ada", 1);
    now += 4_000;
    expect(await waiting(harness)).toEqual([1]);
    now += 2_000;
    expect(await waiting(harness)).toEqual([]);
  });
});

describe("the window", () => {
  test("is never exceeded, whatever waits, and the order is that of the emits", async () => {
    const harness = new Harness({ app: application(), ports: QUIET });
    const bob = await harness.join();
    await bob.emit("put", "ada", ...numbers(20));
    const ada = await harness.join("/", { inboxes: ["ada"], window: 4 });
    await bob.emit("put", "ada", ...numbers(5, 20));
    const acknowledged = new Set<string>();
    for (let i = 0; i < 25; i++) {
      const deliveries = deliveriesOf(ada.frames);
      expect(deliveries.length - acknowledged.size).toBeLessThanOrEqual(4);
      expect(deliveries.length).toBeGreaterThan(i);
      await acknowledge(ada, deliveries[i]);
      acknowledged.add(deliveries[i]?.id ?? "");
    }
    expect(valuesOf(ada)).toEqual(numbers(25));
    expect(await waiting(harness)).toEqual([]);
  });

  test("is 32 events by default", async () => {
    const harness = new Harness({ app: application(), ports: QUIET });
    const bob = await harness.join();
    await bob.emit("put", "ada", ...numbers(70));
    const ada = await harness.join("/", { inboxes: ["ada"] });
    expect(valuesOf(ada)).toEqual(numbers(32));
    // Out of order, and at once, as invocations have it.
    await Promise.all(
      deliveriesOf(ada.frames)
        .reverse()
        .map((delivery) => acknowledge(ada, delivery)),
    );
    expect(valuesOf(ada).length).toBeGreaterThan(40);
    expect(valuesOf(ada)).toEqual(numbers(valuesOf(ada).length));
  });

  test("holds when events come faster than they are acknowledged, and goes on when they are", async () => {
    const harness = new Harness({ app: application(), ports: QUIET });
    const bob = await harness.join();
    const ada = await harness.join("/", { inboxes: ["ada"], window: 3 });
    await bob.emit("put", "ada", ...numbers(10));
    expect(valuesOf(ada)).toEqual([0, 1, 2]);
    for (let i = 0; i < 10; i++) await acknowledge(ada, deliveriesOf(ada.frames)[i]);
    expect(valuesOf(ada)).toEqual(numbers(10));
    await bob.emit("put", "ada", 10);
    expect(valuesOf(ada)).toEqual(numbers(11));
  });

  test("is 128 KB, of which a single event may take more than half", async () => {
    const harness = new Harness({ app: application(), ports: QUIET });
    const bob = await harness.join();
    await bob.emit("put", "ada", ...numbers(5).map((i) => `${i}${"x".repeat(60_000)}`), "y".repeat(120_000));
    const ada = await harness.join("/", { inboxes: ["ada"] });
    const lengths = (): number[] => valuesOf(ada).map((value) => String(value).length);
    expect(lengths()).toEqual([60_001, 60_001]);
    for (let i = 0; i < 6; i++) await acknowledge(ada, deliveriesOf(ada.frames)[i]);
    expect(lengths()).toEqual([...Array<number>(5).fill(60_001), 120_000]);
    expect(await waiting(harness)).toEqual([]);
  });

  test("is full of what a client never acknowledges, and the rest still goes through", async () => {
    const harness = new Harness({ app: application(), ports: QUIET });
    const bob = await harness.join();
    await bob.emit("put", "ada", ...numbers(12));
    const ada = await harness.join("/", { inboxes: ["ada"], window: 4 });
    for (let i = 1; i < 12; i++) await acknowledge(ada, deliveriesOf(ada.frames)[i]);
    expect(valuesOf(ada)).toEqual(numbers(12));
    expect(await waiting(harness)).toEqual([0]);
  });

  test("goes on when the last event of a batch is never acknowledged, once nobody can be posting that batch", async () => {
    let now = Date.now();
    const harness = new Harness({
      app: application(),
      ports: { ...QUIET, clock: { ...realClock, now: () => now } },
    });
    const bob = await harness.join();
    await bob.emit("put", "ada", ...numbers(9));
    const ada = await harness.join("/", { inboxes: ["ada"], window: 4 });
    for (let i = 0; i < 3; i++) await acknowledge(ada, deliveriesOf(ada.frames)[i]);
    expect(valuesOf(ada)).toEqual(numbers(4));
    now += 60_000;
    await bob.emit("put", "ada", 9);
    for (let i = 4; i < 10; i++) await acknowledge(ada, deliveriesOf(ada.frames)[i]);
    expect(valuesOf(ada)).toEqual(numbers(10));
    expect(await waiting(harness)).toEqual([3]);
  });
});

describe("what is emitted to an inbox", () => {
  test("costs a write and two reads when it is sent, a delete and a read when it is acknowledged", async () => {
    const harness = new Harness({ app: application(), ports: QUIET });
    const bob = await harness.join();
    const ada = await harness.join("/", { inboxes: ["ada"] });
    harness.storeCalls.length = 0;
    await bob.emit("put", "ada", 1);
    expect(harness.storeCalls).toEqual(["readConnection", "putInboxEvent", "readOpeners", "readInbox"]);
    harness.storeCalls.length = 0;
    await acknowledge(ada, deliveriesOf(ada.frames)[0]);
    expect(harness.storeCalls).toEqual(["readConnection", "deleteInboxEvent", "readOpener"]);
    harness.storeCalls.length = 0;
    await bob.emit("put", "nobody", 1);
    expect(harness.storeCalls).toEqual(["readConnection", "putInboxEvent", "readOpeners"]);
  });

  test("is written once more for half a window while the inbox drains, at most", async () => {
    const harness = new Harness({ app: application(), ports: QUIET });
    const bob = await harness.join();
    await bob.emit("put", "ada", ...numbers(320));
    const ada = await harness.join("/", { inboxes: ["ada"] });
    harness.writes.length = 0;
    for (let i = 0; i < 320; i++) await acknowledge(ada, deliveriesOf(ada.frames)[i]);
    const methods = harness.writes.map((write) => write.split(" ")[0]);
    expect(methods.filter((method) => method === "deleteInboxEvent")).toHaveLength(320);
    expect(methods.filter((method) => method !== "deleteInboxEvent").length).toBeLessThanOrEqual(320 / 16);
    expect(await waiting(harness)).toEqual([]);
  });

  test("is written three times more for half a window where the window fills up and empties, at most", async () => {
    const harness = new Harness({ app: application(), ports: QUIET });
    const bob = await harness.join();
    const ada = await harness.join("/", { inboxes: ["ada"] });
    await bob.emit("put", "ada", ...numbers(32));
    harness.writes.length = 0;
    const ROUNDS = 10;
    for (let round = 0; round < ROUNDS; round++) {
      // One too many, then acknowledgements until it is sent, and events until the window is full.
      await bob.emit("put", "ada", "too many");
      for (let i = 0; i < 16; i++) await acknowledge(ada, deliveriesOf(ada.frames)[round * 16 + i]);
      await bob.emit("put", "ada", ...numbers(15));
    }
    const changes = harness.writes.filter((write) => write.startsWith("changeOpener "));
    expect(changes).toHaveLength(3 * ROUNDS);
    expect(valuesOf(ada)).toHaveLength(32 + 16 * ROUNDS);
  });

  test("is refused at once where API Gateway would not deliver it, or it is no event", async () => {
    const errors: unknown[] = [];
    const emit = (socket: Socket, io: Server): void => {
      socket.on("try", () => {
        const cyclic: Record<string, unknown> = {};
        cyclic.self = cyclic;
        for (const args of [["x".repeat(140_000)], [cyclic], [() => undefined]]) {
          try {
            io.inbox("ada").emit("mail", ...args);
          } catch (error) {
            errors.push(error);
          }
        }
        expect(() => io.inbox("ada").emit("disconnect")).toThrow("reserved");
      });
    };
    const harness = new Harness({ app: application(emit) });
    await (await harness.join()).emit("try");
    expect(errors).toMatchObject([
      { code: "SKY_PACKET_TOO_LARGE" },
      expect.any(Error),
      { code: "SKY_NOT_AVAILABLE" },
    ]);
    expect(await waiting(harness)).toEqual([]);
    expect(harness.log).toEqual([]);
  });

  test("is what it was when it was emitted", async () => {
    const emit = (socket: Socket, io: Server): void => {
      socket.on("go", () => {
        const value = { n: 1 };
        io.inbox("ada").emit("mail", value);
        value.n = 2;
      });
    };
    const harness = new Harness({ app: application(emit) });
    await (await harness.join()).emit("go");
    expect(await waiting(harness)).toEqual([{ n: 1 }]);
  });

  test("arrives in the order of the calls, though nobody awaits them", async () => {
    const emit = (socket: Socket, io: Server): void => {
      socket.on("go", () => {
        for (let i = 0; i < 50; i++) io.inbox("ada").emit("mail", i);
      });
    };
    const harness = new Harness({ app: application(emit) });
    const ada = await harness.join("/", { inboxes: ["ada"] });
    await (await harness.join()).emit("go");
    for (let i = 0; i < 50; i++) await acknowledge(ada, deliveriesOf(ada.frames)[i]);
    expect(valuesOf(ada)).toEqual(numbers(50));
    expect(await waiting(harness)).toEqual([]);
  });

  test("is emitted by middlewares and connection listeners once, and not again by replays", async () => {
    const app = (): Server => {
      const io = application((_, server) => {
        server.inbox("listener").emit("mail", 1);
      })();
      io.use((_, next) => {
        io.inbox("middleware").emit("mail", 1);
        next();
      });
      return io;
    };
    const harness = new Harness({ app, ports: QUIET });
    const wire = await harness.join("/", { inboxes: ["ada"] });
    await wire.emit("put", "x");
    await wire.emit("put", "x");
    expect([await waiting(harness, "listener"), await waiting(harness, "middleware")]).toEqual([[1], [1]]);
    expect(harness.errors("SKY_REPLAY_DIVERGED")).toEqual([]);
  });

  test("needs a process that is connected (invocation/outside-calls.test.ts): elsewhere it is refused", async () => {
    const io = new Server();
    await expect(io.inbox("ada").emit("mail")).rejects.toMatchObject({ code: "SKY_NO_INVOCATION" });
    const parent = io.of(/^\/dynamic/);
    expect(() => parent.inbox("ada").emit("mail")).toThrow(
      expect.objectContaining({ code: "SKY_NOT_AVAILABLE" }),
    );
  });

  test("that a post fails for is sent with what is emitted next, and was not lost", async () => {
    let busy = false;
    const harness: Harness = new Harness({
      app: application(),
      ports: {
        ...QUIET,
        gateway: {
          post: async (id, frame) => {
            if (busy && frame.includes('["mail",2]')) throw new Error("API Gateway was busy");
            harness.wires.get(id)?.receive(frame);
            return "ok";
          },
          close: async () => undefined,
        },
      },
    });
    const bob = await harness.join();
    await bob.emit("put", "ada", ...numbers(5));
    busy = true;
    const ada = await harness.join("/", { inboxes: ["ada"] });
    expect(valuesOf(ada)).toEqual([0, 1]);
    expect(harness.errors("SKY_EFFECT_FAILED")).toHaveLength(1);
    busy = false;
    for (const delivery of deliveriesOf(ada.frames)) await acknowledge(ada, delivery);
    expect(valuesOf(ada)).toEqual(numbers(5));
  });

  test("waits when its invocation cannot send it", async () => {
    const store = createMemoryStore({ clock: realClock });
    const dead = new Harness({
      app: application(),
      ports: { store: { ...store, readOpeners: () => Promise.reject(new Error("died")) } },
    });
    await (await dead.join()).emit("put", "ada", 1);
    expect(dead.errors("SKY_EFFECT_FAILED")).toHaveLength(1);
    const harness = new Harness({ app: application(), ports: { store } });
    expect(valuesOf(await harness.join("/", { inboxes: ["ada"] }))).toEqual([1]);
  });
});

test("the option inboxTtl is a time", () => {
  for (const inboxTtl of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => new Server({ inboxTtl })).toThrow(expect.objectContaining({ code: "SKY_OPTION_INVALID" }));
  }
});

describe("openInbox", () => {
  test("opens 32 at a time, and says so beyond that", async () => {
    const harness = new Harness({ app: application(), ports: QUIET });
    const ada = await harness.join("/", { inboxes: numbers(32).map((i) => `box ${i}`) });
    await ada.send('421["open","one more"]');
    expect(ada.frames.at(-1)).toBe('431["SKY_TOO_MANY_INBOXES"]');
    await ada.emit("put", "one more", 1);
    expect(valuesOf(ada)).toEqual([]);
    // One that is open can be opened again, and one that is closed makes room.
    await ada.send('422["open","box 7"]');
    await ada.emit("close", "box 3");
    await ada.send('423["open","one more"]');
    expect(ada.frames).toEqual(expect.arrayContaining(['432["open"]', '433["open"]']));
    expect(valuesOf(ada)).toEqual([1]);
    await ada.emit("put", "box 7", 7);
    for (const delivery of deliveriesOf(ada.frames)) await acknowledge(ada, delivery);
    expect([await waiting(harness, "box 7"), await waiting(harness, "one more")]).toEqual([[], []]);
  });

  test("takes a window from 1 to 100", async () => {
    const refused: unknown[] = [];
    const open = (socket: Socket): void => {
      socket.on("windows", () => {
        for (const window of [0, 101, 1.5, Number.NaN, "3"]) {
          try {
            socket.openInbox("ada", { window: window as number });
          } catch (error) {
            refused.push(error);
          }
        }
      });
    };
    const harness = new Harness({ app: application(open) });
    await (await harness.join()).emit("windows");
    expect(refused).toHaveLength(5);
    for (const error of refused) expect(error).toMatchObject({ code: "SKY_OPTION_INVALID" });
  });

  test("is not for middlewares, where a client may still be refused", async () => {
    const caught: unknown[] = [];
    const app = (): Server => {
      const io = application()();
      io.use((socket, next) => {
        try {
          socket.openInbox("ada");
        } catch (error) {
          caught.push(error);
        }
        next();
      });
      return io;
    };
    await new Harness({ app, ports: QUIET }).join();
    expect(caught).toMatchObject([{ code: "SKY_NOT_AVAILABLE" }]);
  });

  test("ends with the socket, and with closeInbox", async () => {
    const harness = new Harness({ app: application(), ports: QUIET });
    const open = async (): Promise<number> =>
      (await harness.store.readOpeners({ nsp: "/", inbox: "ada" })).length;
    const [gone, left, cut] = [
      await harness.join("/", { inboxes: ["ada"] }),
      await harness.join("/", { inboxes: ["ada"] }),
      await harness.join("/", { inboxes: ["ada"] }),
    ];
    expect(await open()).toBe(3);
    await gone.close();
    await left.send("41");
    expect(await open()).toBe(1);
    await cut.emit("close", "ada");
    expect(await open()).toBe(0);
    await cut.emit("put", "ada", 1);
    expect(valuesOf(cut)).toEqual([]);
  });

  test("is over for a connection that a post finds gone, and the event waits", async () => {
    const harness = new Harness({ app: application(), ports: QUIET });
    const bob = await harness.join();
    const ada = await harness.join("/", { inboxes: ["ada"] });
    ada.open = false; // nobody has told the server
    await bob.emit("put", "ada", 1);
    expect(await harness.store.readOpeners({ nsp: "/", inbox: "ada" })).toEqual([]);
    await harness.settled();
    expect((await harness.store.readConnection(ada.connectionId)).connection).toBeUndefined();
    expect(await waiting(harness)).toEqual([1]);
  });
});

describe("acknowledgements", () => {
  test("that are forged reach no inbox that the socket does not have open", async () => {
    const harness = new Harness({ app: application(), ports: QUIET });
    const bob = await harness.join();
    await bob.emit("put", "bob", 1, 2);
    await bob.emit("put", "ada", 1, 2);
    const keys = (await inboxOf(harness.store, "bob")).map(({ key }) => key);
    // Eve has opened one of her own, so that slot 0 is hers.
    const eve = await harness.join("/", { inboxes: ["eve"] });
    await bob.emit("put", "eve", 1);
    for (const slot of [0, 1, 31]) {
      for (const key of keys) await eve.send(`43${idOfKey(slot, key)}[]`);
      for (const seq of [0, 1, 2 ** 24 - 1]) await eve.send(`43${idOfSequence(slot, seq)}[]`);
    }
    for (const id of [0, 2 ** 30 - 1, 2 ** 31, 2 ** 31 - 1, 2 ** 40]) await eve.send(`43${id}[]`);
    expect(await waiting(harness, "bob")).toEqual([1, 2]);
    expect(await waiting(harness, "ada")).toEqual([1, 2]);
    expect(await waiting(harness, "eve")).toEqual([1]);
    expect(harness.log).toEqual([]);
  });

  test("of an inbox that was closed since count for none that was opened after", async () => {
    const harness = new Harness({ app: application(), ports: QUIET });
    const bob = await harness.join();
    await bob.emit("put", "old", 1);
    await bob.emit("put", "new", 2);
    const ada = await harness.join("/", { inboxes: ["old"] });
    const [late] = deliveriesOf(ada.frames);
    await ada.emit("close", "old");
    await ada.emit("open", "new");
    await acknowledge(ada, late);
    expect([await waiting(harness, "old"), await waiting(harness, "new")]).toEqual([[1], [2]]);
  });

  test("that come on the next connection count for no other inbox that has the slot there", async () => {
    let now = Date.now();
    const both = (socket: Socket, io: Server): void => {
      socket.on("put both", () => {
        for (const name of ["one", "two"]) io.inbox(name).emit("mail", name);
      });
    };
    const harness = new Harness({
      app: application(both),
      ports: { ...QUIET, clock: { ...realClock, now: () => now } },
    });
    const bob = await harness.join();
    const ada = await harness.join("/", { inboxes: ["one", "two"] });
    await bob.emit("put both"); // in one millisecond: both events have the same key
    const late = deliveriesOf(ada.frames).find(({ data }) => data[1] === "one");
    await ada.close();
    now += 2_000;
    const again = await harness.join("/", { inboxes: ["two"] });
    await acknowledge(again, late);
    expect(await waiting(harness, "two")).toEqual(["two"]);
    await acknowledge(again, deliveriesOf(again.frames)[0]);
    expect(await waiting(harness, "two")).toEqual([]);
  });

  test("after the end of the socket remove nothing", async () => {
    const harness = new Harness({ app: application(), ports: QUIET });
    const ada = await harness.join("/", { inboxes: ["ada"] });
    await ada.emit("put", "ada", 1);
    await ada.send("41");
    await acknowledge(ada, deliveriesOf(ada.frames)[0]);
    expect(await waiting(harness)).toEqual([1]);
    expect(harness.log).toEqual([]);
  });

  test("run no code of the application's", async () => {
    let ran = 0;
    const app = application(() => {
      ran++;
    });
    const harness = new Harness({ app, ports: QUIET });
    const ada = await harness.join("/", { inboxes: ["ada"] });
    await ada.emit("put", "ada", 1);
    ran = 0;
    const [delivery] = deliveriesOf(ada.frames);
    await acknowledge(ada, delivery);
    expect(ran).toBe(0);
    expect(acknowledgedBy(Number(delivery?.id), Date.now())).toBeDefined();
  });
});
