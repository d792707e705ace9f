/**
 * A membership is two rows, the socket's and the room's. An instance may die between the two writes, or the second one may fail: the
 * same call once more makes it whole.
 */
import { describe, expect, test } from "@jest/globals";
import { Server } from "../../../../lambdas/server/api/index.ts";
import { closedGate } from "../../../../lambdas/server/common/gate.ts";
import type { Store } from "../../../../lambdas/server/ports/store.ts";
import { createMemoryStore } from "../../../../lambdas/store/memory/store.ts";
import { Harness, realClock, type Wire } from "../../../support/harness.ts";

/** @param broken methods that take the place of the store's */
function harnessOf(options: object, broken: (store: Store) => Partial<Store> = () => ({})) {
  const store = createMemoryStore({ clock: realClock });
  const gate = closedGate();
  const harness = new Harness({
    ports: { store: { ...store, ...broken(store) } },
    app: () => {
      const io = new Server(options);
      io.on("connection", (socket) => {
        socket.on("join", (room: string) => socket.join(room));
        socket.on("join all of", (room: string, other: string) => io.in(room).socketsJoin(other));
        socket.on("join late", async (room: string) => {
          socket.emit("joins late");
          await gate.opened;
          socket.join(room);
        });
        socket.on("leave", (room: string) => socket.leave(room));
        socket.on("leave all of", (room: string, other: string) => io.in(room).socketsLeave(other));
        socket.on("say", (room: string) => io.to(room).emit("said", room));
      });
      return io;
    },
  });
  const members = async (room: string): Promise<number> => {
    let count = 0;
    for await (const page of store.listMembers("/", room)) count += page.length;
    return count;
  };
  return { harness, members, gate };
}

const said = ({ events }: Wire): unknown[] =>
  events.flatMap(([name, room]) => (name === "said" ? [room] : []));

/** What happens the first time, and what later. */
function once<A extends unknown[], R>(
  first: (...args: NoInfer<A>) => Promise<R>,
  then: (...args: A) => Promise<R>,
) {
  let calls = 0;
  return (...args: A): Promise<R> => (calls++ === 0 ? first(...args) : then(...args));
}
const dies = async (): Promise<never> => {
  throw new Error("the instance is gone");
};

describe.each([
  ["without recovery", {}],
  ["with recovery", { connectionStateRecovery: {} }],
])("%s", (_name, options) => {
  test.each<[string, (store: Store) => Partial<Store>]>([
    ["died", ({ deleteMember }) => ({ deleteMember: once(dies, deleteMember) })],
    [
      "did not learn what it has removed",
      ({ removeRooms }) => ({
        removeRooms: once(async (...args) => {
          await removeRooms(...args);
          return await dies();
        }, removeRooms),
      }),
    ],
  ])("a second leave ends what the first one began, which %s", async (_what, broken) => {
    const { harness, members } = harnessOf(options, broken);
    const [wire, other] = [await harness.join(), await harness.join()];
    for (const one of [wire, other]) await one.emit("join", "a");
    await wire.emit("leave", "a");
    await other.emit("say", "a");
    expect(said(wire)).toEqual(["a"]);
    await wire.emit("leave", "a");
    await other.emit("say", "a");
    expect([said(wire), said(other), await members("a")]).toEqual([["a"], ["a", "a"], 1]);
  });

  test("so does socketsLeave(), and a leave whose request was sent twice needs no second one", async () => {
    const { harness, members } = harnessOf(options, ({ deleteMember, removeRooms }) => ({
      deleteMember: once(dies, deleteMember),
      removeRooms: async (...args) => {
        await removeRooms(...args);
        return await removeRooms(...args);
      },
    }));
    const [wire, other] = [await harness.join(), await harness.join()];
    for (const room of ["a", "b"]) await wire.emit("join", room);
    await wire.emit("leave", "a");
    await other.emit("leave all of", "b", "a");
    await wire.emit("leave", "b");
    expect([await members("a"), await members("b")]).toEqual([0, 0]);
  });

  test.each([
    ["join", ["a"]],
    ["join all of", ["lobby", "a"]],
  ])("a second join ends what the first one began, which died: %s", async (again, rooms) => {
    let dead = false;
    const mortal = <A extends unknown[], R>(call: (...args: A) => Promise<R>) => {
      return (...args: A): Promise<R> => (dead ? dies() : call(...args));
    };
    const { harness, members } = harnessOf(options, ({ putMember, holdMember, removeRooms }) => ({
      putMember: mortal(putMember),
      holdMember: mortal(holdMember),
      removeRooms: mortal(removeRooms),
    }));
    const wire = await harness.join();
    await wire.emit("join", "lobby");
    dead = true;
    await wire.emit("join", "a");
    dead = false;
    await wire.emit("say", "a");
    expect(said(wire)).toEqual([]);
    await wire.emit(again, ...rooms);
    await wire.emit("say", "a");
    expect(said(wire)).toEqual(["a"]);
    await wire.emit("leave", "a");
    expect(await members("a")).toBe(0);
  });

  test("a join of a room that another event has left meanwhile is one", async () => {
    const { harness, gate } = harnessOf(options);
    const wire = await harness.join();
    await wire.emit("join", "a");
    const late = wire.emit("join late", "a");
    await wire.next((frame) => frame.includes("joins late"));
    await wire.emit("leave", "a");
    gate.open();
    await late;
    await wire.emit("say", "a");
    expect(said(wire)).toEqual(["a"]);
  });
});
