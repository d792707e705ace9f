/** When code has shared variables, what it costs, and what is left of what fails. */
import { expect, test } from "@jest/globals";
import { Server } from "../../../../lambdas/server/api/index.ts";
import { coreOfServer } from "../../../../lambdas/server/api/server.ts";
import { Harness } from "../../../support/harness.ts";

interface Count {
  value: number;
}

function counter(declare: (io: Server) => Count): () => Server {
  return () => {
    const io = new Server();
    const count = declare(io);
    io.use((socket, next) => {
      count.value += 100;
      next(socket.handshake.auth.refused ? new Error("no") : undefined);
    });
    io.of("/other").on("connection", (socket) => socket.on("touch", () => count.value++));
    io.on("connection", (socket) => {
      socket.on("add", (ack) => ack(++count.value));
      socket.on("read", (ack) => ack(count.value));
      socket.on("ask", async (ack) => {
        count.value++;
        await socket.emitWithAck("sure?");
        ack(++count.value);
      });
      socket.on("disconnect", () => {
        count.value -= 100;
      });
    });
    return io;
  };
}

const sharing = counter((io) => io.shared("count", { value: 0 }));

const lease = (calls: readonly string[]): string[] =>
  calls.filter((call) => /Lease|Line|Pieces|Aside/.test(call));

test("an event costs a write for its turn and one that keeps what changed; who shares nothing makes none of them", async () => {
  const calls = async (app: () => Server, event: string): Promise<string[]> => {
    const harness = new Harness({ app, warm: true });
    const wire = await harness.join();
    await harness.settled();
    harness.storeCalls.length = 0;
    await wire.send(`420["${event}"]`);
    await harness.settled();
    expect(wire.frames.filter((frame) => frame.startsWith("430["))).toHaveLength(1);
    return [...harness.storeCalls];
  };
  expect(await calls(sharing, "add")).toEqual(["takeLease", "readConnection", "writeLease"]);
  expect(await calls(sharing, "read")).toEqual(["takeLease", "readConnection", "writeLease"]);
  const alone = counter(() => ({ value: 0 }));
  expect(await calls(alone, "add")).toEqual(["readConnection"]);
});

test("nothing is left of a CONNECT that a middleware refuses", async () => {
  const harness = new Harness({ app: sharing });
  await harness.join("/", { refused: true });
  const wire = await harness.join();
  await wire.send('420["read"]');
  expect(wire.frames.at(-1)).toBe("430[100]");
  expect(harness.log).toEqual([]);
});

test("while a client is asked, another's event has its turn, and both changes are there", async () => {
  const harness = new Harness({ app: sharing, ports: { activeResources: () => [] } });
  const [ada, ben] = [await harness.join(), await harness.join()];
  const asked = ada.send('420["ask"]');
  const question = await ada.next((frame) => frame.includes('"sure?"'));
  await ben.send('420["add"]');
  expect(ben.frames.at(-1)).toBe("430[202]");
  await ada.send(`43${/^42(\d+)/.exec(question)?.[1]}[true]`);
  await asked;
  expect(ada.frames.at(-1)).toBe("430[203]");
  expect(harness.log).toEqual([]);
});

test("a change where its namespace has no turn is undone and told", async () => {
  const harness = new Harness({ app: sharing, warm: true });
  const other = await harness.join("/other");
  await other.send('42/other,["touch"]');
  const wire = await harness.join();
  await wire.send('420["read"]');
  expect(wire.frames.at(-1)).toBe("430[100]");
  expect(harness.log.map(({ code }) => code)).toEqual(["SKY_SHARED_OUTSIDE"]);
});

test("outside of events run() takes a turn, and what it changes is there for events", async () => {
  const harness = new Harness({ app: sharing });
  const { store } = harness;
  const io = new Server();
  const count = io.shared("count", { value: 0 });
  coreOfServer(io)?.connect({ ...harness.ports(), store });
  const result = await io.shared.run(() => {
    count.value = 5;
    return "done";
  });
  expect(result).toBe("done");
  const wire = await harness.join();
  await wire.send('420["read"]');
  expect(wire.frames.at(-1)).toBe("430[105]");
  expect(lease(harness.storeCalls).slice(0, 2)).toEqual(["takeLease", "writeLease"]);
});
