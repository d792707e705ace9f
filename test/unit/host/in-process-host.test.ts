import { once } from "node:events";
import { afterEach, describe, expect, test } from "@jest/globals";
import { type Socket as ClientSocket, io as connectTo } from "socket.io-client";
import { Server } from "../../../lambdas/server/api/server.ts";
import { type Host, type HostOptions, host } from "../../support/in-process-host.ts";

const hosts: Host[] = [];
const clients: ClientSocket[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  await Promise.all(hosts.splice(0).map((one) => one.close()));
});

async function serve(app: Server | (() => Server), options: HostOptions = {}): Promise<Host> {
  const served = await host(app, options);
  hosts.push(served);
  return served;
}

function dial({ url }: Host, nsp = "/"): ClientSocket {
  const client = connectTo(url + nsp, { transports: ["websocket"], forceBase64: true, forceNew: true });
  clients.push(client);
  return client;
}

async function connected(served: Host): Promise<ClientSocket> {
  const client = dial(served);
  await once(client as unknown as NodeJS.EventEmitter, "connect");
  return client;
}

test("an official client is served: events, answers, rooms and binary data", async () => {
  const io = new Server();
  io.on("connection", (socket) => {
    void socket.join("all");
    socket.on("say", (text, ack) => {
      void io.to("all").emit("said", text);
      ack(Buffer.from(text));
    });
  });
  const served = await serve(io);
  const [one, two] = [await connected(served), await connected(served)];
  const said = once(two as unknown as NodeJS.EventEmitter, "said");
  expect(await one.emitWithAck("say", "hello")).toEqual(Buffer.from("hello"));
  expect(await said).toEqual(["hello"]);
});

test("a connection listener may end its socket on the next tick: the rooms are there until it has ended", async () => {
  const io = new Server();
  const rooms = new Promise((resolve) => {
    io.on("connection", (socket) => {
      const seen: string[][] = [];
      void socket.join("hall");
      process.nextTick(() => socket.disconnect());
      socket.on(
        "disconnecting",
        () => void seen.push([...socket.rooms].filter((room) => room !== socket.id)),
      );
      socket.on("disconnect", () => resolve([...seen, [...socket.rooms]]));
    });
  });
  dial(await serve(io));
  expect(await rooms).toEqual([["hall"], []]);
});

test("several hosts share a process and know nothing of each other", async () => {
  const make = (name: string): Server => {
    const io = new Server();
    io.on("connection", (socket) => void socket.on("who", (ack) => ack(name)));
    return io;
  };
  const [a, b] = await Promise.all([serve(make("a")), serve(make("b"))]);
  const [toA, toB] = [await connected(a), await connected(b)];
  expect([await toA.emitWithAck("who"), await toB.emitWithAck("who")]).toEqual(["a", "b"]);
});

test("what the test itself calls is no part of an event that runs meanwhile", async () => {
  const io = new Server();
  let finish = (): void => undefined;
  const until = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let replaying = (): void => undefined;
  const reached = new Promise<void>((resolve) => {
    replaying = resolve;
  });
  io.on("connection", async (socket) => {
    socket.on("go", (ack) => ack());
    if (!socket.replayed) return;
    replaying();
    await until;
  });
  const served = await serve(io);
  const [busy, other] = [await connected(served), await connected(served)];
  const heard = once(other as unknown as NodeJS.EventEmitter, "news");
  const answered = busy.emitWithAck("go");
  await reached; // a listener runs again: what it does now is suppressed, what we do is not
  await io.emit("news", 1);
  finish();
  expect(await heard).toEqual([1]);
  await answered;
});

test("timers and clients of the test hold no event", async () => {
  const io = new Server({ lingerTimeout: 60_000 });
  io.on("connection", (socket) => void socket.on("ask", (ack) => ack("answered")));
  const served = await serve(io);
  const client = await connected(served);
  const timer = setTimeout(() => undefined, 60_000);
  expect(await client.emitWithAck("ask")).toBe("answered");
  expect(await client.emitWithAck("ask")).toBe("answered"); // in turn: the event before it has ended
  clearTimeout(timer);
});

test("a timer that an event leaves behind is waited for, and its effects come before those of the next", async () => {
  const io = new Server();
  io.on("connection", (socket) => {
    socket.on("later", () => void setTimeout(() => socket.emit("came", "later"), 5));
    socket.on("now", () => void socket.emit("came", "now"));
  });
  const client = await connected(await serve(io));
  const came: string[] = [];
  const both = new Promise<void>((resolve) => {
    client.on("came", (what) => came.push(what) === 2 && resolve());
  });
  client.emit("later");
  client.emit("now");
  await both;
  expect(came).toEqual(["later", "now"]);
});

describe("the frames of a connection", () => {
  /** The first event takes two turns of the event loop, the second one none. */
  const app = (): Server => {
    const io = new Server();
    io.on("connection", (socket) => {
      socket.on("count", async () => {
        const n = socket.data.n ?? 0;
        await new Promise((resolve) => setImmediate(resolve));
        socket.data.n = n + 1;
      });
      socket.on("counted?", (ack) => ack(socket.data.n));
      socket.on("ask me", async (ack) => ack(await socket.emitWithAck("asked")));
    });
    return io;
  };

  test("are events in their order, one at a time", async () => {
    const client = await connected(await serve(app()));
    for (let n = 0; n < 20; n++) client.emit("count");
    expect(await client.emitWithAck("counted?")).toBe(20);
  });

  test("that answer the server do not wait for the event that asks", async () => {
    const client = await connected(await serve(app()));
    client.on("asked", (ack) => ack(Buffer.from("with an attachment")));
    expect(await client.emitWithAck("ask me")).toEqual(Buffer.from("with an attachment"));
  });

  test("begin when they come, if they are told to", async () => {
    const io = new Server();
    let release = (): void => undefined;
    io.on("connection", (socket) => {
      socket.on("wait", (ack) => {
        release = ack;
        return new Promise((resolve) => setTimeout(resolve, 0));
      });
      socket.on("go", () => release());
    });
    const client = await connected(await serve(io, { ordered: false }));
    const answered = client.emitWithAck("wait");
    client.emit("go");
    await answered;
  });
});

test("with a function, each event gets an application of its own: a variable starts anew", async () => {
  const served = await serve(() => {
    let visits = 0;
    const io = new Server();
    io.on("connection", (socket) => void socket.on("visit", (ack) => ack(++visits)));
    return io;
  });
  const client = await connected(served);
  expect([await client.emitWithAck("visit"), await client.emitWithAck("visit")]).toEqual([1, 1]);
});

test("warnings go to the log that was given", async () => {
  const codes: string[] = [];
  const note = (code: string): void => void codes.push(code);
  const io = new Server();
  io.on("connection", (socket) => void socket.emit("hello"));
  const served = await serve(io, { log: { error: note, warn: note } });
  io.attachApp({});
  await connected(served);
  expect(codes).toEqual(["SKY_OPTION_IGNORED"]);
});

test("a server that a handler starts is declared outside of that handler's event", async () => {
  const outer = new Server();
  const inner = new Promise<Host>((resolve, reject) => {
    outer.on("connection", () => {
      const io = new Server();
      io.on("connection", (socket) => void socket.on("ask", (ack) => ack("inner")));
      serve(io).then(resolve, reject);
    });
  });
  await connected(await serve(outer));
  expect(await (await connected(await inner)).emitWithAck("ask")).toBe("inner");
});

test("closing ends the clients' connections, and nothing is begun after it", async () => {
  const io = new Server();
  let ended = 0;
  io.on("connection", (socket) => void socket.on("disconnect", () => void ended++));
  const served = await serve(io);
  const client = await connected(served);
  const gone = once(client as unknown as NodeJS.EventEmitter, "disconnect");
  await served.close();
  hosts.length = 0;
  expect((await gone)[0]).toBe("transport close");
  expect(ended).toBe(0);
});
