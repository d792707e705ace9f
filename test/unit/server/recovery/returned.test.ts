import { describe, expect, test } from "@jest/globals";
import type { SocketRecord } from "../../../../lambdas/server/ports/sockets.ts";
import { withoutReturned } from "../../../../lambdas/server/recovery/returned.ts";

const NOW = 1_800_000_000_000;
const BACK = "0mywpj19600018k6iehxe^0mywpj1ff00007c3ab9zz.0mywpj000";
const FRESH = "0mywpj19600018k6iehxe.0mywpj000";

/** A store that has these sockets, and how often it was asked. */
function bench(rooms: Readonly<Record<string, readonly string[]>>) {
  const asked: string[] = [];
  const store = {
    readRooms: async ({ connectionId }: { connectionId: string }) => {
      asked.push(connectionId);
      const id = connectionId.toLowerCase();
      const names = rooms[id];
      return names && ({ id, rooms: Object.fromEntries(names.map((name) => [name, BACK])) } as SocketRecord);
    },
  };
  const member = (id: string, token: string, ageMs = 0) => ({
    ...{ id, token, nsp: "/", room: "lobby", connectionId: id.toUpperCase() },
    connectedAt: NOW - ageMs,
  });
  const left = async (except: readonly string[], members: ReturnType<typeof member>[]) => {
    const leavingOut = { nsp: "/", except: new Set(except), since: NOW };
    return (await withoutReturned(store, leavingOut, members)).map(({ id }) => id);
  };
  return { asked, member, left, store };
}

describe("who was away while the rooms to leave out were read", () => {
  test("is left out if its row has one of them", async () => {
    const { member, left } = bench({ a: ["a", "lobby"], b: ["b", "lobby"] });
    expect(await left(["a"], [member("a", BACK), member("b", BACK)])).toEqual(["b"]);
  });

  test("is asked for only if somebody is to be left out, and it has just come back", async () => {
    const { asked, member, left } = bench({ a: ["a"], b: ["a"], c: ["a"] });
    expect(await left([], [member("a", BACK)])).toEqual(["a"]);
    expect(await left(["a"], [member("b", FRESH), member("c", BACK, 60_001)])).toEqual(["b", "c"]);
    expect(asked).toEqual([]);
  });

  test("gets it if it has joined that room since the packet was made", async () => {
    const { member, store } = bench({ c: ["a", "lobby"] });
    const leavingOut = { nsp: "/", except: new Set(["a"]), since: NOW };
    const left = async (offset: string) =>
      (await withoutReturned(store, { ...leavingOut, offset }, [member("c", BACK)])).length;
    expect(await left("0mywpj19600017k6iehxe")).toBe(1);
    expect(await left("0mywpj19600019k6iehxe")).toBe(0);
  });

  test("gets it if the row is another socket's by now, or gone: the post tells then", async () => {
    const { member, left } = bench({});
    expect(await left(["a"], [member("a", BACK)])).toEqual(["a"]);
  });
});
