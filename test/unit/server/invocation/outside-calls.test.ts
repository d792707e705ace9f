/** What is called on `io` where no event is running. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { connect } from "../../../../lambdas/functions/outside.ts";
import { Server, type ServerOptions } from "../../../../lambdas/server/api/index.ts";
import { coreOfServer } from "../../../../lambdas/server/api/server.ts";
import { offsetsFrom } from "../../../../lambdas/server/common/offsets.ts";
import type { Store } from "../../../../lambdas/server/ports/store.ts";
import type { Task } from "../../../../lambdas/server/ports/tasks.ts";
import { createMemoryStore } from "../../../../lambdas/store/memory/store.ts";
import { Harness, type HarnessOptions, realClock, type Wire } from "../../../support/harness.ts";
import { deliveriesOf, inboxOf } from "../../../support/inbox.ts";

/** Invocations at once would take each other's timers for work of their own, since here they share a process. */
const QUIET = { activeResources: () => [] };

/** A process that is connected, and what runs in it. */
function start(
  declare: (io: Server) => void = () => undefined,
  { options, ...more }: Omit<HarnessOptions, "app"> & { options?: ServerOptions } = {},
): { io: Server; harness: Harness } {
  const io = new Server(options);
  io.on("connection", (socket) => {
    if (socket.handshake.auth.inbox) socket.openInbox(socket.handshake.auth.inbox);
    socket.on("nothing", () => undefined);
  });
  declare(io);
  return {
    io,
    harness: new Harness({ ...more, app: () => io, warm: true, ports: { ...QUIET, ...more.ports } }),
  };
}

/** An offset of that time. */
const offsetAt = (ms: number): string => offsetsFrom(ms).padEnd(21, "0");

/** A promise, and what resolves it. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

const valuesOf = (wire: Wire): unknown[] => deliveriesOf(wire.frames).map(({ data }) => data[1]);
const waiting = async (store: Store): Promise<unknown[]> =>
  (await inboxOf(store, "ada")).map(({ data }) => JSON.parse(data)[1]);
const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** A store whose next event is put only when the gate is open. */
function slow(opened: Promise<void>): Store {
  const store = createMemoryStore({ clock: realClock });
  return {
    ...store,
    putInboxEvent: async (event, expiresAt) => {
      await opened;
      return await store.putInboxEvent(event, expiresAt);
    },
  };
}

describe("an inbox outside of any event", () => {
  test("has stored and sent the event when the promise resolves", async () => {
    const { io, harness } = start();
    const ada = await harness.join("/", { inbox: "ada" });
    await io.inbox("ada").emit("mail", 1);
    expect(valuesOf(ada)).toEqual([1]);
    expect(await waiting(harness.store)).toEqual([1]);
    await io.of("/").inbox("nobody").emit("mail", 2);
    expect(await inboxOf(harness.store, "nobody")).toHaveLength(1);
    expect(harness.log).toEqual([]);
  });

  test("keeps the order of the calls that nobody awaits one by one", async () => {
    const { io, harness } = start();
    const ada = await harness.join("/", { inbox: "ada" });
    await Promise.all(numbers(30).map((i) => io.inbox("ada").emit("mail", i)));
    expect(valuesOf(ada)).toEqual(numbers(30));
    expect(await waiting(harness.store)).toEqual(numbers(30));
  });

  test("has handed over the connections that it found gone", async () => {
    const tasks: Task[] = [];
    const handing = gate();
    const { io, harness } = start(undefined, {
      ports: {
        tasks: {
          start: async (task) => {
            if (task.task === "open") void harness.track(harness.invoke(task));
            else await handing.opened.then(() => tasks.push(task));
          },
        },
      },
    });
    const ada = await harness.join("/", { inbox: "ada" });
    ada.open = false; // nobody has told the server
    const order: string[] = [];
    const done = io
      .inbox("ada")
      .emit("mail", 1)
      .then(() => order.push("resolved"));
    while (!harness.storeCalls.includes("deleteOpener")) await realClock.turn();
    order.push("handed over");
    handing.open();
    await done;
    expect(order).toEqual(["handed over", "resolved"]);
    expect(tasks).toMatchObject([{ task: "end", targets: [{ connectionId: ada.connectionId }], hops: 1 }]);
    expect(await waiting(harness.store)).toEqual([1]);
  });

  test("is part of no event, but no event ends before it", async () => {
    const { opened, open } = gate();
    const { io, harness } = start(undefined, { ports: { store: slow(opened) } });
    const ada = await harness.join("/", { inbox: "ada" });
    const order: string[] = [];
    const stored = io
      .inbox("ada")
      .emit("mail", 1)
      .then(() => order.push("stored"));
    const event = ada.emit("nothing").then(() => order.push("event"));
    while (harness.storeCalls.filter((call) => call === "readConnection").length < 3) await realClock.turn();
    open();
    await Promise.all([stored, event]);
    expect(order).toEqual(["stored", "event"]);
    expect(harness.log).toEqual([]);
  });

  test("holds up no event beyond its time", async () => {
    const { opened, open } = gate();
    const { io, harness } = start(undefined, { ports: { store: slow(opened) }, timeoutMs: 2_200 });
    const ada = await harness.join();
    const stored = io.inbox("ada").emit("mail", 1);
    await ada.emit("nothing");
    expect(harness.errors("SKY_DEADLINE")).toHaveLength(1);
    open();
    await stored;
    expect(await waiting(harness.store)).toEqual([1]);
  });

  test("that cannot store tells who asked, or else the log", async () => {
    const store = createMemoryStore({ clock: realClock });
    const broken = { ...store, putInboxEvent: () => Promise.reject(new Error("no table")) };
    const { io, harness } = start(undefined, { ports: { store: broken } });
    await harness.join();
    await expect(io.inbox("ada").emit("mail", 1)).rejects.toThrow("no table");
    expect(harness.log).toEqual([]);
    void io.inbox("ada").emit("mail", 1);
    await coreOfServer(io)?.outside.settled();
    await realClock.turn();
    expect(harness.errors("SKY_EFFECT_FAILED")).toHaveLength(1);
  });

  test("that stores but cannot send resolves: the event waits", async () => {
    const store = createMemoryStore({ clock: realClock });
    const broken = { ...store, readOpeners: () => Promise.reject(new Error("busy")) };
    const { io, harness } = start(undefined, { ports: { store: broken } });
    await harness.join();
    await io.inbox("ada").emit("mail", 1);
    expect(await waiting(harness.store)).toEqual([1]);
    expect(harness.errors("SKY_EFFECT_FAILED")).toHaveLength(1);
  });

  test("throws for what cannot be sent, and nothing is left going on", async () => {
    const { io, harness } = start();
    await harness.join();
    expect(() => io.inbox("ada").emit("mail", "x".repeat(140_000))).toThrow(
      expect.objectContaining({ code: "SKY_PACKET_TOO_LARGE" }),
    );
    await coreOfServer(io)?.outside.settled();
    await io.inbox("ada").emit("mail", 1);
    expect(await waiting(harness.store)).toEqual([1]);
  });

  test("is not taken for a replay's, though a replay is all that runs", async () => {
    let replaying = gate();
    let going = Promise.resolve();
    const { io, harness } = start((server) => {
      server.on("connection", async (socket) => {
        if (!socket.replayed) return;
        replaying.open();
        await going;
      });
    });
    const ada = await harness.join("/", { inbox: "ada" });
    replaying = gate();
    const held = gate();
    going = held.opened;
    const event = ada.emit("nothing");
    await replaying.opened;
    await new Promise<void>((resolve, reject) => {
      setTimeout(() => io.inbox("ada").emit("mail", 1).then(resolve, reject), 0);
    });
    expect(valuesOf(ada)).toEqual([1]);
    held.open();
    await event;
  });
});

describe("other calls outside of any event", () => {
  test("emit to rooms and all, join, leave and fetch, in order", async () => {
    const { io, harness } = start();
    const [ada, bob] = [await harness.join(), await harness.join()];
    void io.in(ada.id).socketsJoin("room");
    void io.to("room").emit("one", 1);
    const fetched = io.in("room").fetchSockets();
    void io.in("room").socketsLeave("room");
    void io.to("room").emit("lost");
    await io.emit("all", 2);
    expect(ada.events).toEqual([
      ["one", 1],
      ["all", 2],
    ]);
    expect(bob.events).toEqual([["all", 2]]);
    expect((await fetched).map(({ id }) => id)).toEqual([ada.id]);
    expect(await io.in("room").allSockets()).toEqual(new Set());
    expect(harness.log).toEqual([]);
  });

  test("leave a packet in the log, finished, for who is away", async () => {
    const { io, harness } = start(undefined, { options: { connectionStateRecovery: {} } });
    const ada = await harness.join();
    await io.emit("news", 1);
    const calls = harness.writes
      .map((write) => write.split(" ")[0])
      .filter((call) => /Log$/.test(call ?? ""));
    expect(calls).toEqual(["putLog", "finishLog"]);
    expect(ada.frames.at(-1)).toMatch(/^42\["news",1,"[^"]+"\]$/);
  });

  test("are refused where nothing has connected the process, and say how", async () => {
    const io = new Server();
    for (const call of [() => io.emit("x"), () => io.inbox("ada").emit("mail"), () => io.fetchSockets()]) {
      await expect(call()).rejects.toMatchObject({
        code: "SKY_NO_INVOCATION",
        message: expect.stringContaining("skysocket/outside"),
      });
    }
  });
});

describe("a question outside of any event", () => {
  /** The client answers the next question, with this. */
  const answer = async (wire: Wire, value: unknown): Promise<void> => {
    const asked = await wire.next((frame) => /^42\d+\["who"/.test(frame));
    await wire.send(`43${asked.slice(2, asked.indexOf("["))}${JSON.stringify([value])}`);
  };
  type Called = readonly [error: Error | null, answers: unknown];

  test("calls back with all answers, and its promise resolves after that", async () => {
    const { io, harness } = start();
    const [ada, bob] = [await harness.join(), await harness.join()];
    const called: Called[] = [];
    const over = io.timeout(20_000).emit("who", (...got: Called) => called.push(got));
    await Promise.all([answer(ada, "ada"), answer(bob, "bob"), over]);
    expect(called).toEqual([[null, expect.arrayContaining(["ada", "bob"])]]);
    expect(harness.log).toEqual([]);
  });

  test("resolves with emitWithAck, also of one socket that was fetched", async () => {
    const { io, harness } = start();
    const ada = await harness.join();
    const [, all] = await Promise.all([answer(ada, "ada"), io.timeout(20_000).emitWithAck("who")]);
    expect(all).toEqual(["ada"]);
    const [remote] = await io.fetchSockets();
    const [, one] = await Promise.all([answer(ada, "ada"), remote?.timeout(20_000).emitWithAck("who")]);
    expect(one).toBe("ada");
  });

  test("goes to who has just been made to join", async () => {
    const { io, harness } = start();
    const ada = await harness.join();
    void io.in(ada.id).socketsJoin("room");
    const [, all] = await Promise.all([answer(ada, 1), io.to("room").timeout(20_000).emitWithAck("who")]);
    expect(all).toEqual([1]);
  });

  test("calls back with an error and what came when the time is over", async () => {
    const { io, harness } = start();
    await harness.join();
    const called: Called[] = [];
    await io.timeout(1).emit("who", (...got: Called) => called.push(got));
    expect(called).toEqual([[new Error("operation has timed out"), []]]);
    await expect(io.timeout(1).emitWithAck("who")).rejects.toMatchObject({ responses: [] });
  });

  test("calls back with the reason when it cannot be sent", async () => {
    const store = createMemoryStore({ clock: realClock });
    const broken: Store = {
      ...store,
      listMembers: () => {
        throw new Error("no table");
      },
    };
    const { io, harness } = start(undefined, { ports: { store: broken } });
    await harness.join();
    const called: Called[] = [];
    const asks = [io, new Server()].map((one) =>
      one.timeout(20_000).emit("who", (...got: Called) => called.push(got)),
    );
    await Promise.all(asks);
    expect(called.map(([error, answers]) => [error?.message.slice(0, 24), answers]).sort()).toEqual([
      ['emit("who") outside of a', []],
      ["no table", []],
    ]);
    await expect(io.timeout(20_000).emitWithAck("who")).rejects.toThrow("no table");
  });

  test("whose callback throws tells the log", async () => {
    const { io, harness } = start();
    await harness.join();
    void io.timeout(1).emit("who", () => {
      throw new Error("in the callback");
    });
    while (harness.errors("SKY_EFFECT_FAILED").length === 0) await realClock.turn();
  });

  test("holds up no event while nobody answers", async () => {
    const { io, harness } = start();
    const ada = await harness.join();
    const called: Called[] = [];
    const over = io.timeout(20_000).emit("who", (...got: Called) => called.push(got));
    await ada.emit("nothing");
    expect(called).toEqual([]);
    await Promise.all([answer(ada, "ada"), over]);
    expect(called).toEqual([[null, ["ada"]]]);
    expect(harness.log).toEqual([]);
  });
});

describe("disconnectSockets outside of any event", () => {
  /** Who was disconnected, and why, as the listeners of the socket function see it. */
  function listening(options: Parameters<typeof start>[1] = {}) {
    const gone: string[] = [];
    const started = start((server) => {
      server.on("connection", (socket) => {
        socket.on("disconnect", (reason) => gone.push(`${socket.id} ${reason}`));
      });
    }, options);
    return { ...started, gone };
  }

  test("runs the listeners in the socket function, after the joins before it", async () => {
    const { io, harness, gone } = listening();
    const [ada, bob, carol] = [await harness.join(), await harness.join(), await harness.join()];
    void io.in([ada.id, carol.id]).socketsJoin("room");
    await io.in("room").except(carol.id).disconnectSockets();
    await harness.settled();
    expect(gone).toEqual([`${ada.id} server namespace disconnect`]);
    expect([ada, bob, carol].map(({ open }) => open)).toEqual([true, true, true]);
    await io.disconnectSockets(true);
    await harness.settled();
    expect([ada, bob, carol].map(({ open }) => open)).toEqual([true, false, false]);
    expect(harness.log).toEqual([]);
  });

  test("may run twice, and means nobody who came later", async () => {
    let now = 1_800_000_000_000;
    const { harness, gone } = listening({ ports: { clock: { ...realClock, now: () => now } } });
    const ada = await harness.join();
    const task = { task: "disconnect", nsp: "/", rooms: [], except: [], close: true, at: offsetAt(now) };
    now += 10;
    const bob = await harness.join();
    await harness.invoke(task);
    await harness.invoke(task);
    expect(gone).toEqual([`${ada.id} server namespace disconnect`]);
    expect([ada.open, bob.open]).toEqual([false, true]);
  });

  test("means who was there when it was called, also if they were away since", async () => {
    let now = 1_800_000_000_000;
    const { harness, gone } = listening({
      options: { connectionStateRecovery: {} },
      ports: { clock: { ...realClock, now: () => now } },
    });
    const later = (): number => (now += 1_000);
    const session = ({ frames }: Wire): { sid: string; pid: string } =>
      JSON.parse(frames.find((frame) => frame.startsWith("40{"))?.slice(2) ?? "");
    const ada = await harness.join();
    const carol = await harness.join();
    const task = { task: "disconnect", nsp: "/", rooms: [], except: [], close: true, at: offsetAt(later()) };
    later();
    const bob = await harness.join();
    await ada.close();
    later();
    const adaAgain = await harness.join("/", { pid: session(ada).pid });
    await Promise.all([bob.close(), carol.close()]);
    gone.length = 0;
    later();
    for (let runs = 0; runs < 2; runs++) {
      await harness.invoke(task);
      expect(gone).toEqual([`${session(ada).sid} server namespace disconnect`]);
    }
    expect(adaAgain.open).toBe(false);
    const bobAgain = await harness.join("/", { pid: session(bob).pid });
    expect(session(bobAgain)).toEqual(session(bob));
    expect(bobAgain.open).toBe(true);
    const carolAgain = await harness.join("/", { pid: session(carol).pid });
    expect(session(carolAgain).sid).not.toBe(session(carol).sid);
    expect(carolAgain.open).toBe(true);
    expect(gone).toHaveLength(1);
  });

  test("means nobody who is connecting when it comes late", async () => {
    const store = createMemoryStore({ clock: realClock });
    const at = offsetAt(Date.now() - 1_000);
    const putting: Store = {
      ...store,
      putMember: async (member) => {
        const told = { nsp: "/", id: offsetAt(Date.now() + 1), at, rooms: [], except: [], names: [] };
        await store.putDirective({ ...told, act: "close" }, Date.now() + 60_000);
        await store.putMember(member);
      },
    };
    const { harness, gone } = listening({ ports: { store: putting } });
    const ada = await harness.join();
    await harness.settled();
    expect(gone).toEqual([]);
    expect(ada.open).toBe(true);
  });

  test("that cannot be handed over tells who asked", async () => {
    const tasks = { start: () => Promise.reject(new Error("no right")) };
    const { io, harness } = listening();
    await harness.join();
    coreOfServer(io)?.outside.connect({ ...harness.ports(), tasks });
    await expect(io.disconnectSockets()).rejects.toThrow("no right");
  });
});

describe("a timer of the module", () => {
  const timers: NodeJS.Timeout[] = [];
  afterEach(() => {
    for (const timer of timers.splice(0)) clearInterval(timer);
  });

  test("that emits faster than its emits are done holds up no event, and says so once", async () => {
    const store = createMemoryStore({ clock: realClock });
    let listing = gate();
    const slowly: Store = {
      ...store,
      listMembers: async function* (nsp, room) {
        await listing.opened;
        yield* store.listMembers(nsp, room);
      },
    };
    listing.open();
    const { io, harness } = start(undefined, { ports: { store: slowly } });
    const ada = await harness.join();
    await io.fetchSockets(); // begins when the process is found not to be frozen, and so do others from then on
    listing = gate();
    timers.push(setInterval(() => io.emit("tick"), 1));
    const overlaps = () => harness.errors("SKY_TIMER_OVERLAPS");
    while (overlaps().length === 0) await realClock.turn();
    listing.open();
    for (let i = 0; i < 5; i++) await ada.emit("nothing");
    expect(ada.events.length).toBeGreaterThan(0);
    expect(overlaps().map(({ message }) => message)).toEqual([
      expect.stringMatching(/^a timer of the module \(every 1 ms\), .*io\.emit.*called emit\("tick"\)/),
    ]);
    expect(harness.errors("SKY_DEADLINE")).toEqual([]);
  });

  test("has all calls of one turn done, however long they take", async () => {
    const { io, harness } = start();
    const ada = await harness.join();
    const turns = [0, 1, 2].map(
      () =>
        new Promise<void>((resolve) => {
          timers.push(
            setTimeout(() => {
              void io.emit("first");
              io.emit("second").then(resolve);
            }, 1),
          );
        }),
    );
    await Promise.all(turns);
    expect(ada.events).toHaveLength(6);
    expect(harness.log).toEqual([]);
  });

  test("is none of the event's that runs meanwhile", async () => {
    const held = gate();
    const { io, harness } = start((server) => {
      server.on("connection", (socket) => socket.on("wait", () => held.opened));
    });
    const ada = await harness.join();
    const event = ada.emit("wait");
    await new Promise<void>((resolve) => {
      timers.push(setTimeout(() => io.emit("from a timer").then(resolve), 1));
    });
    expect(ada.events).toEqual([["from a timer"]]);
    held.open();
    await event;
  });
});

test("what is called without a context again and again holds up no event", async () => {
  let calling = true;
  const store = createMemoryStore({ clock: realClock });
  const slowly: Store = {
    ...store,
    listMembers: async function* (nsp, room) {
      for (let i = 0; i < 5; i++) await realClock.turn();
      yield* store.listMembers(nsp, room);
    },
  };
  const { io, harness } = start(undefined, { ports: { store: slowly } });
  const ada = await harness.join();
  const call = (): void => {
    void io.emit("again");
    if (calling) setImmediate(call);
  };
  call();
  await ada.emit("nothing");
  calling = false;
  await coreOfServer(io)?.outside.settled();
  expect(harness.errors("SKY_DEADLINE")).toEqual([]);
});

test("what is called while an event comes to its end begins with the next one, in order", async () => {
  const { io, harness } = start();
  await harness.join();
  const outside = coreOfServer(io)?.outside;
  outside?.enter();
  await outside?.rest(harness.clock.now());
  const calls = numbers(3).map((i) => io.inbox("ada").emit("mail", i));
  for (let i = 0; i < 20; i++) await realClock.turn();
  expect(await waiting(harness.store)).toEqual([]);
  outside?.goOn();
  await Promise.all(calls);
  expect(await waiting(harness.store)).toEqual(numbers(3));
});

test("calls at once share an invocation, later ones have the whole time of another", async () => {
  let now = 1_800_000_000_000;
  const { io, harness } = start(undefined, { ports: { clock: { ...realClock, now: () => now } } });
  await harness.join();
  const outside = coreOfServer(io)?.outside;
  const { opened, open } = gate();
  const deadlines: number[] = [];
  const call = () =>
    outside?.run("a call", async ({ deadline }) => {
      deadlines.push(deadline);
      await opened;
    });
  const first = [call(), call()];
  now += 4_000;
  const second = call();
  now += 2_000;
  const third = call();
  open();
  await Promise.all([...first, second, third]);
  await call();
  const [begin = 0] = deadlines;
  expect(deadlines.map((deadline) => deadline - begin)).toEqual([0, 0, 0, 6_000, 6_000]);
  expect(outside?.busy).toBe(false);
});

describe("connect(io)", () => {
  const env = {
    AWS_REGION: "eu-central-1",
    SKYSOCKET_TABLE_NAME: "table",
    SKYSOCKET_CALLBACK_URL: "https://abc.execute-api.eu-central-1.amazonaws.com/prod",
    SKYSOCKET_SOCKET_FUNCTION_NAME: "socket",
    SKYSOCKET_FAN_OUT_FUNCTION_NAME: "workers",
  };

  test("connects a server", () => {
    const io = new Server();
    connect(io, env);
    expect(coreOfServer(io)?.outside.connected).toBe(true);
  });

  test("names the variable that is missing, and what is no server", () => {
    for (const name of Object.keys(env).filter((one) => one.startsWith("SKYSOCKET"))) {
      expect(() => connect(new Server(), { ...env, [name]: undefined })).toThrow(name);
    }
    expect(() => connect({} as Server, env)).toThrow("connect(io)");
  });
});
