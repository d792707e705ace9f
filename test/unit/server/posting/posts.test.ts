import { describe, expect, test } from "@jest/globals";
import type { PostAnswer, PostOptions } from "../../../../lambdas/server/ports/gateway.ts";
import { EVERYONE } from "../../../../lambdas/server/ports/rooms.ts";
import { postToAll } from "../../../../lambdas/server/posting/post-to-all.ts";
import { Posts, type Recipient } from "../../../../lambdas/server/posting/posts.ts";
import { type FakeGateway, fakePorts } from "../../../support/fake-ports.ts";

function bench() {
  const ports = fakePorts();
  const recipient = (connectionId: string, ageMs: number, member?: Recipient["member"]): Recipient => ({
    connectionId,
    connectedAt: ports.clock.now() - ageMs,
    ...(member && { member }),
  });
  return {
    ...ports,
    posts: new Posts(ports),
    young: recipient("A=", 1_000),
    old: recipient("A=", 61_000),
    recipient,
  };
}

describe("a connection that is gone", () => {
  test("is asked again while it is young: it may not be there yet", async () => {
    const { posts, gateway, clock, young } = bench();
    let left = 3;
    gateway.answer = () => (left-- > 0 ? "gone" : "ok");
    expect(await posts.send(young, ["4a"])).toBe(true);
    expect(clock.slept).toEqual([50, 100, 200]);
    expect(gateway.framesTo("A=")).toEqual(["4a", "4a", "4a", "4a"]);
    expect(posts.takeGone()).toEqual([]);
  });

  test("is given up after five tries more", async () => {
    const { posts, gateway, clock, young } = bench();
    gateway.answer = () => "gone";
    expect(await posts.send(young, ["4a", "4b"])).toBe(false);
    expect(clock.slept).toEqual([50, 100, 200, 400, 800]);
    expect(new Set(gateway.framesTo("A="))).toEqual(new Set(["4a"]));
    expect(posts.takeGone()).toEqual([{ connectionId: "A=", members: [] }]);
  });

  test("is believed at once when it is older than a minute", async () => {
    const { posts, gateway, clock, old } = bench();
    gateway.answer = () => "gone";
    expect(await posts.send(old, ["4a"])).toBe(false);
    expect([gateway.posts.length, clock.slept]).toEqual([1, []]);
  });

  test("is not asked again once it has become older than a minute while it was", async () => {
    const { posts, gateway, clock, recipient } = bench();
    gateway.answer = () => "gone";
    expect(await posts.send(recipient("A=", 59_900), ["4a"])).toBe(false);
    expect(clock.slept).toEqual([50, 100]);
  });

  test("gets nothing more, and is collected once with all members that led to it", async () => {
    const { posts, gateway, recipient } = bench();
    gateway.answer = (connectionId) => (connectionId === "B=" ? "ok" : "gone");
    const via = (room: string | typeof EVERYONE): Recipient =>
      recipient("A=", 61_000, { nsp: "/", room, id: "s" });
    const sent = await Promise.all([
      posts.send(via("red"), ["4a"]),
      posts.send(via("red"), ["4b"]),
      posts.send(via(EVERYONE), ["4c"]),
      posts.send(recipient("B=", 61_000), ["4d"]),
    ]);
    expect(sent).toEqual([false, false, false, true]);
    expect(gateway.posts).toHaveLength(2);
    const members = [
      { nsp: "/", room: "red", id: "s" },
      { nsp: "/", room: null, id: "s" },
    ];
    expect(posts.takeGone()).toEqual([{ connectionId: "A=", members }]);
    expect(posts.takeGone()).toEqual([]);
  });
});

describe("order", () => {
  test("to one connection one post after the other, to others meanwhile", async () => {
    const { posts, gateway, recipient, clock } = bench();
    const waiting: (() => void)[] = [];
    gateway.answer = () =>
      new Promise((resolve) => {
        waiting.push(() => resolve("ok"));
      });
    const a = recipient("A=", 0);
    const sent = Promise.all([
      posts.send(a, ["1", "2"]),
      posts.send(recipient("B=", 0), ["x"]),
      posts.send(a, ["3"]),
    ]);
    await clock.turn();
    expect(gateway.posts).toEqual([
      ["A=", "1"],
      ["B=", "x"],
    ]);
    while (waiting.length > 0) {
      waiting.shift()?.();
      await clock.turn();
    }
    await sent;
    expect(gateway.framesTo("A=")).toEqual(["1", "2", "3"]);
  });

  test("what fails to be posted does not stop the next packet, and is an error of its own", async () => {
    const { posts, gateway, young } = bench();
    gateway.answer = (_, frame) => (frame === "bad" ? Promise.reject(new Error("throttled")) : "ok");
    const [bad, good] = await Promise.allSettled([
      posts.send(young, ["bad", "never"]),
      posts.send(young, ["good"]),
    ]);
    expect(bad).toMatchObject({ status: "rejected", reason: { message: "throttled" } });
    expect(good).toEqual({ status: "fulfilled", value: true });
    expect(gateway.framesTo("A=")).toEqual(["bad", "good"]);
    expect(posts.takeGone()).toEqual([]);
  });
});

/** A gateway that answers when the test says so, in the order of the posts. */
function held(gateway: FakeGateway) {
  const waiting: {
    readonly to: string;
    readonly how: PostOptions;
    readonly answer: (is: PostAnswer) => void;
  }[] = [];
  gateway.answer = (to, _, how) => new Promise((answer) => waiting.push({ to, how, answer }));
  return waiting;
}

describe("a volatile packet", () => {
  test("is lost where another one is on its way, whether that may be lost too or not", async () => {
    const { posts, gateway, clock, old } = bench();
    const waiting = held(gateway);
    const volatile = (frame: string) => posts.send(old, [frame], { volatileSince: posts.moment });
    const sent = Promise.all([
      volatile("first"),
      ...Array.from({ length: 49 }, (_, n) => volatile(`${n}`)),
      posts.send(old, ["kept"]),
      volatile("behind that"),
    ]);
    await clock.turn();
    waiting[0]?.answer("ok");
    await clock.turn();
    waiting[1]?.answer("ok");
    expect(new Set(await sent)).toEqual(new Set([true]));
    expect(gateway.framesTo("A=")).toEqual(["first", "kept"]);
  });

  test("is lost where the connection was busy when it was called for, though it is not any more", async () => {
    const { posts, gateway, old } = bench();
    const since = posts.moment;
    await posts.send(old, ["before"]);
    await posts.send(old, ["late"], { volatileSince: since });
    await posts.send(old, ["after"], { volatileSince: posts.moment });
    expect(gateway.framesTo("A=")).toEqual(["before", "after"]);
  });

  test("does not care who else is busy", async () => {
    const { posts, gateway, old, recipient } = bench();
    void posts.send(old, ["to A"]);
    await posts.send(recipient("B=", 61_000), ["to B"], { volatileSince: posts.moment });
    expect(gateway.framesTo("B=")).toEqual(["to B"]);
  });

  test("is lost where a session is being resumed", async () => {
    const { posts, gateway, old } = bench();
    expect(await posts.send({ ...old, hold: "pid" }, ["4"], { volatileSince: posts.moment })).toBe(true);
    expect(gateway.posts).toEqual([]);
  });

  test("is tried once, and is lost where that is refused or the connection may not be there yet", async () => {
    const { posts, gateway, clock, old, young } = bench();
    const tries: (boolean | undefined)[] = [];
    for (const [to, answer] of [
      [old, "refused"],
      [young, "gone"],
    ] as const) {
      gateway.answer = (_to, _frame, { once }) => {
        tries.push(once);
        return answer;
      };
      expect(await posts.send(to, ["4"], { volatileSince: posts.moment })).toBe(true);
    }
    expect([tries, clock.slept, posts.takeGone()]).toEqual([[true, true], [], []]);
  });

  test("finds a connection gone as others do", async () => {
    const { posts, gateway, old } = bench();
    gateway.answer = () => "gone";
    expect(await posts.send(old, ["4"], { volatileSince: posts.moment })).toBe(false);
    expect(posts.takeGone()).toHaveLength(1);
  });

  test("that has begun is sent whole, with its attachments", async () => {
    const { posts, gateway, old } = bench();
    const once: (boolean | undefined)[] = [];
    gateway.answer = (_to, _frame, how) => {
      once.push(how.once);
      return "ok";
    };
    await posts.send(old, ["451-", "b1", "b2"], { volatileSince: posts.moment });
    expect(once).toEqual([true, undefined, undefined]);
  });

  test("is not in the way of the packet that connects a socket, but is lost when it was called for before", async () => {
    const { posts, gateway, old } = bench();
    const before = posts.moment;
    posts.noteBusy(old);
    const later = posts.moment;
    await posts.send(old, ["40"], { connects: true });
    await posts.send(old, ["called before"], { volatileSince: before });
    await posts.send(old, ["called later"], { volatileSince: later });
    expect(gateway.framesTo("A=")).toEqual(["40", "called later"]);
  });
});

describe("a client that does not read", () => {
  test("is closed, and the log says why", async () => {
    const { posts, gateway, logged, old } = bench();
    gateway.answer = () => "refused";
    expect(await posts.send(old, ["4a"])).toBe(false);
    expect(await posts.send(old, ["4b"])).toBe(false);
    expect(gateway.posts).toHaveLength(1);
    expect(posts.takeGone()).toEqual([{ connectionId: "A=", members: [] }]);
    expect(logged).toEqual([["SKY_SLOW_READER", expect.stringContaining("does not read")]]);
  });

  test("is waited for no longer by a packet to many than the others are", async () => {
    const ports = bench();
    const { posts, gateway, clock, recipient } = ports;
    const waiting = held(gateway);
    const to = (id: string) => ({ ...recipient(id, 61_000), id });
    const { sent, missed } = postToAll({ posts, ports }, [to("A="), to("B=")], { frames: ["4"] });
    await clock.turn();
    const [a, b] = waiting;
    a?.how.onSlow?.();
    b?.answer("ok");
    expect(await sent).toBe(false);
    // And by one that comes after, without a word from the gateway.
    const next = postToAll({ posts, ports }, [to("A="), to("B=")], { frames: ["4"] });
    await clock.turn();
    waiting[2]?.answer("ok");
    expect(await next.sent).toBe(false);
    a?.answer("refused");
    expect([await missed, await next.missed]).toEqual([["A="], ["A="]]);
  });

  test("and one that may not be there yet neither", async () => {
    const ports = bench();
    const { posts, gateway, clock, recipient } = ports;
    gateway.answer = (id) => (id === "A=" ? "gone" : "ok");
    const to = (id: string) => ({ ...recipient(id, 1_000), id });
    const { sent, missed } = postToAll({ posts, ports }, [to("A="), to("B=")], { frames: ["4"] });
    expect(await sent).toBe(false);
    expect(clock.slept).toHaveLength(1);
    expect(await missed).toEqual(["A="]);
  });

  test("but for what recovery keeps: a sender that has been told, and dies, would owe it to a living client", async () => {
    const ports = bench();
    const { posts, gateway, clock, recipient } = ports;
    gateway.answer = (id) => (id === "A=" ? "gone" : "ok");
    const to = (id: string) => ({ ...recipient(id, 1_000), id });
    const log = { id: "1", expiresAt: 0 };
    const { sent, missed } = postToAll({ posts, ports }, [to("A="), to("B=")], { frames: ["4"], log });
    expect(await sent).toBe(true);
    expect(clock.slept).toHaveLength(5);
    expect(await missed).toEqual(["A="]);
  });

  test("and reads on is waited for again", async () => {
    const ports = bench();
    const { posts, gateway, clock, recipient } = ports;
    const waiting = held(gateway);
    const to = { ...recipient("A=", 61_000), id: "a" };
    const slow = postToAll({ posts, ports }, [to], { frames: ["4"] });
    await clock.turn();
    waiting[0]?.how.onSlow?.();
    expect(await slow.sent).toBe(false);
    waiting[0]?.answer("ok");
    expect(await slow.missed).toEqual([]);
    const next = postToAll({ posts, ports }, [to], { frames: ["4"] });
    await clock.turn();
    waiting[1]?.answer("ok");
    expect(await next.sent).toBe(true);
  });
});
