import { afterEach, describe, expect, test } from "@jest/globals";
import { Chaos } from "../../../infra/local/chaos.ts";
import { startGateway } from "../../support/local-gateway.ts";

type Gateway = Awaited<ReturnType<typeof startGateway>>;
let gateway: Gateway | undefined;

afterEach(async () => {
  await gateway?.stop();
  expect(gateway?.errors ?? []).toEqual([]);
  gateway = undefined;
});

async function open(settings: ConstructorParameters<typeof Chaos>[0]) {
  const chaos = new Chaos({ seed: 7, ...settings });
  const current = await startGateway({ chaos, behavior: { openDelayMs: 0 } });
  gateway = current;
  const client = current.dial();
  await client.opened;
  const { event } = await current.lambda.invoked("$connect");
  return { current, client, chaos, id: String(event.requestContext.connectionId) };
}

describe("Chaos", () => {
  test("is off at first and can be switched off again", () => {
    const chaos = new Chaos();
    const off = chaos.settings;
    expect(Object.values(off).every((value) => value === 0)).toBe(true);
    chaos.set({ staleGone: 1, lateOpenMs: 10 });
    expect(chaos.happens("staleGone")).toBe(true);
    expect(chaos.happens("deadOk")).toBe(false);
    chaos.off();
    expect(chaos.settings).toEqual(off);
    expect(chaos.delayMs("lateOpenMs")).toBe(0);
  });

  test("draws the same numbers from the same seed, evenly", () => {
    const draw = (seed: number) => {
      const chaos = new Chaos({ seed, settings: { lateOpenMs: 1 } });
      return Array.from({ length: 2000 }, () => chaos.delayMs("lateOpenMs"));
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    const numbers = draw(1);
    expect(numbers.reduce((sum, value) => sum + value, 0) / numbers.length).toBeCloseTo(0.5, 1);
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...numbers)).toBeLessThan(1);
    expect(new Chaos({ seed: 5 }).seed).toBe(5);
  });

  test("sets clocks off by no more than it says, forward and back", () => {
    const chaos = new Chaos({ seed: 3 });
    expect(chaos.skewMs()).toBe(0);
    chaos.set({ clockSkewMs: 50 });
    const skews = Array.from({ length: 200 }, () => chaos.skewMs());
    expect(Math.min(...skews)).toBeLessThan(-30);
    expect(Math.max(...skews)).toBeGreaterThan(30);
    expect(Math.max(...skews.map(Math.abs))).toBeLessThanOrEqual(50);
  });

  test.each<[object, string]>([
    [{ staleGone: 2 }, 'The chaos switch "staleGone" takes a probability from 0 to 1, but got 2.'],
    [
      { lateOpenMs: -1 },
      'The chaos switch "lateOpenMs" takes a number of milliseconds, 0 or more, but got -1.',
    ],
    [{ deadOk: Number.NaN }, "but got NaN"],
    [{ nope: 1 }, 'No chaos switch is called "nope". There are: loseDisconnect,'],
  ])("refuses %j", (settings, message) => {
    expect(() => new Chaos({ settings })).toThrow(message);
  });
});

describe("each switch in the API Gateway", () => {
  test("loseDisconnect: no $disconnect", async () => {
    const { current, client } = await open({ settings: { loseDisconnect: 1 } });
    client.socket.close();
    await client.closed;
    await current.stop();
    expect(current.lambda.ofRoute("$disconnect")).toEqual([]);
    gateway = undefined;
  });

  test("lateDisconnectMs: $disconnect comes after a while", async () => {
    const { current, client } = await open({ settings: { lateDisconnectMs: 400 } });
    client.socket.close();
    await client.closed;
    const closedAt = performance.now();
    expect(current.lambda.ofRoute("$disconnect")).toEqual([]);
    await current.lambda.invoked("$disconnect");
    expect(performance.now() - closedAt).toBeGreaterThan(2);
  });

  test("earlyDisconnectMs: a frame is processed after the $disconnect of its connection", async () => {
    const { current, client } = await open({ settings: { earlyDisconnectMs: 60_000 } });
    client.socket.send("41");
    client.socket.close();
    await current.lambda.invoked("$default");
    expect(current.lambda.invocations.map(({ event }) => event.requestContext.routeKey)).toEqual([
      "$connect",
      "$disconnect",
      "$default",
    ]);
  });

  test("reorderFramesMs: frames overtake one another", async () => {
    const { current, client } = await open({ settings: { reorderFramesMs: 100 } });
    const sent = Array.from({ length: 12 }, (_, i) => String(i));
    for (const text of sent) client.socket.send(text);
    await current.lambda.invoked("$default", sent.length);
    const handled = current.lambda.ofRoute("$default").map(({ event }) => event.body);
    expect(handled).not.toEqual(sent);
    expect([...handled].sort()).toEqual([...sent].sort());
  });

  test("reorderPostsMs: overlapping posts overtake one another, awaited ones do not", async () => {
    const { current, client, id } = await open({ settings: { reorderPostsMs: 60 } });
    const sent = Array.from({ length: 12 }, (_, i) => String(i));
    await Promise.all(sent.map((text) => current.post(id, text)));
    const received: string[] = [];
    for (const _ of sent) received.push((await client.next()).text);
    expect(received).not.toEqual(sent);
    for (const text of sent.slice(0, 6)) await current.post(id, text);
    for (const text of sent.slice(0, 6)) expect(await client.next()).toMatchObject({ text });
  });

  test("staleGone: 410 on a living connection", async () => {
    const { current, client, chaos, id } = await open({ settings: { staleGone: 1 } });
    await expect(current.post(id, "lost")).rejects.toMatchObject({ name: "GoneException" });
    chaos.off();
    await current.post(id, "arrives");
    expect(await client.next()).toMatchObject({ text: "arrives" });
  });

  test("deadOk: 200 into a dead connection", async () => {
    const { current, client, id } = await open({ settings: { deadOk: 1 } });
    client.socket.close();
    await current.lambda.invoked("$disconnect");
    await expect(current.post(id, "x")).resolves.toBeUndefined();
  });

  test("deadOk: not into one that is not open yet, whose first packet would be lost", async () => {
    const { current, id } = await open({ settings: { deadOk: 1, lateOpenMs: 60_000 } });
    await expect(current.post(id, "x")).rejects.toMatchObject({ name: "GoneException" });
  });

  test("lateOpenMs: 410 for longer after the upgrade", async () => {
    const { current, id } = await open({ settings: { lateOpenMs: 60_000 } });
    await expect(current.post(id, "x")).rejects.toMatchObject({ name: "GoneException" });
  });

  test("throttle: posts get 429, frames close with 1008", async () => {
    const { current, client, id } = await open({ settings: { throttle: 1 } });
    await expect(current.post(id, "x")).rejects.toMatchObject({ name: "LimitExceededException" });
    client.socket.send("2");
    expect(await client.closed).toMatchObject({ code: 1008 });
  });
});
