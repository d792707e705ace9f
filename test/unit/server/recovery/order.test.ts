/**
 * Connection state recovery where calls and posts are in another order, and where its client is told less than it thinks. As in
 * recovery.test.ts each test is named after the fault that it keeps away.
 */
import { expect, test } from "@jest/globals";
import type { Server } from "../../../../lambdas/server/api/index.ts";
import type { Socket } from "../../../../lambdas/server/api/socket.ts";
import { comeBack, remember } from "../../../support/recovering-client.ts";
import { chat, cut, startRecovery, texts } from "../../../support/recovery-bench.ts";

test("a client whose death nobody noticed for 40 minutes gets the whole gap", async () => {
  const { harness, pass } = startRecovery({}, chat);
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
  const { harness } = startRecovery({ skipMiddlewares: false }, (io) => {
    io.use((_s: Socket, next) => next(refuse.now ? new Error("token expired") : undefined));
    chat(io);
  });
  const [alice, bob] = [await harness.join(), await harness.join()];
  await cut(harness, bob);
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
  const { harness, pass } = startRecovery({}, kicking);
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
  const { harness, pass } = startRecovery({}, kicking);
  const [alice, bob, victim] = [await harness.join(), await harness.join(), await harness.join()];
  await alice.emit("kick", victim.id);
  await harness.settled();
  pass(60_000);
  await cut(harness, bob);
  const again = await comeBack(harness, remember(bob));
  expect(texts(again)).toEqual([]);
});
test("what a connection listener emits waits for what was missed, and does not set its client back", async () => {
  const { harness, pass, store } = startRecovery({}, (io) => {
    chat(io);
    io.on("connection", (socket) => {
      if (socket.recovered) socket.emit("said", "welcome back");
    });
  });
  const [alice, bob] = [await harness.join(), await harness.join()];
  await alice.emit("say", "lobby", "seen");
  await cut(harness, bob);
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
  await cut(harness, again);
  const third = await comeBack(harness, remember(again));
  expect(texts(third)).toEqual(["welcome back"]);
});
test.each([
  ["a Date", () => new Date(0)],
  ["a URL", () => new URL("https://a.b/")],
  ["a String", () => new String("x")],
  ["toJSON", () => ({ toJSON: () => "id" })],
])("a volatile event that ends in %s, which is a string for its client, is no offset", async (_, make) => {
  const { harness } = startRecovery({}, (io) => {
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
  await cut(harness, bob);
  await alice.emit("say", "lobby", "missed");
  const again = await comeBack(harness, remember(bob));
  expect([again.recovered, texts(again)]).toEqual([true, ["missed"]]);
});
