/** What an event does to members after it has emitted to a large room, whose workers read the rooms late. */
import { expect, test } from "@jest/globals";
import { Server } from "../../../../lambdas/server/api/index.ts";
import { NO_FAULTS, SimulatedCloud, type SimulatedConnection } from "../../../support/simulated-cloud.ts";
import { Simulation } from "../../../support/simulation.ts";

const MEMBERS = 9;
const VIPS = 3;

const app = (): Server => {
  const io = new Server();
  io.on("connection", (socket) => {
    socket.on("enter", (...rooms: string[]) => socket.join(rooms));
    socket.on("emit, then leave", async () => {
      io.to("hall").emit("said", "bye");
      await io.in("hall").socketsLeave("hall");
    });
    socket.on("emit to all but some, then have those leave", async () => {
      io.to("hall").except("vip").emit("said", "bye");
      await io.in("vip").socketsLeave("vip");
    });
    socket.on("emit, then have others join", async () => {
      io.to("vip").emit("said", "bye");
      await io.in("hall").socketsJoin("vip");
    });
    socket.on("emit, then disconnect", () => {
      io.to("hall").emit("said", "bye");
      io.in("hall").disconnectSockets();
    });
  });
  return io;
};

async function play(event: string, seed: number): Promise<{ vips: number; others: number }> {
  const simulation = new Simulation(seed, { tickMs: 2 });
  const cloud = new SimulatedCloud(simulation, app, NO_FAULTS, { fanOutThreshold: 1, pageSize: 2 });
  const connections: SimulatedConnection[] = [];
  const send = async (connection: SimulatedConnection, frame: string): Promise<void> => {
    cloud.send(connection, frame);
    await simulation.run();
  };
  for (let n = 0; n < MEMBERS; n++) {
    const connecting = cloud.connect();
    await simulation.run();
    const connection = await connecting;
    if (!connection) throw new Error("refused");
    connections.push(connection);
    await send(connection, "40");
    await send(connection, `42${JSON.stringify(["enter", "hall", ...(n < VIPS ? ["vip"] : [])])}`);
  }
  const [first] = connections;
  if (first) await send(first, `42${JSON.stringify([event])}`);
  expect(cloud.workers).toBeGreaterThan(0);
  expect(cloud.log).toEqual([]);
  const heard = connections.map(({ frames }) => frames.indexOf('42["said","bye"]'));
  const left = connections.map(({ frames }) => frames.indexOf("41"));
  // What comes after "disconnect" is nobody's.
  const count = heard.map((at, n) => at >= 0 && (left[n] === -1 || at < (left[n] ?? 0)));
  const sum = (all: readonly boolean[]) => all.filter(Boolean).length;
  return { vips: sum(count.slice(0, VIPS)), others: sum(count.slice(VIPS)) };
}

test.each([
  ["emit, then leave", { vips: VIPS, others: MEMBERS - VIPS }],
  ["emit to all but some, then have those leave", { vips: 0, others: MEMBERS - VIPS }],
  ["emit, then have others join", { vips: VIPS, others: 0 }],
  ["emit, then disconnect", { vips: VIPS, others: MEMBERS - VIPS }],
])("%s: who is a member is decided when it is emitted", async (event, expected) => {
  for (let seed = 1; seed <= 20; seed++) expect([seed, await play(event, seed)]).toEqual([seed, expected]);
});
