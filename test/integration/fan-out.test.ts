import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { io, type Socket } from "socket.io-client";
import type { LocalCloud } from "../../infra/local/cloud.ts";
import { TestClouds } from "../support/cloud.ts";
import { MeterStream } from "../support/meter-stream.ts";
import { THOROUGH } from "../support/thorough.ts";

/** Large rooms through the local cloud: the deployed functions, with their rights, and clients as they are. */
const APP = fileURLToPath(new URL("../apps/fan-out.ts", import.meta.url));
const CLIENTS = THOROUGH ? 200 : 60;
const CONNECTED_AT_ONCE = 10;

const clouds = new TestClouds();
const sockets: Socket[] = [];
let cloud: LocalCloud;

let began = 0;

beforeAll(async () => {
  cloud = await clouds.start({ app: APP });
});

beforeEach(() => {
  began = Date.now();
});

// Two hundred who leave at once start many instances: their ends are not the next test's matter.
afterEach(async () => {
  const left = sockets.splice(0).filter(({ connected }) => connected);
  const stream = await MeterStream.open(cloud.url);
  for (const socket of left) socket.disconnect();
  await stream.until(() => stream.handled("$disconnect") >= left.length);
  stream.close();
});

afterAll(() => clouds.stop());

interface Client {
  readonly socket: Socket;
  /** What it was told, without the offsets of recovery. */
  readonly heard: string[];
  /** Resolves when it has heard so many. */
  hears(count: number): Promise<void>;
}

async function connect(rooms: readonly string[]): Promise<Client> {
  const socket = io(cloud.url, { path: cloud.path, transports: ["websocket"], forceNew: true });
  sockets.push(socket);
  const heard: string[] = [];
  socket.on("shouted", (text: string) => heard.push(text));
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  await socket.timeout(60_000).emitWithAck("enter", rooms);
  return {
    socket,
    heard,
    hears: async (count) => {
      while (heard.length < count) {
        await new Promise<void>((resolve) => socket.once("shouted", () => resolve()));
      }
    },
  };
}

async function connectAll(roomsOf: (at: number) => string[]): Promise<Client[]> {
  const clients: Client[] = [];
  let next = 0;
  const connecting = Array.from({ length: CONNECTED_AT_ONCE }, async () => {
    for (let at = next++; at < CLIENTS; at = next++) clients[at] = await connect(roomsOf(at));
  });
  await Promise.all(connecting);
  return clients;
}

/** What the heartbeat could not do in time, on a machine that is too busy for it, its next run does. */
const errorsOf = ({ logs, model }: LocalCloud) => {
  const heartbeat = model.schedules.map(({ functionId }) => functionId);
  return logs.lines.filter(
    ({ at, level, functionId }) => at >= began && level === "error" && !heartbeat.includes(functionId),
  );
};

describe("a large room", () => {
  test(`of ${CLIENTS} clients: each hears every shout once, with rooms and exceptions, and nothing is refused`, async () => {
    const stream = await MeterStream.open(cloud.url);
    try {
      const roomsOf = (at: number) => [
        at % 2 === 0 ? "even" : "odd",
        ...(at % 3 === 0 ? ["third"] : []),
        ...(at % 10 === 0 ? ["tenth"] : []),
      ];
      const clients = await connectAll(roomsOf);
      const [speaker] = clients;
      if (!speaker) throw new Error("nobody");
      const shout = (rooms: string[], except: string[], texts: string[]) =>
        speaker.socket.timeout(60_000).emitWithAck("shout", { rooms, except }, texts);
      // Two to one room from one event keep their order.
      await shout(["even", "third"], ["tenth"], ["first", "second"]);
      await speaker.socket.timeout(60_000).emitWithAck("shout to all", "third");
      await shout(["even", "odd"], [], ["last"]);

      const expected = (at: number): string[] => {
        const rooms = roomsOf(at);
        const chosen = (rooms.includes("even") || rooms.includes("third")) && !rooms.includes("tenth");
        return [...(chosen ? ["first", "second"] : []), ...(at === 0 ? [] : ["third"]), "last"];
      };
      await Promise.all(clients.map((client, at) => client.hears(expected(at).length)));
      for (const [at, { heard }] of clients.entries()) {
        // Events of different invocations have no order among each other.
        expect([...heard].sort()).toEqual(expected(at).sort());
        if (heard.includes("first")) expect(heard.indexOf("first")).toBeLessThan(heard.indexOf("second"));
      }
      const workers = () => stream.runs.filter(({ functionId }) => functionId.includes("FanOut"));
      await stream.until(() => workers().length > 10);
      const lines = cloud.logs.lines.filter(({ at }) => at >= began);
      expect(lines.filter(({ level }) => level === "error" || level === "warn")).toEqual([]);
    } finally {
      stream.close();
    }
  });

  test("a client that was away comes back to what workers posted meanwhile", async () => {
    const clients = await Promise.all(Array.from({ length: 15 }, () => connect(["hall"])));
    const [speaker, away] = clients;
    if (!speaker || !away) throw new Error("nobody");
    const shout = (text: string) =>
      speaker.socket.timeout(60_000).emitWithAck("shout", { rooms: ["hall"], except: [] }, [text]);
    await shout("before");
    await Promise.all(clients.map((client) => client.hears(1)));
    const back = new Promise<void>((resolve) => away.socket.once("connect", resolve));
    away.socket.io.engine.close();
    await shout("meanwhile");
    await back;
    await shout("after");
    await Promise.all(clients.map((client) => client.hears(3)));
    expect(away.socket.recovered).toBe(true);
    expect(new Set(away.heard)).toEqual(new Set(["before", "meanwhile", "after"]));
    for (const { heard } of clients.filter((client) => client !== away)) {
      expect([...heard].sort()).toEqual(["after", "before", "meanwhile"]);
    }
    expect(errorsOf(cloud)).toEqual([]);
  });

  test("who leaves after a shout hears it, and is noted for workers: one write, where there are any", async () => {
    // A room that nobody has shouted into.
    const clients = await Promise.all(Array.from({ length: 30 }, () => connect(["yard"])));
    const [speaker, first, second] = clients;
    if (!speaker || !first || !second) throw new Error("nobody");
    const stream = await MeterStream.open(cloud.url);
    try {
      const leave = async ({ socket }: Client): Promise<readonly string[]> => {
        stream.clear();
        await socket.timeout(60_000).emitWithAck("leave", "yard");
        const usages = () => stream.runs.map((run) => stream.usage(run));
        // Only a leave deletes a member.
        const own = () => usages().find(({ writes }) => writes.includes("DeleteItem"));
        await stream.until(() => own() !== undefined);
        return own()?.requests ?? [];
      };
      const plain = ["Query", "Query", "UpdateItem", "DeleteItem"];
      expect(await leave(first)).toEqual(plain);
      await speaker.socket.timeout(60_000).emitWithAck("shout", { rooms: ["yard"], except: [] }, ["text"]);
      expect(await leave(second)).toEqual(["Query", "Query", "PutItem", "UpdateItem", "DeleteItem"]);
      await Promise.all(clients.filter((client) => client !== first).map((client) => client.hears(1)));
      expect(errorsOf(cloud)).toEqual([]);
    } finally {
      stream.close();
    }
  });
});
