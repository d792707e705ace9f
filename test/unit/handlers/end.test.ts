import { describe, expect, test } from "@jest/globals";
import { handleDisconnect, handleEnd } from "../../../lambdas/handlers/end.ts";
import { handleMessage } from "../../../lambdas/handlers/message.ts";
import type { Server } from "../../../lambdas/server/api/index.ts";
import { EVERYONE, type Member, type RoomName } from "../../../lambdas/server/ports/rooms.ts";
import type { EndTarget } from "../../../lambdas/server/ports/tasks.ts";
import { type FakePorts, fakePorts, frameOf, serverOf } from "../../support/fake-ports.ts";

const app = (io: Server): void => {
  io.on("connection", (socket) => {
    void socket.join("hall");
    socket.on("disconnect", (reason) => io.to("hall").emit("left", reason));
  });
};

const contextOf = (ports: FakePorts) => ({
  server: serverOf(app),
  ports,
  deadline: ports.clock.now() + 27_000,
});

/** Connects clients to the namespace "/". */
async function bench(...connectionIds: string[]): Promise<FakePorts> {
  const ports = fakePorts();
  for (const connectionId of connectionIds) {
    const connectedAt = ports.clock.now();
    await ports.store.putConnection({
      connectionId,
      sid: "s",
      connectedAt,
      handshake: '{"headers":{},"query":{}}',
    });
    await ports.store.claimOpen(connectionId, 0);
    await handleMessage(contextOf(ports), connectionId, frameOf(ports, "40"));
  }
  ports.gateway.posts.length = 0;
  ports.clock.slept.length = 0;
  return ports;
}

async function membersOf(ports: FakePorts, room: RoomName): Promise<Member[]> {
  const members: Member[] = [];
  for await (const page of ports.store.listMembers("/", room)) members.push(...page);
  return members;
}

describe("$disconnect", () => {
  test.each([
    [1000, 300],
    [1005, 300],
    [1001, 0],
    [1006, 0],
    [1009, 0],
    [undefined, 0],
  ])("with code %s waits %i ms: a client's own `41` has to win", async (code, ms) => {
    const ports = await bench("A=");
    const began = ports.clock.now();
    await handleDisconnect(contextOf(ports), { kind: "disconnect", connectionId: "A=", code });
    expect(ports.clock.slept.includes(300)).toBe(ms === 300);
    expect(ports.clock.now() - began).toBe(ms);
  });

  test("runs the listeners, leaves nothing behind, and does not close what is closed", async () => {
    const ports = await bench("A=", "B=");
    await handleDisconnect(contextOf(ports), { kind: "disconnect", connectionId: "A=", code: 1006 });
    expect(ports.gateway.posts).toEqual([["B=", '42["left","transport close"]']]);
    expect(ports.gateway.closed).toEqual([]);
    expect((await ports.store.readConnection("A=")).connection).toBeUndefined();
    for (const room of ["hall", EVERYONE] as const) {
      expect((await membersOf(ports, room)).map(({ connectionId }) => connectionId)).toEqual(["B="]);
    }
    expect(ports.logged).toEqual([]);
  });

  test("twice, or for a connection that nobody knows, does nothing more", async () => {
    const ports = await bench("A=", "B=");
    const event = { kind: "disconnect", connectionId: "A=", code: 1006 } as const;
    await Promise.all([handleDisconnect(contextOf(ports), event), handleDisconnect(contextOf(ports), event)]);
    await handleDisconnect(contextOf(ports), event);
    await handleDisconnect(contextOf(ports), { ...event, connectionId: "nobody=" });
    expect(ports.gateway.framesTo("B=")).toHaveLength(1);
    expect(ports.logged).toEqual([]);
  });
});

describe("the task end", () => {
  const end = (ports: FakePorts, targets: readonly EndTarget[], hops = 1): Promise<void> =>
    handleEnd(contextOf(ports), { task: "end", targets, reason: "transport close", hops });

  test("ends every target, and closes it at the gateway: half-ended connections must not live on", async () => {
    const ports = await bench("A=", "B=", "C=");
    await end(ports, [
      { connectionId: "A=", members: [] },
      { connectionId: "B=", members: [] },
    ]);
    expect(ports.gateway.closed).toEqual(["A=", "B="]);
    expect((await membersOf(ports, "hall")).map(({ connectionId }) => connectionId)).toEqual(["C="]);
    expect(ports.gateway.framesTo("C=")).toHaveLength(2);
  });

  test("deletes the member rows that led to it, even of a connection that is forgotten", async () => {
    const ports = await bench("A=");
    const orphan = { nsp: "/", room: "hall", id: "ghost", connectionId: "G=", connectedAt: 0, token: "t" };
    await ports.store.putMember(orphan);
    await ports.store.putMember({ ...orphan, room: EVERYONE });
    const members = [
      { nsp: "/", room: "hall", id: "ghost" },
      { nsp: "/", room: null, id: "ghost" },
    ];
    await end(ports, [{ connectionId: "G=", members }]);
    expect((await membersOf(ports, "hall")).map(({ connectionId }) => connectionId)).toEqual(["A="]);
    expect((await membersOf(ports, EVERYONE)).map(({ connectionId }) => connectionId)).toEqual(["A="]);
    expect(ports.gateway.closed).toEqual(["G="]);
  });

  test("hands on the dead that its listeners find, one hop further", async () => {
    const ports = await bench("A=", "B=");
    ports.gateway.answer = () => "gone";
    await end(ports, [{ connectionId: "A=", members: [] }], 3);
    const [b] = await membersOf(ports, "hall");
    expect(ports.started).toEqual([
      {
        task: "end",
        targets: [{ connectionId: "B=", members: [{ nsp: "/", room: "hall", id: b?.id }] }],
        reason: "transport close",
        hops: 4,
      },
    ]);
  });

  test("stops such a chain after twelve hops, with a word in the log", async () => {
    const ports = await bench("A=", "B=");
    ports.gateway.answer = () => "gone";
    await end(ports, [{ connectionId: "A=", members: [] }], 12);
    expect(ports.started).toEqual([]);
    expect(ports.logged.map(([code]) => code)).toEqual(["SKY_HOPS"]);
  });
});
