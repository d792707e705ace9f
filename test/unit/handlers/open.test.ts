import { expect, test } from "@jest/globals";
import type { HeartbeatTiming } from "../../../lambdas/handlers/heartbeat-timing.ts";
import { handleOpen } from "../../../lambdas/handlers/open.ts";
import { type FakePorts, fakePorts, serverOf } from "../../support/fake-ports.ts";

const CONNECTION = "TXzPWdnOjoECGjA=";

const open = (ports: FakePorts, timing?: HeartbeatTiming): Promise<void> =>
  handleOpen(
    { server: serverOf(), ports, deadline: ports.clock.now() + 27_000, ...(timing && { timing }) },
    { task: "open", connectionId: CONNECTION, sid: "the-sid" },
  );

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

test("gives up when the client has, after 20 s", async () => {
  const ports = await withRow();
  ports.gateway.answer = () => "gone";
  const began = ports.clock.now();
  await open(ports);
  const took = ports.clock.now() - began;
  expect(took).toBeGreaterThanOrEqual(20_000);
  expect(took).toBeLessThan(20_500);
  expect(Math.max(...ports.clock.slept)).toBe(500);
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

test("posts nothing to a connection that nobody knows, and does not wait long for one", async () => {
  const ports = fakePorts();
  const began = ports.clock.now();
  await open(ports);
  expect(ports.gateway.posts).toEqual([]);
  expect(ports.clock.now() - began).toBeLessThan(2_000);
});

test("any other failure is the task's, so that Lambda tries it again", async () => {
  const ports = await withRow();
  ports.gateway.answer = () => Promise.reject(new Error("no way there"));
  await expect(open(ports)).rejects.toThrow("no way there");
});
