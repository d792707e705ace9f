/**
 * Connection state recovery where calls and posts are in another order, and where its client is told less than it thinks. As in
 * recovery.test.ts each test is named after the fault that it keeps away.
 */
import { expect, test } from "@jest/globals";
import { Server } from "../../../lambdas/server/index.ts";
import type { ServerOptions } from "../../../lambdas/server/options.ts";
import type { Socket } from "../../../lambdas/server/socket.ts";
import { createMemoryStore } from "../../../lambdas/store/memory-store.ts";
import { Harness, realClock, type Wire } from "../../support/harness.ts";
import { comeBack, eventsOf, remember } from "../../support/recovering-client.ts";

function start(options: ServerOptions["connectionStateRecovery"], declare: (io: Server) => void) {
  let now = Date.now();
  const clock = {
    ...realClock,
    now: () => now,
    sleep: async (ms: number, signal?: AbortSignal) => {
      await realClock.sleep(ms, signal);
      if (!signal?.aborted) now += ms;
    },
  };
  const app = () => {
    const io = new Server({ connectionStateRecovery: options });
    declare(io);
    return io;
  };
  const keepEndedMs = (options?.maxDisconnectionDuration ?? 120_000) + 140 * 60 * 1_000;
  const store = createMemoryStore({ clock: { now: () => now }, keepEndedMs, logPageSize: 100 });
  const harness = new Harness({ app, ports: { clock, store } });
  const invoke = harness.invoke.bind(harness);
  harness.invoke = (event) => {
    now += 200;
    return invoke(event);
  };
  return {
    harness,
    pass: (ms: number) => {
      now += ms;
    },
    store,
  };
}

const chat = (io: Server): void => {
  io.on("connection", (socket) => {
    if (!socket.recovered) socket.join("lobby");
    socket.on("say", (room: string, text: string) => {
      io.to(room).emit("said", text);
    });
    socket.on("join", (room: string) => {
      socket.join(room);
    });
    socket.on("leave", (room: string) => {
      socket.leave(room);
    });
  });
};
const texts = (wire: Pick<Wire, "frames">): unknown[] => eventsOf(wire).map(([, text]) => text);

test("a client whose death nobody noticed for 40 minutes gets the whole gap", async () => {
  const { harness, pass } = start({}, chat);
  const [alice, bob] = [await harness.join(), await harness.join()];
  await alice.emit("say", "lobby", "seen");
  bob.deaf = true; // a proxy in between goes on taking what is sent
  await alice.emit("say", "lobby", "early");
  pass(40 * 60_000);
  await alice.emit("say", "lobby", "late");
  const again = await comeBack(harness, remember(bob));
  expect([again.recovered, texts(again)]).toEqual([true, ["early", "late"]]);
});

test("a client that a middleware refused is restored when it tries again on the same connection", async () => {
  const refuse = { now: false };
  const { harness } = start({ skipMiddlewares: false }, (io) => {
    io.use((_s: Socket, next) => next(refuse.now ? new Error("token expired") : undefined));
    chat(io);
  });
  const [alice, bob] = [await harness.join(), await harness.join()];
  await bob.close(1006);
  await harness.settled();
  await alice.emit("say", "lobby", "missed");
  refuse.now = true;
  const { pid } = remember(bob);
  const again = await comeBack(harness, { pid });
  expect(again.frames.at(-1)).toContain("token expired");
  refuse.now = false;
  await again.send(`40${JSON.stringify({ pid })}`);
  await harness.settled();
  expect(again.frames.join()).toContain(pid);
  expect(texts(again)).toEqual(["missed"]);
});

/** `disconnectSockets` runs `disconnect` listeners before what was called after it. */
const kicking = (io: Server): void => {
  chat(io);
  io.on("connection", (socket) => {
    socket.on("kick", (id: string) => {
      io.in(id).disconnectSockets();
      io.to("lobby").emit("said", "kicked");
    });
    socket.on("disconnect", (reason) => {
      if (reason === "server namespace disconnect") io.to("lobby").emit("said", "bye");
    });
  });
};
test("what is called later and posted earlier, with a cut between the two: nothing is lost", async () => {
  const { harness, pass } = start({}, kicking);
  const [alice, bob, victim] = [await harness.join(), await harness.join(), await harness.join()];
  const receive = bob.receive.bind(bob);
  bob.receive = (frame) => {
    receive(frame);
    if (frame.includes('"said"')) bob.deaf = true; // the network goes right behind the first of the two
  };
  await alice.emit("kick", victim.id);
  await harness.settled();
  pass(5_000);
  const again = await comeBack(harness, remember(bob));
  expect([...texts(bob), ...texts(again)].sort()).toEqual(["bye", "kicked"]);
});
test("what is called later and posted earlier, with a cut long after: nothing comes twice", async () => {
  const { harness, pass } = start({}, kicking);
  const [alice, bob, victim] = [await harness.join(), await harness.join(), await harness.join()];
  await alice.emit("kick", victim.id);
  await harness.settled();
  pass(60_000);
  await bob.close(1006);
  await harness.settled();
  const again = await comeBack(harness, remember(bob));
  expect(texts(again)).toEqual([]);
});
test("what a connection listener emits waits for what was missed, and does not set its client back", async () => {
  const { harness, pass, store } = start({}, (io) => {
    chat(io);
    io.on("connection", (socket) => {
      if (socket.recovered) socket.emit("said", "welcome back");
    });
  });
  const [alice, bob] = [await harness.join(), await harness.join()];
  await alice.emit("say", "lobby", "seen");
  await bob.close(1006);
  await harness.settled();
  // somebody speaks while the resume is reading
  const { listLog } = store;
  let spoken = false;
  const live = harness.store as { listLog: typeof listLog };
  live.listLog = async function* (...range) {
    if (!spoken && range[1] === "lobby") {
      spoken = true;
      pass(500);
      await alice.emit("say", "lobby", "meanwhile");
      pass(500);
    }
    yield* listLog(...range);
  };
  const again = await comeBack(harness, remember(bob));
  pass(60_000);
  await again.close(1006);
  await harness.settled();
  const third = await comeBack(harness, remember(again));
  expect(texts(third)).toEqual(["welcome back"]);
});
test.each([
  ["a Date", () => new Date(0)],
  ["a URL", () => new URL("https://a.b/")],
  ["a String", () => new String("x")],
  ["toJSON", () => ({ toJSON: () => "id" })],
])("a volatile event that ends in %s, which is a string for its client, is no offset", async (_, make) => {
  const { harness } = start({}, (io) => {
    chat(io);
    io.on("connection", (socket) => {
      socket.on("tick", () => {
        io.volatile.emit("tick", make());
      });
    });
  });
  const [alice, bob] = [await harness.join(), await harness.join()];
  await alice.emit("say", "lobby", "seen");
  await alice.emit("tick");
  await bob.close(1006);
  await harness.settled();
  await alice.emit("say", "lobby", "missed");
  const again = await comeBack(harness, remember(bob));
  expect([again.recovered, texts(again)]).toEqual([true, ["missed"]]);
});
