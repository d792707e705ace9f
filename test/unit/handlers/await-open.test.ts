import { describe, expect, test } from "@jest/globals";
import { awaitOpen } from "../../../lambdas/handlers/connect/await-open.ts";
import type { SocketRecord } from "../../../lambdas/server/ports/sockets.ts";
import { type FakePorts, fakePorts, serverOf } from "../../support/fake-ports.ts";

const key = { connectionId: "C=", nsp: "/" };
const id = "socket";

/** A socket whose CONNECT has got as far as the phase, and may take the milliseconds. */
async function bench(phase: "connecting" | "running" | "settled", ms = 5_000) {
  const ports = fakePorts();
  const { store, clock } = ports;
  const began = clock.now();
  await store.putConnection({ connectionId: "C=", sid: "s", connectedAt: began, handshake: "{}" });
  await store.beginSocket({
    ...key,
    id,
    auth: "{}",
    token: "t",
    deadline: began + ms,
    expiresAt: began + 7_200_000,
  });
  const open = (): Promise<boolean> =>
    store.openSocket(key, id, {
      rooms: {},
      data: {},
      props: {},
      rerunMiddlewares: false,
      running: began + ms,
    });
  const settle = (): Promise<unknown> => store.settleSocket(key, id, { trace: "settled", answers: [] });
  if (phase !== "connecting") await open();
  if (phase === "settled") await settle();
  const row = await store.readSocket(key);
  if (!row) throw new Error("no row");
  return { ports, row, began, open, settle };
}

async function wait(ports: FakePorts, row: SocketRecord, settled = true, deadlineMs = 27_000) {
  const server = serverOf();
  const deadline = ports.clock.now() + deadlineMs;
  const { connection } = await ports.store.readConnection("C=");
  if (!connection) throw new Error("no connection");
  const invocation = server.begin({ ports, deadline });
  ports.clock.slept.length = 0; // that of the deadline
  return await awaitOpen({ server, ports, deadline, invocation, connection }, row, settled);
}

/** Resolves when somebody has waited so often. */
async function waits(ports: FakePorts, n: number): Promise<void> {
  while (ports.clock.slept.length < n) await ports.clock.turn();
}

describe("does not wait, and does not read", () => {
  test("for a socket that is open and settled", async () => {
    const { ports, row } = await bench("settled");
    expect(await wait(ports, row)).toBe(row);
    expect(ports.clock.slept).toEqual([]);
  });

  test("for one that has ended", async () => {
    const { ports, row } = await bench("settled");
    expect(await wait(ports, { ...row, phase: "ended" })).toBeUndefined();
    expect(ports.clock.slept).toEqual([]);
  });

  test("for the listeners, when only the commit matters", async () => {
    const { ports, row } = await bench("running");
    expect(await wait(ports, row, false)).toBe(row);
    expect(ports.clock.slept).toEqual([]);
  });
});

describe("waits", () => {
  test("until the listeners have settled, and gives the row as it is then", async () => {
    const { ports, row, settle } = await bench("running");
    const waiting = wait(ports, row);
    await waits(ports, 3);
    await settle();
    expect(await waiting).toMatchObject({ phase: "open", trace: "settled" });
  });

  test("through the commit and then for the listeners", async () => {
    const { ports, row, open, settle } = await bench("connecting");
    const waiting = wait(ports, row);
    await waits(ports, 1);
    await open();
    await waits(ports, 3);
    await settle();
    expect(await waiting).toMatchObject({ phase: "open", trace: "settled" });
  });

  test("25 ms at first, then half as long again each time, and never longer than there is to wait for", async () => {
    const { ports, row, began } = await bench("running", 60_000);
    await wait(ports, row);
    expect(ports.clock.slept.slice(0, 4)).toEqual([25, 37.5, 56.25, 84.375]);
    expect(ports.clock.slept).toHaveLength(14);
    expect(ports.clock.now() - began).toBe(11_000);
  });
});

describe("waits no longer", () => {
  test("than `running` says: then the event runs without the listeners being done", async () => {
    const { ports, row, began } = await bench("running", 3_000);
    expect(await wait(ports, row)).toMatchObject({ phase: "open", running: began + 3_000 });
    const took = ports.clock.now() - began;
    expect(took).toBeGreaterThanOrEqual(3_000);
    expect(took).toBeLessThanOrEqual(3_400);
  });

  test("than a CONNECT has for its commit: it died, and the event goes nowhere", async () => {
    const { ports, row, began } = await bench("connecting", 3_000);
    expect(await wait(ports, row)).toBeUndefined();
    expect(ports.clock.now() - began).toBeLessThanOrEqual(3_400);
  });

  test("than its invocation lives", async () => {
    const { ports, row, began } = await bench("running", 60_000);
    expect(await wait(ports, row, true, 2_000)).toMatchObject({ phase: "open" });
    expect(ports.clock.now() - began).toBeLessThanOrEqual(2_400);
  });

  test("than 11 s", async () => {
    const { ports, row, began } = await bench("running", 60_000);
    expect(await wait(ports, row)).toMatchObject({ phase: "open" });
    const took = ports.clock.now() - began;
    expect(took).toBeGreaterThanOrEqual(11_000);
    expect(took).toBeLessThanOrEqual(11_400);
  });

  test("than the row is there", async () => {
    const { ports, row } = await bench("connecting");
    const waiting = wait(ports, row);
    await waits(ports, 1);
    await ports.store.dropSocket(key, id);
    expect(await waiting).toBeUndefined();
  });

  test("than the socket lives", async () => {
    const { ports, row } = await bench("running");
    const waiting = wait(ports, row);
    await waits(ports, 1);
    await ports.store.endSocket(key, id, "transport close", ports.clock.now());
    expect(await waiting).toBeUndefined();
  });
});
