/**
 * A membership is two rows, the socket's and the room's. An instance may die between the two writes, or the second one may fail: the
 * same call once more makes it whole.
 */
import { describe, expect, test } from "@jest/globals";
import { Server } from "../../../../lambdas/server/api/index.ts";
import type { Store } from "../../../../lambdas/server/ports/store.ts";
import { createMemoryStore } from "../../../../lambdas/store/memory/store.ts";
import { Harness, realClock, type Wire } from "../../../support/harness.ts";

/** @param broken methods that take the place of the store's */
function harnessOf(options: object, broken: (store: Store) => Partial<Store>) {
  const store = createMemoryStore({ clock: realClock });
  const harness = new Harness({
    ports: { store: { ...store, ...broken(store) } },
    app: () => {
      const io = new Server(options);
      io.on("connection", (socket) => {
        socket.on("join", (room: string) => socket.join(room));
        socket.on("leave", (room: string) => socket.leave(room));
        socket.on("leave all of", (room: string, other: string) => io.in(room).socketsLeave(other));
        socket.on("say", (room: string) => io.to(room).emit("said", room));
      });
      return io;
    },
  });
  return { harness, store };
}

const said = ({ events }: Wire): unknown[] => events.map(([, room]) => room);

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
    const { harness } = harnessOf(options, broken);
    const [wire, other] = [await harness.join(), await harness.join()];
    for (const one of [wire, other]) await one.emit("join", "a");
    await wire.emit("leave", "a");
    await other.emit("say", "a");
    expect(said(wire)).toEqual(["a"]);
    await wire.emit("leave", "a");
    await other.emit("say", "a");
    expect([said(wire), said(other)]).toEqual([["a"], ["a", "a"]]);
  });

  test("so does socketsLeave(), and a leave whose request was sent twice needs no second one", async () => {
    const { harness } = harnessOf(options, ({ deleteMember, removeRooms }) => ({
      deleteMember: once(dies, deleteMember),
      removeRooms: async (...args) => {
        await removeRooms(...args);
        return await removeRooms(...args);
      },
    }));
    const [wire, other] = [await harness.join(), await harness.join()];
    await wire.emit("join", "a");
    await wire.emit("join", "b");
    await wire.emit("leave", "a");
    await other.emit("leave all of", "b", "a");
    await wire.emit("leave", "b");
    for (const room of ["a", "b"]) await other.emit("say", room);
    expect(said(wire)).toEqual([]);
  });

  test("a leave of a room that it has joined again meanwhile harms nothing", async () => {
    const { harness, store } = harnessOf(options, ({ readMember }) => ({
      readMember: async (member) => {
        const there = await readMember(member);
        await wire.emit("join", "a");
        return there;
      },
    }));
    const wire = await harness.join();
    await wire.emit("leave", "a");
    await wire.emit("say", "a");
    expect(said(wire)).toEqual(["a"]);
    expect((await store.readMember({ nsp: "/", room: "a", id: wire.id }))?.connectionId).toBe(
      wire.connectionId,
    );
  });
});
