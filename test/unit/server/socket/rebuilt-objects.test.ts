import { describe, expect, test } from "@jest/globals";
import { Server } from "../../../../lambdas/server/api/server.ts";
import type { Socket } from "../../../../lambdas/server/api/socket.ts";
import { RebuiltObjects } from "../../../../lambdas/server/socket/rebuilt-objects.ts";
import { Harness } from "../../../support/harness.ts";

type Loose = Record<string, unknown>;

describe("RebuiltObjects", () => {
  test("notices a new name, a changed value deep inside, and what JSON leaves out", () => {
    const watched = new RebuiltObjects();
    const [one, two, three] = [{ deep: { list: [1] } }, {} as Loose, {} as Loose];
    watched.add("one", one);
    watched.add("two", two);
    watched.add("three", three);
    expect(watched.changed).toEqual([]);
    one.deep.list.push(2);
    two.method = () => 1;
    expect(watched.changed).toEqual(["one", "two"]);
    three.cycle = three;
    expect(watched.changed).toEqual(["one", "two", "three"]);
  });

  test("nothing is lost before a replay, nor of what the replay has put there", () => {
    const watched = new RebuiltObjects();
    const object: Loose = watched.add("object", {});
    object.session = { count: 1 };
    expect([watched.lost, watched.changed]).toEqual([[], ["object"]]);
    watched.noteReplay();
    expect(watched.lost).toEqual([]);
    object.session = { count: 2 };
    expect(watched.lost).toEqual(["object"]);
  });
});

function harnessOf(handler: (socket: Socket) => void): Harness {
  return new Harness({
    app: () => {
      const io = new Server();
      io.use((socket, next) => {
        (socket.handshake as unknown as Loose).session = { visits: 1 };
        (socket.conn as unknown as Loose).mark = "m";
        next();
      });
      io.on("connection", (socket) => {
        socket.on("event", () => handler(socket));
      });
      return io;
    },
  });
}

test.each<[string, (socket: Socket) => void]>([
  ["socket.handshake", ({ handshake }) => Object.assign(handshake.auth, { later: 1 })],
  ["socket.handshake", ({ handshake }) => Object.assign(handshake, { session: { visits: 2 } })],
  ["socket.request", ({ request }) => Object.assign(request, { user: 1 })],
  ["socket.conn", ({ conn }) => Object.assign(conn, { mark: "n" })],
  ["socket.client", ({ client }) => Object.assign(client, { mark: "n" })],
])("a handler that changes %s is told that it is lost", async (name, handler) => {
  const harness = harnessOf(handler);
  const wire = await harness.join();
  await wire.emit("event");
  await harness.settled();
  const [entry, ...more] = harness.errors("SKY_CHANGE_LOST");
  expect(entry).toMatchObject({ level: "warn", message: expect.stringContaining(`changed ${name},`) });
  expect(more).toEqual([]);
});

test("who only reads, or keeps it in socket.data, is told nothing", async () => {
  const harness = harnessOf((socket) => {
    const { handshake, request, conn, client } = socket;
    socket.data.visits = (handshake as unknown as { session: { visits: number } }).session.visits;
    socket.emit("read", request.url !== undefined, (conn as unknown as Loose).mark, client.conn === conn);
  });
  const wire = await harness.join();
  await wire.emit("event");
  await wire.close();
  await harness.settled();
  expect(wire.events).toEqual([["read", true, "m", true]]);
  expect(harness.log).toEqual([]);
});
