import { expect, test } from "@jest/globals";
import { handleMessage } from "../../../lambdas/handlers/message.ts";
import type { Server } from "../../../lambdas/server/api/index.ts";
import { type FakePorts, fakePorts, frameOf, serverOf } from "../../support/fake-ports.ts";

/** Whose frames come one by one, each when the one before it has been handled. */
const CONNECTION = "C=";

async function bench(app: (io: Server, ports: FakePorts) => void) {
  const ports = fakePorts();
  await ports.store.putConnection({
    connectionId: CONNECTION,
    sid: "s",
    connectedAt: ports.clock.now(),
    handshake: '{"headers":{},"query":{}}',
  });
  const server = serverOf((io) => app(io, ports));
  const handle = async (...frames: string[]): Promise<string | undefined> => {
    let answer: string | undefined;
    for (const frame of frames) {
      const deadline = ports.clock.now() + 27_000;
      answer = await handleMessage({ server, ports, deadline }, CONNECTION, frameOf(ports, frame));
    }
    return answer;
  };
  const frames = (): string[] =>
    ports.gateway.framesTo(CONNECTION).filter((frame) => !frame.startsWith("40"));
  return { ports, handle, frames };
}

test("are handled one after the other, however long each takes", async () => {
  const { ports, handle, frames } = await bench((io, { clock }) => {
    io.on("connection", (socket) => {
      socket.on("step", async (n, ms, ack) => {
        const seen = socket.data.steps ?? [];
        await clock.sleep(ms);
        socket.data.steps = [...seen, n];
        ack(socket.data.steps);
      });
    });
  });
  await handle("40", '421["step",1,300]', '422["step",2,0]', "3", '423["step",3,100]', '424["step",4,0]');
  expect(frames()).toEqual(["431[[1]]", "432[[1,2]]", "433[[1,2,3]]", "434[[1,2,3,4]]"]);
  expect(ports.logged).toEqual([]);
});

test("work through CONNECT, events and leaving like as many calls", async () => {
  const { ports, handle, frames } = await bench((io) => {
    const channel = io.of("/channel");
    io.on("connection", (socket) => {
      socket.on("disconnect", (reason) => channel.emit("gone", reason));
    });
    channel.on("connection", (socket) => {
      socket.on("hello", () => socket.emit("hello back"));
    });
  });
  await handle("40", "40/channel,", '42/channel,["hello"]', "41", '42/channel,["hello"]');
  expect(frames()).toEqual([
    '42/channel,["hello back"]',
    '42/channel,["gone","client namespace disconnect"]',
    '42/channel,["hello back"]',
  ]);
  expect(ports.gateway.closed).toEqual([]);
});

test("what fails in one does not keep the next from being handled", async () => {
  const { ports, handle, frames } = await bench((io) => {
    io.on("connection", (socket) => {
      socket.on("fail", () => {
        throw new Error("on purpose");
      });
      socket.on("echo", (value, ack) => ack(value));
    });
  });
  await handle("40", '42["fail"]', '421["echo","next"]');
  expect(frames()).toEqual(['431["next"]']);
  expect(ports.logged.map(([code]) => code)).toEqual(["SKY_HANDLER_FAILED"]);
});

test("after one that ends the connection, the rest only closes it again", async () => {
  let echoed = 0;
  const { ports, handle, frames } = await bench((io) => {
    io.on("connection", (socket) => {
      socket.on("echo", () => {
        echoed++;
      });
    });
  });
  await handle("40", '42["echo"]', "hello", '42["echo"]', "40");
  expect([echoed, frames()]).toEqual([1, []]);
  expect(ports.gateway.closed).toEqual([CONNECTION, CONNECTION, CONNECTION]);
});

test("none, or heartbeats alone, cost no request", async () => {
  const { ports, handle } = await bench(() => undefined);
  const { store } = ports;
  const asked: string[] = [];
  const watched = new Proxy(store, {
    get: (target, name, receiver) => {
      asked.push(String(name));
      return Reflect.get(target, name, receiver);
    },
  });
  const context = {
    server: serverOf(),
    ports: { ...ports, store: watched },
    deadline: ports.clock.now() + 1_000,
  };
  await handleMessage(context, CONNECTION, frameOf(ports, "3"));
  expect(asked).toEqual([]);
  await handle("3");
  expect(ports.gateway.posts).toEqual([]);
});

test("of a connection that is not there any more close it: the client must not believe that it is connected", async () => {
  const { ports } = await bench(() => undefined);
  const context = { server: serverOf(), ports, deadline: ports.clock.now() + 1_000 };
  await handleMessage(context, "nobody=", frameOf(ports, '42["x"]'));
  await ports.store.sayBye(CONNECTION, "transport close", ports.clock.now());
  await handleMessage(context, CONNECTION, frameOf(ports, '42["x"]'));
  expect(ports.gateway.closed).toEqual(["nobody=", CONNECTION]);
});
