/**
 * The rules of replay, each with the application code that breaks without it. Every invocation here is a new instance unless
 * a test says "warm": what survives by luck must not make a test pass.
 */
import { AsyncResource } from "node:async_hooks";
import { EventEmitter } from "node:events";
import { setInterval as every, setTimeout as wait } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import { Server, type Socket } from "../../../../lambdas/server/api/index.ts";
import { Harness, type HarnessOptions } from "../../../support/harness.ts";

const harnessOf = (
  setUp: (io: Server) => void,
  options: Omit<HarnessOptions, "app"> & { readonly lingerTimeout?: number } = {},
): Harness =>
  new Harness({
    ...options,
    app: () => {
      const io = new Server({ lingerTimeout: options.lingerTimeout ?? 300 });
      setUp(io);
      return io;
    },
  });

/** Resolves when an interval of the same period has fired so often: another one would have, too. */
const ticks = async (n: number, everyMs: number): Promise<void> => {
  let left = n;
  for await (const _ of every(everyMs)) if (--left === 0) return;
};

describe("A1: whose effect is it", () => {
  test("a callback pool born in one socket's replay does not swallow another's real emit", async () => {
    let pool: EventEmitter | undefined;
    const harness = harnessOf(
      (io) => {
        io.on("connection", (socket) => {
          // Born in the first run or a replay, it calls back in that context for ever after.
          if (!pool) {
            const born = new AsyncResource("pool");
            const emitter = new EventEmitter();
            emitter.on("run", (fn: () => void) => born.runInAsyncScope(fn));
            pool = emitter;
          }
          socket.on("ask", () => void pool?.emit("run", () => socket.emit("answer")));
        });
      },
      { warm: true },
    );
    const wire = await harness.join();
    await harness.settled();
    await wire.emit("ask");
    const other = await harness.join();
    await other.emit("ask");
    expect([wire.events, other.events]).toEqual([[["answer"]], [["answer"]]]);
    const lost = harness.errors("SKY_ASYNC_CONTEXT_LOST");
    expect(lost.length).toBeGreaterThan(0);
    expect(lost.at(-1)?.message).toMatch(/made in that event and is still in use. Make such objects when/);
  });

  test("a pool born at module start does not send a replayed emit again", async () => {
    const harness = harnessOf((io) => {
      const born = new AsyncResource("module");
      io.on("connection", (socket) => {
        born.runInAsyncScope(() => socket.emit("welcome"));
        born.runInAsyncScope(() => io.emit("somebody came"));
        socket.on("x", () => {});
      });
    });
    const wire = await harness.join();
    await wire.emit("x");
    expect(wire.events).toEqual([["welcome"], ["somebody came"]]);
  });

  test("a socket whose event is over refuses, and says so", async () => {
    let kept: Socket | undefined;
    const harness = harnessOf((io) => {
      io.on("connection", (socket) => {
        kept = socket;
      });
    });
    const wire = await harness.join();
    await harness.settled();
    await expect(kept?.emit("late")).rejects.toMatchObject({ code: "SKY_AFTER_INVOCATION" });
    await expect(kept?.join("late")).rejects.toMatchObject({ code: "SKY_AFTER_INVOCATION" });
    const error = await new Promise((resolve) => kept?.timeout(1_000).emit("late", resolve));
    expect(error).toMatchObject({ code: "SKY_AFTER_INVOCATION" });
    expect(wire.events).toEqual([]);
  });

  test("io outside of an event refuses, and says so", async () => {
    const io = new Server();
    await expect(io.emit("x")).rejects.toMatchObject({ code: "SKY_NO_INVOCATION" });
  });
});

describe("A2: answers are recorded", () => {
  const question = (io: Server): void => {
    io.on("connection", async (socket) => {
      const name: unknown = await socket.emitWithAck("who are you?");
      const others = await io.fetchSockets();
      let called: unknown;
      socket.emit("and where?", (place: unknown) => {
        called = place;
      });
      socket.on("greet", () => socket.emit("hello", name, others.length, called));
    });
  };

  test("a listener that asked the client has the same answers in each later event", async () => {
    const harness = harnessOf(question);
    const wire = await harness.connect();
    const connecting = wire.send("40");
    const asked = await wire.next((frame) => frame.includes("who are you?"));
    await wire.send(`43${asked.slice(2, asked.indexOf("["))}["ada"]`);
    const second = await wire.next((frame) => frame.includes("and where?"));
    await wire.send(`43${second.slice(2, second.indexOf("["))}["london"]`);
    await connecting;
    await harness.settled();
    await wire.emit("greet");
    await wire.emit("greet");
    expect(wire.events).toEqual([
      ["hello", "ada", 1, "london"],
      ["hello", "ada", 1, "london"],
    ]);
    const questions = wire.frames.filter((frame) => frame.includes("who are you?"));
    expect(questions).toHaveLength(1);
  });

  test("handlers that are registered after an answer exist in later events", async () => {
    const harness = harnessOf((io) => {
      io.on("connection", async (socket) => {
        const winner = await Promise.race([
          socket.emitWithAck("first?"),
          wait(2_000, "nobody", { ref: false }),
        ]);
        socket.on("late", () => socket.emit("heard", winner));
      });
    });
    const wire = await harness.connect();
    const connecting = wire.send("40");
    const asked = await wire.next((frame) => frame.includes("first?"));
    await wire.send(`43${asked.slice(2, asked.indexOf("["))}["me"]`);
    await connecting;
    await wire.emit("late");
    expect(wire.events).toEqual([["heard", "me"]]);
  });
});

test("A3: state is put back, keeping the objects that handlers hold", async () => {
  const harness = harnessOf((io) => {
    io.on("connection", (socket) => {
      socket.data.visits = (socket.data.visits ?? 0) + 1;
      socket.data.list ??= [];
      socket.data.list.push("connected");
      const { list } = socket.data;
      socket.on("add", (item) => {
        list.push(item);
        socket.emit("state", socket.data);
      });
    });
  });
  const wire = await harness.join();
  await wire.emit("add", "a");
  await wire.emit("add", "b");
  expect(wire.events).toEqual([
    ["state", { visits: 1, list: ["connected", "a"] }],
    ["state", { visits: 1, list: ["connected", "a", "b"] }],
  ]);
});

describe("A4: what lives outside the listener", () => {
  test("properties set on the socket, by middleware or handler, are kept", async () => {
    const harness = harnessOf((io) => {
      io.use((socket, next) => {
        Object.assign(socket, { user: { name: socket.handshake.auth.name } });
        next();
      });
      io.on("connection", (socket) => {
        const own = socket as Socket & { user: { name: string }; color?: string };
        socket.on("paint", (color) => {
          own.color = color;
        });
        socket.on("look", () => socket.emit("seen", own.user, own.color));
      });
    });
    const wire = await harness.join("/", { name: "ada" });
    await wire.emit("paint", "red");
    await wire.emit("look");
    expect(wire.events).toEqual([["seen", { name: "ada" }, "red"]]);
  });

  test("middlewares run again where they registered a handler or left something that is no JSON", async () => {
    let runs = 0;
    class Basket {
      readonly items = 3;
    }
    const harness = harnessOf((io) => {
      io.use((socket, next) => {
        runs++;
        Object.assign(socket, { basket: new Basket() });
        socket.on("from middleware", () => socket.emit("heard"));
        next();
      });
      io.on("connection", (socket) => {
        const own = socket as Socket & { basket: Basket };
        socket.on("count", () => socket.emit("items", own.basket.items));
      });
    });
    const wire = await harness.join();
    await wire.emit("from middleware");
    await wire.emit("count");
    expect(wire.events).toEqual([["heard"], ["items", 3]]);
    expect(runs).toBe(3);
  });

  test("middlewares that leave only plain values do not run again", async () => {
    let runs = 0;
    const harness = harnessOf((io) => {
      io.use((socket, next) => {
        runs++;
        socket.data.name = "ada";
        next();
      });
      io.on("connection", (socket) => {
        socket.on("x", () => socket.emit("name", socket.data.name));
      });
    });
    const wire = await harness.join();
    await wire.emit("x");
    expect(wire.events).toEqual([["name", "ada"]]);
    expect(runs).toBe(1);
  });

  test("socket.on inside an event handler is an error that names the event", async () => {
    const harness = harnessOf((io) => {
      io.on("connection", (socket) => {
        socket.on("login", () => {
          socket.on("secret", () => {});
        });
      });
    });
    const wire = await harness.join();
    await wire.emit("login");
    expect(harness.errors("SKY_HANDLER_FAILED")).toHaveLength(1);
    await wire.emit("login"); // and the connection works on
    expect(harness.errors("SKY_HANDLER_FAILED")).toHaveLength(2);
  });

  test("io.on and io.of().on inside a listener are errors: warm instances would repeat them", async () => {
    const thrown: unknown[] = [];
    const collect = (code: () => unknown): void => {
      try {
        code();
      } catch (error) {
        thrown.push(error);
      }
    };
    const harness = harnessOf((io) => {
      io.on("connection", () => {
        collect(() => io.on("connection", () => {}));
        collect(() => io.of("/other").on("connection", () => {}));
        collect(() => io.use((_, next) => next()));
      });
    });
    await harness.join();
    expect(thrown).toHaveLength(3);
    for (const error of thrown) expect(error).toMatchObject({ code: "SKY_LATE_REGISTRATION" });
  });
});

describe("A5: divergence speaks", () => {
  test("a replay that does something else than the first run is reported with the operation", async () => {
    let run = 0;
    const harness = harnessOf((io) => {
      io.on("connection", (socket) => {
        socket.join(`room-${run++}`);
        socket.on("x", () => {});
      });
    });
    const wire = await harness.join();
    await wire.emit("x");
    expect(harness.errors("SKY_REPLAY_DIVERGED")).toHaveLength(1);
    expect(harness.errors("SKY_REPLAY_DIVERGED")[0]?.message).toContain('join "room-1"');
  });

  test("an event that had a handler at connection and has none now is an error", async () => {
    let run = 0;
    const harness = harnessOf((io) => {
      io.on("connection", (socket) => {
        if (run++ === 0) socket.on("sometimes", () => {});
      });
    });
    const wire = await harness.join();
    await wire.emit("sometimes");
    expect(harness.errors("SKY_HANDLER_LOST")[0]?.message).toContain('"sometimes"');
    await wire.emit("never registered");
    expect(harness.errors("SKY_HANDLER_LOST")).toHaveLength(1);
  });

  test("a once listener runs once, whichever of two concurrent invocations claims it", async () => {
    const harness = harnessOf((io) => {
      io.on("connection", (socket) => {
        socket.once("ready", () => socket.emit("start"));
        socket.on("ready", () => socket.emit("again"));
      });
    });
    const wire = await harness.join();
    await Promise.all([wire.emit("ready"), wire.emit("ready")]);
    await wire.emit("ready");
    const names = wire.events.map(([name]) => name);
    expect(names.filter((name) => name === "start")).toHaveLength(1);
    expect(names.filter((name) => name === "again")).toHaveLength(3);
  });
});

describe("A6: the first run is not overtaken", () => {
  test("an event that arrives while the connection listener is still running waits for it", async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const harness = harnessOf((io) => {
      io.on("connection", async (socket) => {
        if (!socket.replayed) await gate;
        socket.data.ready = true;
        socket.on("check", () => socket.emit("ready", socket.data.ready));
      });
    });
    const wire = await harness.connect();
    const connecting = wire.send("40");
    await wire.next((frame) => frame.startsWith("40"));
    const checking = wire.emit("check");
    // The event has begun to wait once it has looked at the row again.
    while (!harness.storeCalls.includes("readSocket")) await wait(1);
    release();
    await Promise.all([connecting, checking]);
    expect(wire.events).toEqual([["ready", true]]);
  });

  test("an acknowledgement does not wait: the listener may be waiting for it", async () => {
    const harness = harnessOf((io) => {
      io.on("connection", async (socket) => {
        socket.data.answer = await socket.emitWithAck("question");
        socket.on("tell", () => socket.emit("told", socket.data.answer));
      });
    });
    const wire = await harness.connect();
    const connecting = wire.send("40");
    const asked = await wire.next((frame) => frame.includes("question"));
    await wire.send(`43${asked.slice(2, asked.indexOf("["))}[42]`);
    await connecting;
    await wire.emit("tell");
    expect(wire.events).toEqual([["told", 42]]);
  });
});

describe("A7: un-awaited work", () => {
  test("a floating promise of a handler delivers, and a timer that it leaves behind, as on stock", async () => {
    const harness = harnessOf((io) => {
      io.on("connection", (socket) => {
        socket.on("go", () => {
          void wait(20).then(() => {
            socket.emit("promise");
            setTimeout(() => socket.emit("timer"), 10);
          });
        });
      });
    });
    const wire = await harness.join();
    await wire.emit("go");
    expect(wire.events).toEqual([["promise"], ["timer"]]);
    expect(harness.log).toEqual([]);
  });

  test("what goes on too long is left behind, with a warning that says the way out", async () => {
    const harness = harnessOf(
      (io) => {
        io.on("connection", (socket) => {
          socket.on("go", () => {
            const interval = setInterval(() => socket.emit("tick"), 40);
            socket.data.stop = Boolean(interval);
          });
        });
      },
      { lingerTimeout: 100 },
    );
    const wire = await harness.join();
    await wire.emit("go");
    expect(wire.events.length).toBeGreaterThan(0);
    expect(harness.errors("SKY_LINGERING")).toHaveLength(1);
    // The interval touches the dead socket once more, is refused, and stops.
    while (harness.errors("SKY_AFTER_INVOCATION").length === 0) await wait(5);
    const errors = harness.log.length;
    await ticks(3, 40);
    expect(harness.log).toHaveLength(errors);
    expect(harness.errors("SKY_AFTER_INVOCATION")).toHaveLength(1);
  });

  test("a handler registered after a promise that nobody returns exists in later events", async () => {
    const harness = harnessOf((io) => {
      io.on("connection", (socket) => {
        void wait(20).then(() => {
          socket.on("late", () => socket.emit("heard"));
        });
      });
    });
    const wire = await harness.join();
    await wire.emit("late");
    expect(wire.events).toEqual([["heard"]]);
    expect(harness.log).toEqual([]);
  });

  test("a replayed timer does not hold the event", async () => {
    const harness = harnessOf((io) => {
      io.on("connection", (socket) => {
        if (socket.replayed) setTimeout(() => undefined, 60_000).unref();
        if (socket.replayed) setTimeout(() => socket.emit("never"), 250);
        socket.on("x", () => socket.emit("y"));
      });
    });
    const wire = await harness.join();
    await wire.emit("x");
    expect(wire.events).toEqual([["y"]]);
    expect(harness.log).toEqual([]);
  });
});

test("A8: socket.rooms changes at once, and reads follow this event's pending joins", async () => {
  const harness = harnessOf((io) => {
    io.on("connection", (socket) => {
      socket.on("move", async (ack) => {
        socket.join("a");
        const at = [...socket.rooms];
        const inside = await io.in("a").fetchSockets();
        socket.leave("a");
        const after = await io.in("a").fetchSockets();
        ack(at.includes("a"), inside.length, socket.rooms.has("a"), after.length);
      });
    });
  });
  const wire = await harness.join();
  await wire.send('427["move"]');
  expect(wire.frames.at(-1)).toBe("437[true,1,false,0]");
});
