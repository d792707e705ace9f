import { expect, test } from "@jest/globals";
import { handleDisconnect } from "../../../lambdas/handlers/end.ts";
import type { HeartbeatTiming } from "../../../lambdas/handlers/heartbeat/timing.ts";
import { toLambdaEvent } from "../../../lambdas/handlers/lambda-event.ts";
import { handleOpen } from "../../../lambdas/handlers/open.ts";
import { type FakePorts, fakePorts, serverOf } from "../../support/fake-ports.ts";

const CONNECTION = "TXzPWdnOjoECGjA=";

const open = (ports: FakePorts, timing?: HeartbeatTiming): Promise<void> =>
  handleOpen(
    { server: serverOf(), ports, deadline: ports.clock.now() + 27_000, ...(timing && { timing }) },
    { task: "open", connectionId: CONNECTION, sid: "the-sid" },
  );

/** As the function gets it, which started it. */
const handleTask = async (ports: FakePorts, task: unknown): Promise<void> => {
  const event = toLambdaEvent(JSON.parse(JSON.stringify(task)));
  if (event?.kind !== "task" || event.task.task !== "open") throw new Error("no such task");
  await handleOpen({ server: serverOf(), ports, deadline: ports.clock.now() + 27_000 }, event.task);
};

const disconnect = async (ports: FakePorts): Promise<void> => {
  await handleDisconnect(
    { server: serverOf(), ports, deadline: ports.clock.now() + 27_000 },
    { kind: "disconnect", connectionId: CONNECTION, code: 1006 },
  );
  ports.clock.slept.length = 0;
};

const withRow = async (ports: FakePorts = fakePorts()): Promise<FakePorts> => {
  const connectedAt = ports.clock.now();
  await ports.store.putConnection({ connectionId: CONNECTION, sid: "the-sid", connectedAt, handshake: "{}" });
  return ports;
};

test("posts the open packet once, with the heartbeat that there is", async () => {
  const ports = await withRow();
  await open(ports);
  const [frame, ...more] = ports.gateway.framesTo(CONNECTION);
  expect(more).toEqual([]);
  expect(frame?.[0]).toBe("0");
  expect(JSON.parse(frame?.slice(1) ?? "")).toEqual({
    sid: "the-sid",
    upgrades: [],
    pingInterval: 595_000,
    pingTimeout: 5_000,
    maxPayload: 32_768,
  });
});

test("tells the client of another heartbeat", async () => {
  const ports = await withRow();
  await open(ports, { minuteMs: 1_000, interval: 5 });
  const [frame] = ports.gateway.framesTo(CONNECTION);
  expect(JSON.parse(frame?.slice(1) ?? "")).toMatchObject({ pingInterval: 6_916, pingTimeout: 84 });
});

test("a second delivery of the task posts nothing: a client would connect its namespaces again", async () => {
  const ports = await withRow();
  await Promise.all([open(ports), open(ports)]);
  await open(ports);
  expect(ports.gateway.posts).toHaveLength(1);
});

test("posts again, at first after 10 ms, while the upgrade is not through", async () => {
  const ports = await withRow();
  let left = 3;
  ports.gateway.answer = () => (left-- > 0 ? "gone" : "ok");
  await open(ports);
  expect(ports.gateway.posts).toHaveLength(4);
  expect(ports.clock.slept).toEqual([10, 20, 40]);
});

test("goes on in another invocation after 310 ms, so that others get their turn", async () => {
  const ports = await withRow();
  ports.gateway.answer = () => "gone";
  const began = ports.clock.now();
  await open(ports);
  expect(ports.clock.now() - began).toBe(310);
  const next = { task: "open", connectionId: CONNECTION, sid: "the-sid", turn: 1, since: began };
  expect(ports.started).toEqual([next]);

  ports.clock.slept.length = 0;
  await handleTask(ports, next);
  expect(ports.clock.slept).toEqual([50, 100]);
  expect(ports.started.at(-1)).toEqual({ ...next, turn: 2 });
  expect(ports.logged).toEqual([]);
});

test("posts once, however often a task comes that goes on with another", async () => {
  const ports = await withRow();
  ports.gateway.answer = () => "gone";
  await open(ports);
  const [next] = ports.started;
  ports.gateway.posts.length = 0;
  ports.gateway.answer = () => "ok";
  await Promise.all([handleTask(ports, next), handleTask(ports, next), open(ports)]);
  expect(ports.gateway.posts).toHaveLength(1);
});

test("ends with the connection, at once", async () => {
  const ports = await withRow();
  ports.gateway.answer = () => "gone";
  await open(ports);
  ports.gateway.posts.length = 0;
  await disconnect(ports);
  await handleTask(ports, ports.started[0]);
  expect([ports.clock.slept, ports.gateway.posts]).toEqual([[], []]);
  expect(ports.started).toHaveLength(1);
});

test("begins nothing for a client that went away before: the end leaves word in the row", async () => {
  const ports = await withRow();
  await disconnect(ports);
  await open(ports);
  expect([ports.clock.slept, ports.gateway.posts, ports.started]).toEqual([[], [], []]);
  // What the heartbeat does with an end that it finds a minute later.
  await disconnect(ports);
  expect((await ports.store.readConnection(CONNECTION)).connection).toBeUndefined();
});

/** Runs the task, and those that it starts; how long that took. */
async function openToTheEnd(ports: FakePorts): Promise<number> {
  const began = ports.clock.now();
  await open(ports);
  for (let done = 0; done < ports.started.length; done++) await handleTask(ports, ports.started[done]);
  return ports.clock.now() - began;
}

test("gives the client up 3 s after the row was there, and says so", async () => {
  const ports = await withRow();
  ports.gateway.answer = () => "gone";
  const took = await openToTheEnd(ports);
  expect(took).toBeGreaterThanOrEqual(3_000);
  expect(took).toBeLessThan(3_200);
  expect(ports.logged.map(([code]) => code)).toEqual(["SKY_OPEN_GIVEN_UP"]);
  expect(ports.gateway.closed).toEqual([CONNECTION]);
  expect((await ports.store.readConnection(CONNECTION)).connection).toBeUndefined();
});

test("waits for a row that is written at the same time", async () => {
  const ports = fakePorts();
  const opening = open(ports);
  while (ports.clock.slept.length < 2) await ports.clock.turn();
  expect(ports.gateway.posts).toEqual([]);
  await withRow(ports);
  await opening;
  expect(ports.gateway.posts).toHaveLength(1);
});

test("waits 10 s for the row, and from then on as long for the client as ever", async () => {
  const ports = fakePorts();
  const began = ports.clock.now();
  await open(ports);
  const first = ports.started.length;
  for (let done = 0; ports.clock.now() - began < 9_000; done++) await handleTask(ports, ports.started[done]);
  expect(ports.started.length).toBeGreaterThan(first);
  await withRow(ports);
  ports.gateway.answer = () => (ports.gateway.posts.length < 20 ? "gone" : "ok");
  for (let done = ports.started.length - 1; done < ports.started.length; done++) {
    await handleTask(ports, ports.started[done]);
  }
  expect(ports.gateway.posts).toHaveLength(20);
  expect(ports.logged).toEqual([]);
});

test("posts nothing to a connection that nobody knows, and says after 10 s that it gives up", async () => {
  const ports = fakePorts();
  const took = await openToTheEnd(ports);
  expect(took).toBeGreaterThanOrEqual(10_000);
  expect(took).toBeLessThan(10_500);
  expect([ports.gateway.posts, ports.gateway.closed]).toEqual([[], []]);
  expect(ports.logged.map(([code]) => code)).toEqual(["SKY_OPEN_GIVEN_UP"]);
});

test("any other failure is the task's, so that Lambda tries it again", async () => {
  const ports = await withRow();
  ports.gateway.answer = () => Promise.reject(new Error("no way there"));
  await expect(open(ports)).rejects.toThrow("no way there");
});
