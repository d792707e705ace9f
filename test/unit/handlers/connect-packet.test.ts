import { describe, expect, test } from "@jest/globals";
import { Server } from "../../../lambdas/server/api/index.ts";
import { closedGate } from "../../../lambdas/server/common/gate.ts";
import { createMemoryStore } from "../../../lambdas/store/memory/store.ts";
import { Harness, realClock } from "../../support/harness.ts";

/** Two seconds each are kept back for the end of the invocation and for telling the client: a middleware has 200 ms here. */
const TIMEOUT_MS = 4_200;

const harnessOf = (setUp: (io: Server) => void): Harness =>
  new Harness({
    timeoutMs: TIMEOUT_MS,
    app: () => {
      const io = new Server();
      setUp(io);
      return io;
    },
  });

describe("a middleware that never calls next", () => {
  const setUp = (io: Server, asked = (): void => undefined): void => {
    io.of("/silent").use(function waitsForGodot() {
      asked();
    });
    io.of("/silent").on("connection", (socket) => {
      void socket.emit("let in by mistake");
    });
    io.on("connection", (socket) => {
      socket.on("echo", (value, ack) => ack(value));
    });
  };

  test("has its client refused in time, and is named in the log", async () => {
    const harness = harnessOf(setUp);
    const wire = await harness.connect();
    expect(await wire.send("40/silent,")).toEqual({ statusCode: 200 });
    expect(wire.frames.slice(1)).toEqual(['44/silent,{"message":"the server did not answer in time"}']);
    expect(harness.log.map(({ level, code }) => [level, code])).toEqual([["error", "SKY_MIDDLEWARE_SILENT"]]);
    // In time: it has as long as the client can still be told.
    const patience = Number(/within (\d+) ms/.exec(harness.log[0]?.message ?? "")?.[1]);
    expect(patience).toBeGreaterThan(0);
    expect(patience).toBeLessThanOrEqual(TIMEOUT_MS - 4_000);
    await harness.settled();
    // The connection goes on.
    await wire.send("40");
    await wire.send('421["echo",1]');
    expect(wire.frames.at(-1)).toBe("431[1]");
  });

  test("keeps nobody else waiting, not even the client's other namespaces", async () => {
    let asked = (): void => undefined;
    const waits = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const harness = harnessOf((io) => setUp(io, asked));
    const wire = await harness.join();
    const bystander = await harness.join();
    const silent = wire.send("40/silent,");
    await waits; // its timer is none of the events': all share a process here
    await wire.send('421["echo","here"]');
    await bystander.send('421["echo","there"]');
    expect([wire.frames.at(-1), bystander.frames.at(-1)]).toEqual(['431["here"]', '431["there"]']);
    await silent;
    expect(wire.frames.at(-1)).toContain("did not answer in time");
  });

  test("that calls it too late is not heard any more", async () => {
    let late = (): void => undefined;
    const harness = harnessOf((io) => {
      io.use((_, next) => {
        late = next;
      });
    });
    const wire = await harness.connect();
    await wire.send("40");
    late();
    await harness.settled();
    expect(wire.frames.slice(1)).toEqual(['44{"message":"the server did not answer in time"}']);
  });
});

describe("a middleware", () => {
  test("that calls next twice lets the client in once", async () => {
    let connections = 0;
    const harness = harnessOf((io) => {
      io.use((_, next) => {
        next();
        next();
        next(new Error("changed its mind"));
      });
      io.on("connection", () => {
        connections++;
      });
    });
    const wire = await harness.join();
    expect([connections, wire.frames.slice(1)]).toEqual([1, [expect.stringMatching(/^40\{"sid"/)]]);
  });

  test("that refuses after it joined rooms and set data leaves nothing behind", async () => {
    const harness = harnessOf((io) => {
      io.use((socket, next) => {
        void socket.join("vip");
        socket.data.vip = true;
        next(new Error("sorry"));
      });
    });
    const wire = await harness.join();
    await harness.settled();
    expect(wire.frames.slice(1)).toEqual(['44{"message":"sorry"}']);
    expect((await harness.store.readConnection(wire.connectionId)).sockets).toEqual([]);
    expect(
      harness.storeCalls.filter((name) => /^(putMember|addRooms|saveState|beginSocket)$/.test(name)),
    ).toEqual([]);
    expect(harness.log).toEqual([]);
  });
});

test("whoever asks something first is in its rooms: what another instance sends then does not miss it", async () => {
  const app = (): Server => {
    const io = new Server();
    const parent = io.of(/^\/dynamic-\d$/);
    parent.on("connection", (socket) => {
      socket.on("tell all", () => parent.emit("told all"));
      socket.on("where", (ack) => ack(socket.nsp.name));
    });
    return io;
  };
  const memory = createMemoryStore({ clock: realClock });
  const late = closedGate();
  const waits = closedGate();
  const store = {
    ...memory,
    putMember: async (member: Parameters<typeof memory.putMember>[0]) => {
      if (member.nsp === "/dynamic-2") {
        waits.open();
        await late.opened;
      }
      await memory.putMember(member);
    },
  };
  const harness = new Harness({ app, ports: { store } });
  const alice = await harness.join("/dynamic-1");
  const bob = await harness.connect();
  const entering = bob.send("40/dynamic-2,");
  await waits.opened;
  expect(bob.frames.at(-1)).toMatch(/^40\/dynamic-2,/);
  await alice.send('42/dynamic-1,["tell all"]');
  const asking = bob.send('42/dynamic-2,0["where"]');
  late.open();
  await Promise.all([entering, asking]);
  await alice.send('42/dynamic-1,["tell all"]');
  expect(bob.frames.slice(2)).toEqual(['43/dynamic-2,0["/dynamic-2"]', '42/dynamic-2,["told all"]']);
});
