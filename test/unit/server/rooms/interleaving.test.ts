/**
 * CONNECT, join, leave, events and ends of several clients, in thousands of orders: every request to the store and the gateway
 * is a point at which any other invocation may go first, die, or be told that a living connection is gone.
 */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Server } from "../../../../lambdas/server/api/index.ts";
import { EVERYONE, type Member } from "../../../../lambdas/server/ports/rooms.ts";
import { plays, schedulesOr } from "../../../support/schedules.ts";
import { type Faults, NO_FAULTS, SimulatedCloud } from "../../../support/simulated-cloud.ts";
import { Life, Simulation } from "../../../support/simulation.ts";

/** Schedules for each property; the nightly run may ask for more. */
const SCHEDULES = schedulesOr(40);

/** Which of the application's listeners ran, by the ids of the sockets. */
interface Ran {
  readonly passed: string[];
  /** Whose client had left when its middleware was done. */
  readonly leftBefore: string[];
  readonly connected: string[];
  readonly disconnecting: string[];
  readonly disconnected: string[];
  readonly closed: string[];
}

/** An application that notes which of its listeners ran, outside of what the instances share. */
const application = (ran: Ran, middleware: (client: string) => Promise<boolean>) => (): Server => {
  const io = new Server();
  io.use(async (socket, next) => {
    socket.conn.on("close", () => ran.closed.push(socket.id));
    if (!socket.replayed) {
      ran.passed.push(socket.id);
      if (!(await middleware(String(socket.handshake.auth.client)))) ran.leftBefore.push(socket.id);
    }
    next();
  });
  io.on("connection", (socket) => {
    if (!socket.replayed) ran.connected.push(socket.id);
    socket.on("disconnecting", () => {
      ran.disconnecting.push(socket.id);
    });
    socket.join("lobby");
    io.to("lobby").emit("arrived", socket.id);
    socket.on("join", (room: string, ack) => {
      socket.join(room);
      io.to(room).emit("joined", socket.id);
      ack?.();
    });
    socket.on("leave", (room: string) => {
      socket.leave(room);
    });
    socket.on("say", (room: string, text: string) => {
      io.to(room).emit("said", text);
    });
    socket.on("set", (key: string, value: number) => {
      socket.data[key] = value;
    });
    socket.on("disconnect", () => {
      ran.disconnected.push(socket.id);
    });
  });
  return io;
};

type Operation = { readonly send: string } | { readonly close: number };
const room = fc.constantFrom("a", "b");
const event = (name: string, ...args: unknown[]): Operation => ({
  send: `42${JSON.stringify([name, ...args])}`,
});
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 3, arbitrary: room.map((name) => event("join", name)) },
  { weight: 3, arbitrary: room.map((name) => event("leave", name)) },
  { weight: 2, arbitrary: room.map((name) => event("say", name, "hello")) },
  { weight: 1, arbitrary: fc.nat(3).map((n) => event("set", `key${n}`, n)) },
  { weight: 1, arbitrary: fc.constant<Operation>({ send: "41" }) },
  { weight: 1, arbitrary: fc.constantFrom<Operation>({ close: 1005 }, { close: 1006 }) },
);
const script: fc.Arbitrary<Script> = fc.record({
  /** Some milliseconds after its CONNECT, or with the answer. */
  leaves: fc.option(
    fc.record({
      after: fc.oneof(fc.nat(600), fc.constant("40" as const)),
      how: fc.constantFrom<Leaving>("41", 1005, 1006),
    }),
    { freq: 2 },
  ),
  steps: fc.array(operation, { maxLength: 5 }),
});
const scripts = fc.array(script, { minLength: 1, maxLength: 3 });

type Leaving = "41" | 1005 | 1006;
interface Script {
  readonly leaves: { readonly after: number | "40"; readonly how: Leaving } | null;
  readonly steps: readonly Operation[];
}

interface Outcome {
  readonly cloud: SimulatedCloud;
  readonly simulation: Simulation;
  readonly ran: Ran;
}

/** Plays the scripts, each client's frames as fast as it can once it has its `40`; then lets everything come to rest. */
async function play(seed: number, clients: readonly Script[], faults: Faults): Promise<Outcome> {
  const simulation = new Simulation(seed);
  const ran: Ran = {
    ...{ passed: [], leftBefore: [], connected: [] },
    ...{ disconnecting: [], disconnected: [], closed: [] },
  };
  const life = new Life();
  const clock = simulation.clock(life);
  /** Takes its time; whether the client is still there then. */
  const middleware = async (client: string): Promise<boolean> => {
    await clock.sleep(simulation.random() * 400);
    return cloud.connections.get(client)?.open === true;
  };
  const cloud = new SimulatedCloud(simulation, application(ran, middleware), faults);
  for (const { leaves, steps } of clients) {
    void (async () => {
      await simulation.point(life);
      const leave = (): void => {
        if (!connection || !leaves) return;
        if (leaves.how === "41") cloud.send(connection, "41");
        cloud.close(connection, leaves.how === "41" ? 1005 : leaves.how);
      };
      const connection = await cloud.connect({
        receive: (frame) => (leaves?.after === "40" && frame.startsWith("40") ? leave() : undefined),
        closed: () => undefined,
      });
      if (!connection) return;
      if (!(await until(simulation, connection, "0"))) return cloud.close(connection, 1006);
      cloud.send(connection, `40{"client":"${connection.id}"}`);
      if (typeof leaves?.after === "number") {
        await clock.sleep(leaves.after);
        return leave();
      }
      if (!(await until(simulation, connection, "40"))) return cloud.close(connection, 1006);
      for (const step of steps) {
        await simulation.point(life);
        if ("close" in step) cloud.close(connection, step.close);
        else cloud.send(connection, step.send);
      }
    })();
  }
  await simulation.run();
  return { cloud, simulation, ran };
}

/** Until the client has a frame of this kind, or its connection is over. */
async function until(
  simulation: Simulation,
  connection: { readonly frames: readonly string[]; readonly open: boolean },
  prefix: string,
): Promise<boolean> {
  const clock = simulation.clock(new Life());
  // A client gives up 20 s after it started.
  for (let waited = 0; waited < 20_000 && connection.open; waited += 100) {
    if (connection.frames.some((frame) => frame.startsWith(prefix))) return true;
    await clock.sleep(100);
  }
  return false;
}

async function members(cloud: SimulatedCloud): Promise<Member[]> {
  const all: Member[] = [];
  for (const name of ["a", "b", "lobby", EVERYONE] as const) {
    for await (const page of cloud.store.listMembers("/", name)) all.push(...page);
  }
  return all;
}

const show = (member: Member): string => `${member.connectionId} ${member.id} ${String(member.room)}`;

/** What each open socket's row says it is a member of. */
async function expectedMembers(cloud: SimulatedCloud): Promise<Set<string>> {
  const expected = new Set<string>();
  for (const { id: connectionId } of cloud.connections.values()) {
    const { sockets } = await cloud.store.readConnection(connectionId);
    for (const socket of sockets.filter(({ phase }) => phase === "open")) {
      for (const name of Object.keys(socket.rooms).filter((one) => one !== socket.id)) {
        expected.add(`${connectionId} ${socket.id} ${name}`);
      }
      expected.add(`${connectionId} ${socket.id} ${String(EVERYONE)}`);
    }
  }
  return expected;
}

/** True in every schedule, whatever dies. */
function checkSafety({ cloud, ran }: Outcome): void {
  for (const ids of [ran.connected, ran.disconnecting, ran.disconnected, ran.closed]) {
    expect(new Set(ids).size).toBe(ids.length); // at most once
  }
  expect(ran.disconnecting).toEqual(ran.disconnected);
  // A CONNECT may die right before its listeners: `disconnect` rather without `connection` than the other way round.
  const strangers = ran.disconnected.filter((id) => !ran.connected.includes(id));
  expect(strangers.length).toBeLessThanOrEqual(cloud.crashes);
  expect(ran.connected.filter((id) => ran.leftBefore.includes(id))).toEqual([]);
  for (const { frames } of cloud.connections.values()) {
    if (frames.length > 0) expect(frames[0]).toMatch(/^0/);
    expect(frames.filter((frame) => frame.startsWith("0"))).toHaveLength(Math.min(1, frames.length));
    const connected = frames.findIndex((frame) => frame.startsWith("40"));
    const first = frames.findIndex((frame) => frame.startsWith("42"));
    if (first !== -1) expect(first).toBeGreaterThan(connected); // no event before CONNECT's answer
  }
}

const property = (faults: Faults, check: (outcome: Outcome) => Promise<void>): Promise<void> =>
  fc.assert(
    fc.asyncProperty(fc.nat(), scripts, async (seed, clients) => {
      const outcome = await play(seed, clients, faults);
      checkSafety(outcome);
      await check(outcome);
    }),
    plays(SCHEDULES),
  ) as Promise<void>;

describe("interleavings", () => {
  test("without faults: both rows of every membership agree, and an end leaves nothing behind", async () => {
    await property(NO_FAULTS, async (outcome) => {
      const { cloud, ran } = outcome;
      expect(new Set((await members(cloud)).map(show))).toEqual(await expectedMembers(cloud));
      expect(cloud.log).toEqual([]);
      for (const connection of cloud.connections.values()) cloud.close(connection, 1005);
      await outcome.simulation.run();
      expect(await members(cloud)).toEqual([]);
      expect([...ran.disconnected].sort()).toEqual([...ran.connected].sort());
      expect([...ran.closed].sort()).toEqual([...ran.passed].sort());
      for (const { id } of cloud.connections.values()) {
        expect((await cloud.store.readConnection(id)).connection).toBeUndefined();
      }
    });
  });

  test("with 410s on living connections and lost $disconnects: no member row of a dead connection outlives the next broadcast", async () => {
    await property({ ...NO_FAULTS, staleGone: 0.2, loseDisconnect: 0.5 }, async (outcome) => {
      const { cloud, simulation } = outcome;
      // A later client speaks to everybody: what is dead is found and buried.
      const speaker = await speak(outcome);
      const dead = (await members(cloud)).filter(
        ({ connectionId }) => !cloud.connections.get(connectionId)?.open,
      );
      expect(dead.map(show)).toEqual([]);
      expect(speaker).toBeDefined();
      expect(simulation.steps).toBeGreaterThan(0);
    });
  });

  test("with invocations that crash at any request: handlers at most once, no event for the ended, no error but the crash", async () => {
    let crashes = 0;
    await property({ crash: 0.02, staleGone: 0.05, loseDisconnect: 0.2 }, async ({ cloud }) => {
      crashes += cloud.crashes;
      const alien = cloud.log.filter(
        (line) => !/^SKY_(PACKET_REFUSED|LISTENER_UNSETTLED|HOPS|OPEN_GIVEN_UP)/.test(line),
      );
      expect(alien).toEqual([]);
    });
    expect(crashes).toBeGreaterThan(SCHEDULES / 10);
  });

  test.each([
    ["leave", "join"],
    ["join", "leave"],
  ] as const)("whatever has died: a %s once more, and a %s after it, are what they say", async (...calls) => {
    let crashes = 0;
    await property({ ...NO_FAULTS, crash: 0.02 }, async ({ cloud, simulation }) => {
      crashes += cloud.crashes;
      cloud.faults = NO_FAULTS;
      const open = await openSockets(cloud);
      for (const call of calls) {
        for (const name of ["a", "b"]) {
          for (const connection of cloud.connections.values()) cloud.send(connection, event42(call, name));
        }
        await simulation.run();
        const own = (await members(cloud)).filter(
          ({ room, connectionId, id }) =>
            (room === "a" || room === "b") && open.includes(`${connectionId} ${id}`),
        );
        const joined = open.flatMap((one) => [`${one} a`, `${one} b`]);
        expect(own.map(show).sort()).toEqual(call === "join" ? joined.sort() : []);
      }
    });
    expect(crashes).toBeGreaterThan(SCHEDULES / 10);
  });

  test("whatever dies but the end itself: who got `connection` gets `disconnect`", async () => {
    const faults = { crash: 0.05, crashAt: (call: string) => call !== "endSocket", loseDisconnect: 0.3 };
    let crashes = 0;
    await property({ ...NO_FAULTS, ...faults }, async ({ cloud, simulation, ran }) => {
      crashes += cloud.crashes;
      cloud.faults = NO_FAULTS;
      for (const connection of cloud.connections.values()) cloud.close(connection, 1006);
      await simulation.run();
      // The heartbeat has what is dead ended, again and again, as long as there is a row of it.
      for (let minute = 0; minute < 2; minute++) {
        void simulation.clock(new Life()).sleep(61_000);
        await simulation.run();
        cloud.endAll();
        await simulation.run();
      }
      expect(ran.connected.filter((id) => !ran.disconnected.includes(id))).toEqual([]);
      for (const { id } of cloud.connections.values()) {
        expect((await cloud.store.readConnection(id)).connection).toBeUndefined();
      }
    });
    expect(crashes).toBeGreaterThan(SCHEDULES / 10);
  });
});

/** Those of living connections. */
async function openSockets(cloud: SimulatedCloud): Promise<readonly string[]> {
  const all: string[] = [];
  for (const { id, open } of cloud.connections.values()) {
    const { sockets, connection } = await cloud.store.readConnection(id);
    if (!open || !connection || connection.bye) continue;
    all.push(...sockets.filter(({ phase }) => phase === "open").map((socket) => `${id} ${socket.id}`));
  }
  return all;
}

/** One more client, long after, that sends an event to each room that may hold dead members. */
async function speak({ cloud, simulation }: Outcome): Promise<string | undefined> {
  for (let attempt = 0; attempt < 8; attempt++) {
    let connection: Awaited<ReturnType<SimulatedCloud["connect"]>>;
    void (async () => {
      await simulation.clock(new Life()).sleep(61_000);
      connection = await cloud.connect();
      if (!connection) return;
      if (!(await until(simulation, connection, "0"))) return cloud.close(connection, 1006);
      cloud.send(connection, "40");
      if (!(await until(simulation, connection, "40"))) return cloud.close(connection, 1006);
      for (const name of ["a", "b", "lobby"]) cloud.send(connection, event42("say", name, "anybody?"));
    })();
    await simulation.run();
    if (connection?.open) return connection.id;
  }
  return undefined;
}

const event42 = (...values: unknown[]): string => `42${JSON.stringify(values)}`;
