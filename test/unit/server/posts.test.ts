import { describe, expect, test } from "@jest/globals";
import { EVERYONE } from "../../../lambdas/server/ports.ts";
import { Posts, type Recipient } from "../../../lambdas/server/posts.ts";
import { fakePorts } from "../../support/fake-ports.ts";

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
