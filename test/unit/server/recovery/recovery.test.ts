/**
 * Connection state recovery, one invocation at a time. Each test is named after the fault that it keeps away; the faults are
 * those of systems that do the same job. What happens when invocations race is tested in interleaving.test.ts.
 */
import { describe, expect, test } from "@jest/globals";
import type { Socket } from "../../../../lambdas/server/api/socket.ts";
import { Offsets } from "../../../../lambdas/server/common/offsets.ts";
import type { Harness, Wire } from "../../../support/harness.ts";
import { comeBack, remember } from "../../../support/recovering-client.ts";
import { chat, cut, type Declare, PAGE, startRecovery, texts } from "../../../support/recovery-bench.ts";

/** How many tasks of each kind are started from now on. */
function countTasks(harness: Harness): { resume: number } {
  const counts = { resume: 0 };
  const { invoke } = harness;
  harness.invoke = (event) => {
    if (typeof event === "object" && event !== null && "task" in event && event.task === "resume")
      counts.resume++;
    return invoke(event);
  };
  return counts;
}

async function state(wire: Wire): Promise<{ rooms: string[]; data: object; recovered: boolean; id: string }> {
  await wire.send('427["get"]');
  const answer = await wire.next((frame) => frame.startsWith("437["));
  return JSON.parse(answer.slice(3))[0];
}

describe("a client that comes back", () => {
  test("gets its id, rooms and data again, and what it missed, in order, before anything new", async () => {
    const { harness, recovered } = startRecovery();
    const [alice, bob] = [await harness.join(), await harness.join()];
    await bob.emit("join", "football");
    await bob.emit("set", "name", "Bob");
    await alice.emit("say", "lobby", "seen");
    const before = remember(bob);
    expect(before.offset).toBeDefined();
    await cut(harness, bob);
    for (const text of ["one", "two", "three"]) await alice.emit("say", "football", text);
    await alice.emit("all", "four");

    const again = await comeBack(harness, before);
    await alice.emit("say", "lobby", "live");

    expect(again.recovered).toBe(true);
    expect(recovered).toEqual([false, false, true]);
    expect(texts(again)).toEqual(["one", "two", "three", "four", "live"]);
    expect(again.frames.findIndex((frame) => frame.startsWith("40"))).toBeLessThan(
      again.frames.findIndex((frame) => frame.startsWith("42")),
    );
    expect(await state(again)).toEqual({
      rooms: [before.sid, "football", "lobby"].sort(),
      data: { name: "Bob" },
      recovered: true,
      id: before.sid,
    });
    expect(harness.log).toEqual([]);
  });

  test("is restored any number of times", async () => {
    const { harness } = startRecovery();
    const alice = await harness.join();
    let bob = await harness.join();
    const { pid, sid } = remember(bob);
    const seen: unknown[] = [];
    for (let round = 0; round < 4; round++) {
      const { offset } = remember(bob);
      await cut(harness, bob);
      await alice.emit("say", "lobby", `round ${round}`);
      const again = await comeBack(harness, { pid, offset });
      expect(again.recovered).toBe(true);
      expect(again.id).toBe(sid);
      seen.push(...texts(again));
      bob = again;
    }
    expect(seen).toEqual(["round 0", "round 1", "round 2", "round 3"]);
  });

  test("is restored before its first event", async () => {
    const { harness } = startRecovery();
    const [alice, bob] = [await harness.join(), await harness.join()];
    const before = remember(bob);
    expect(before.offset).toBeUndefined();
    await cut(harness, bob);
    await alice.emit("say", "lobby", "the first");
    const again = await comeBack(harness, before);
    expect(again.recovered).toBe(true);
    expect(texts(again)).toEqual(["the first"]);
  });

  test("is restored before its old connection is noticed dead: the new one takes the session over", async () => {
    const { harness } = startRecovery();
    const [alice, bob] = [await harness.join(), await harness.join()];
    const before = remember(bob);
    bob.deaf = true; // API Gateway still answers 200
    await alice.emit("say", "lobby", "into the dark");
    const again = await comeBack(harness, before);
    expect(again.recovered).toBe(true);
    expect(texts(again)).toEqual(["into the dark"]);
    expect(bob.open).toBe(false);
    await alice.emit("say", "lobby", "once");
    expect(texts(again)).toEqual(["into the dark", "once"]);
  });

  test("is restored after a volatile event that ends in a string", async () => {
    const { harness } = startRecovery({}, (io, recovered) => {
      chat(io, recovered);
      io.on("connection", (socket) => {
        socket.on("whisper", async (text: string) => {
          await socket.volatile.emit("whispered", text); // else the next one is lost
          io.volatile.emit("nudge");
        });
      });
    });
    const [alice, bob] = [await harness.join(), await harness.join()];
    await alice.emit("say", "lobby", "kept");
    await bob.emit("whisper", "psst");
    expect(bob.events.slice(-2)).toEqual([
      ["whispered", "psst", null],
      ["nudge", null],
    ]);
    const before = remember(bob);
    await cut(harness, bob);
    await alice.emit("say", "lobby", "missed");
    const again = await comeBack(harness, before);
    expect(again.recovered).toBe(true);
    expect(texts(again)).toEqual(["missed"]);
  });

  test("gets what its own sockets, its id, several rooms at once and everyone were sent, each once", async () => {
    const { harness } = startRecovery({}, (io, recovered) => {
      chat(io, recovered);
      io.on("connection", (socket) => {
        socket.on("send", async (id: string) => {
          io.to(id).emit("said", "to the id");
          io.to(["a", "b"]).emit("said", "to two rooms");
          io.to("a").except("b").emit("said", "not for b");
          io.to("a").except("c").emit("said", "not for c");
          socket.to("a").emit("said", "by another");
          await io.emit("said", "to everyone");
        });
      });
    });
    const [alice, bob] = [await harness.join(), await harness.join()];
    await bob.emit("join", "a");
    await bob.emit("join", "b");
    const before = remember(bob);
    await cut(harness, bob);
    await alice.emit("send", before.sid);
    const again = await comeBack(harness, before);
    expect(texts(again)).toEqual(["to the id", "to two rooms", "not for c", "by another", "to everyone"]);
  });

  test("gets none of its own broadcasts", async () => {
    const { harness } = startRecovery();
    const bob = await harness.join();
    const before = remember(bob);
    await bob.emit("others", "from bob");
    await cut(harness, bob);
    const again = await comeBack(harness, before);
    expect(again.recovered).toBe(true);
    expect(texts(again)).toEqual([]);
  });

  test("gets what rooms were sent that it has left, up to then", async () => {
    const { harness } = startRecovery();
    const [alice, bob] = [await harness.join(), await harness.join()];
    await bob.emit("join", "a");
    const before = remember(bob);
    bob.deaf = true;
    await alice.emit("say", "a", "as a member");
    await bob.emit("leave", "a");
    await alice.emit("say", "a", "after that");
    await cut(harness, bob);
    const again = await comeBack(harness, before);
    expect(texts(again)).toEqual(["as a member"]);
    expect((await state(again)).rooms).not.toContain("a");
  });
});

describe("a room's history", () => {
  test.each([
    ["no offset", null],
    ["an offset of long ago", "0".repeat(21)],
  ])("is not to be had from before the join, with %s", async (_, offset) => {
    const { harness } = startRecovery();
    const [alice, bob] = [await harness.join(), await harness.join()];
    await alice.emit("say", "secret", "not for bob");
    await alice.emit("say", "lobby", "for bob");
    await bob.emit("join", "secret");
    await alice.emit("say", "secret", "for bob too");
    const { pid } = remember(bob);
    await cut(harness, bob);
    const again = await comeBack(harness, { pid, offset });
    expect(again.recovered).toBe(true);
    expect(texts(again)).toEqual(["for bob", "for bob too"]);
  });

  test("is not to be had from before the connection, with the offset of an earlier session", async () => {
    const { harness } = startRecovery();
    const alice = await harness.join();
    const first = await harness.join();
    await alice.emit("say", "lobby", "seen");
    const { offset } = remember(first);
    await alice.emit("say", "lobby", "before the second session");
    const second = await harness.join();
    const { pid } = remember(second);
    await cut(harness, second);
    await alice.emit("say", "lobby", "missed");
    const again = await comeBack(harness, { pid, offset });
    expect(again.recovered).toBe(true);
    expect(texts(again)).toEqual(["missed"]);
  });
});

test.each([
  ["is sent again minutes later: its end is a task that may be late", 4, ["first"]],
  ["is forgotten when there can be no such task any more", 7, []],
])("what a connection did not take, and others after it, %s", async (_, minutes, expected) => {
  const { harness, store, pass, clock } = startRecovery();
  const [alice, bob] = [await harness.join(), await harness.join()];
  await alice.emit("say", "lobby", "first");
  const { sid, offset: first = "" } = remember(bob);
  await store.finishLog({ nsp: "/", room: "lobby", id: first, done: clock.now(), missed: [sid] });
  pass(minutes * 60_000);
  await alice.emit("say", "lobby", "second");
  const remembered = remember(bob);
  expect(remembered.offset).not.toBe(first);
  await cut(harness, bob);
  const again = await comeBack(harness, remembered);
  expect([again.recovered, texts(again)]).toEqual([true, expected]);
});

describe("a session is not restored", () => {
  const refused = async (harness: Harness, back: { pid: string; offset?: string | null }, nsp = "/") => {
    const again = await comeBack(harness, back, nsp);
    expect(again.recovered).toBe(false);
    expect(again.frames.filter((frame) => frame.startsWith("40"))).toHaveLength(1);
    expect(texts(again)).toEqual([]);
    return again;
  };

  test("when its client left on purpose", async () => {
    const { harness } = startRecovery();
    const [alice, bob] = [await harness.join(), await harness.join()];
    const { pid } = remember(bob);
    await bob.send("41");
    await bob.close(1005);
    await alice.emit("say", "lobby", "missed");
    await refused(harness, { pid });
  });

  test("when its client left on purpose and the connection's end was handled before that", async () => {
    const { harness } = startRecovery();
    const bob = await harness.join();
    const { pid } = remember(bob);
    await bob.close(1006);
    await bob.send("41");
    await refused(harness, { pid });
  });

  test("when its client left on purpose while another connection was claiming it, and that died", async () => {
    const { harness, store, pass, clock } = startRecovery();
    const first = await harness.join();
    const { pid } = remember(first);
    await cut(harness, first);
    const second = await comeBack(harness, { pid });
    pass(1_000);
    // It saw the second one still connecting.
    const seen = { pid, connectionId: second.connectionId, rowOn: second.connectionId };
    const until = clock.now();
    const claim = { connectionId: "dead=", connectedAt: until, rowOn: first.connectionId, until };
    const tried = [second.connectionId];
    expect(await store.claimSession(seen, { ...claim, tried }, until + 3_600_000)).toBe(true);
    await second.send("41");
    await refused(harness, { pid });
  });

  test("when the server disconnected the socket", async () => {
    const { harness } = startRecovery({}, (io) => {
      io.on("connection", (socket) => {
        socket.on("leave me", () => {
          socket.disconnect();
        });
      });
    });
    const bob = await harness.join();
    const { pid } = remember(bob);
    await bob.emit("leave me");
    await cut(harness, bob);
    await refused(harness, { pid });
  });

  test("when it was resumed too often in a minute, however the client comes back; and then again", async () => {
    const { harness, pass } = startRecovery({ maxResumesPerMinute: 3 });
    const alice = await harness.join();
    let bob = await harness.join();
    const first = remember(bob);
    await alice.emit("say", "lobby", "missed");
    for (let i = 0; i < 3; i++) {
      await cut(harness, bob);
      const back = await comeBack(harness, { pid: first.pid });
      expect([back.recovered, texts(back)]).toEqual([true, ["missed"]]);
      bob = back;
    }
    await cut(harness, bob);
    await refused(harness, { pid: first.pid });
    expect(harness.log.map(({ code }) => code)).toEqual(["SKY_CLIENT_LIMIT"]);
    pass(60_000);
    expect((await comeBack(harness, { pid: first.pid })).recovered).toBe(true);
  });

  test("when it was away for too long", async () => {
    const { harness, pass } = startRecovery({ maxDisconnectionDuration: 5_000 });
    const bob = await harness.join();
    const { pid } = remember(bob);
    await cut(harness, bob);
    pass(5_001);
    await refused(harness, { pid });
  });

  test("in another namespace", async () => {
    const { harness } = startRecovery({}, (io, recovered) => {
      chat(io, recovered);
      io.of("/admin").on("connection", () => undefined);
    });
    const bob = await harness.join();
    const { pid } = remember(bob);
    await cut(harness, bob);
    await refused(harness, { pid }, "/admin");
  });

  test.each([
    ["an unknown id", { pid: "x".repeat(24) }],
    ["an id that is none", { pid: "../../../etc" }],
    ["an offset that is none", { offset: "yesterday" }],
    ["an offset of the future", { offset: `zzzzzzzzz${"0".repeat(12)}` }],
  ])("for %s", async (_, back) => {
    const { harness } = startRecovery();
    const bob = await harness.join();
    const { pid } = remember(bob);
    await cut(harness, bob);
    await refused(harness, { pid, ...back });
  });

  test("to a connection that is older than the one that has it: that is closed", async () => {
    const { harness, pass } = startRecovery();
    const bob = await harness.join();
    const { pid } = remember(bob);
    pass(1_000);
    const older = await harness.connect();
    pass(1_000);
    await cut(harness, bob);
    const newer = await comeBack(harness, { pid });
    expect(newer.recovered).toBe(true);
    await older.send(`40${JSON.stringify({ pid })}`);
    expect(older.open).toBe(false);
    expect(older.frames.filter((frame) => frame.startsWith("40"))).toEqual([]);
    await newer.emit("echo", "alive");
    expect(texts(newer)).toEqual(["alive"]);
  });
});

test("durations of days work: the session is in the table", async () => {
  const day = 24 * 60 * 60 * 1_000;
  const { harness, pass } = startRecovery({ maxDisconnectionDuration: 3 * day });
  const [alice, bob] = [await harness.join(), await harness.join()];
  await bob.emit(
    "set",
    "list",
    Array.from({ length: 400 }, (_, at) => `entry ${at}`),
  );
  const { pid, offset, sid } = remember(bob);
  await cut(harness, bob);
  await alice.emit("say", "lobby", "missed");
  pass(3 * day - 60_000);
  const again = await comeBack(harness, { pid, offset });
  expect(again.recovered).toBe(true);
  expect(again.id).toBe(sid);
  expect(texts(again)).toEqual(["missed"]);
  expect(Object.keys((await state(again)).data)).toEqual(["list"]);
});

describe("middlewares", () => {
  const guarded =
    (ran: boolean[], refuse: { now: boolean }): Declare =>
    (io, recovered) => {
      io.use((socket: Socket, next) => {
        ran.push(socket.recovered);
        next(refuse.now ? new Error("not now") : undefined);
      });
      chat(io, recovered);
    };

  test("are skipped by default", async () => {
    const ran: boolean[] = [];
    const { harness } = startRecovery({}, guarded(ran, { now: false }));
    const bob = await harness.join();
    await cut(harness, bob);
    expect((await comeBack(harness, remember(bob))).recovered).toBe(true);
    expect(ran).toEqual([false]);
  });

  test("run with skipMiddlewares: false; a refusal leaves the session for the next attempt", async () => {
    const ran: boolean[] = [];
    const refuse = { now: false };
    const { harness } = startRecovery({ skipMiddlewares: false }, guarded(ran, refuse));
    const [alice, bob] = [await harness.join(), await harness.join()];
    await cut(harness, bob);
    await alice.emit("say", "lobby", "missed");
    refuse.now = true;
    const refused = await comeBack(harness, remember(bob));
    expect(refused.frames.at(-1)).toBe('44{"message":"not now"}');
    refuse.now = false;
    const again = await comeBack(harness, remember(bob));
    expect(again.recovered).toBe(true);
    expect(texts(again)).toEqual(["missed"]);
    expect(ran).toEqual([false, false, true, true]);
  });
});

test("each pid is new, and has at least 128 random bits", async () => {
  const { harness } = startRecovery();
  const pids = new Set<string>();
  for (let count = 0; count < 20; count++) pids.add(remember(await harness.join()).pid);
  expect(pids.size).toBe(20);
  for (const pid of pids) expect(Buffer.from(pid, "base64url").length).toBeGreaterThanOrEqual(16);
});

test("5,000 missed packets of 1 KB arrive all, in order, over several invocations, without all of them being held", async () => {
  const COUNT = 5_000;
  const { harness, clock, store } = startRecovery();
  const [alice, bob] = [await harness.join(), await harness.join()];
  await alice.emit("say", "lobby", "seen");
  const before = remember(bob);
  await cut(harness, bob);
  const offsets = new Offsets(clock);
  for (let count = 0; count < COUNT; count++) {
    const id = offsets.next();
    const frames = [`42${JSON.stringify(["said", `${count} ${"x".repeat(1_000)}`, id])}`];
    await store.putLog({ nsp: "/", room: "lobby", id, frames, except: [] }, clock.now() + 1_000_000);
    await store.finishLog({ nsp: "/", room: "lobby", id, done: clock.now(), missed: [] });
  }
  let [held, most] = [0, 0];
  const { listLog } = store;
  store.listLog = async function* (...range) {
    for await (const rows of listLog(...range)) {
      held += rows.length;
      most = Math.max(most, held);
      try {
        yield rows;
      } finally {
        held -= rows.length;
      }
    }
  };
  const tasks = countTasks(harness);
  clock.costOfLook = 10; // each packet takes its time: an invocation is over long before all are posted

  const again = await comeBack(harness, before);
  clock.costOfLook = 0;

  expect(texts(again).map((text) => Number.parseInt(String(text), 10))).toEqual(
    Array.from({ length: COUNT }, (_, at) => at),
  );
  expect(tasks.resume).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(2 * PAGE); // the lobby's page, and those of small rooms
  await alice.emit("say", "lobby", "live");
  expect(texts(again).at(-1)).toBe("live");
});

test("an invocation that dies while it hands the rest over: the next one goes on all the same", async () => {
  const COUNT = 40;
  const { harness, clock, store } = startRecovery();
  const [alice, bob] = [await harness.join(), await harness.join()];
  await cut(harness, bob);
  for (let count = 0; count < COUNT; count++) await alice.emit("say", "lobby", String(count));
  const { prolongResume } = store;
  let handed = 0;
  store.prolongResume = async (seen, change) => {
    if (change.until - clock.now() < 100_000) return await prolongResume(seen, change);
    handed++; // it died before that, and after it had started the task
    return false;
  };
  clock.costOfLook = 1_000;
  const again = await comeBack(harness, remember(bob));
  clock.costOfLook = 0;
  expect(handed).toBeGreaterThan(0);
  expect(texts(again)).toEqual(Array.from({ length: COUNT }, (_, at) => String(at)));
  await alice.emit("say", "lobby", "live");
  expect(texts(again).at(-1)).toBe("live");
});
