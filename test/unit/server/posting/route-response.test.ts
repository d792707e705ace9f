import { describe, expect, test } from "@jest/globals";
import { Posts, type Recipient } from "../../../../lambdas/server/posting/posts.ts";
import { RouteResponse } from "../../../../lambdas/server/posting/route-response.ts";
import { fakePorts } from "../../../support/fake-ports.ts";

function bench() {
  const ports = fakePorts();
  const response = new RouteResponse(ports.clock);
  const to: Recipient = { connectionId: "A=", connectedAt: ports.clock.now() };
  return { ...ports, response, posts: new Posts(ports, { reply: response }), to };
}

describe("the place for one frame", () => {
  test("is empty at first", () => {
    const { response } = bench();
    expect([response.waiting, response.take()]).toEqual([false, undefined]);
    response.release(); // of nothing
  });

  test("gives the frame to whoever ends the invocation first, once", async () => {
    const { response } = bench();
    const held = response.offer("430[]");
    expect(response.waiting).toBe(true);
    expect(response.take()).toBe("430[]");
    expect(await held).toBe(true);
    expect([response.waiting, response.take()]).toEqual([false, undefined]);
  });

  test("gives it back when something else is to be sent", async () => {
    const { response } = bench();
    const held = response.offer("430[]");
    response.release();
    expect(await held).toBe(false);
    expect(response.take()).toBeUndefined();
  });

  test("gives it back after 25 ms, in which nobody ended the invocation", async () => {
    const { response, clock } = bench();
    const began = clock.now();
    expect(await response.offer("430[]")).toBe(false);
    expect(clock.now() - began).toBe(25);
    expect(response.take()).toBeUndefined();
  });

  test("leaves no timer behind when it was decided before", async () => {
    const { response, clock } = bench();
    const held = response.offer("430[]");
    response.take();
    await held;
    const began = clock.now();
    await clock.sleep(1_000);
    expect(clock.now() - began).toBe(1_000);
  });
});

describe("answers", () => {
  test("the last one is the response, the ones before it are posted in order", async () => {
    const { posts, response, gateway, to, clock } = bench();
    const first = posts.answer(to, ["431[]"]);
    await clock.turn();
    const second = posts.answer(to, ["432[]"]);
    await first;
    await clock.turn();
    expect(response.take()).toBe("432[]");
    expect(await second).toBe(true);
    expect(gateway.framesTo("A=")).toEqual(["431[]"]);
  });

  test("one that is followed by a packet is posted before it", async () => {
    const { posts, response, gateway, to, clock } = bench();
    const answered = posts.answer(to, ["431[]"]);
    await clock.turn();
    await Promise.all([answered, posts.send(to, ['42["next"]'])]);
    expect(gateway.framesTo("A=")).toEqual(["431[]", '42["next"]']);
    expect(response.take()).toBeUndefined();
  });

  test("one with attachments is posted: a response is one frame", async () => {
    const { posts, gateway, to } = bench();
    await posts.answer(to, ['461-1[{"_placeholder":true,"num":0}]', "bAQI="]);
    expect(gateway.framesTo("A=")).toEqual(['461-1[{"_placeholder":true,"num":0}]', "bAQI="]);
  });

  test("without the place for a response, all are posted", async () => {
    const { gateway, to, ...ports } = bench();
    await new Posts({ ...ports, gateway }).answer(to, ["431[]"]);
    expect(gateway.framesTo("A=")).toEqual(["431[]"]);
  });
});
