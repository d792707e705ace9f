import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { EVERYONE } from "../../../lambdas/server/ports/rooms.ts";
import { entryName, leftEntry, leftOfEntry, nameOfEntry } from "../../../lambdas/store/entry-names.ts";
import {
  answerKey,
  asideKey,
  connectionKey,
  escapeName,
  hashedName,
  type Key,
  logIdOf,
  logKey,
  memberIdOf,
  memberKey,
  namespaceOf,
  roomPks,
  sessionKey,
  socketKey,
  unescapeName,
} from "../../../lambdas/store/keys.ts";
import { plays } from "../../support/schedules.ts";
import { anyName } from "../../support/store-contract-names.ts";

/** What a key is made for, and the key. Every kind of row, with names that attack the separators. */
const anyRow = (): fc.Arbitrary<{ readonly of: readonly unknown[]; readonly key: Key }> =>
  fc
    .tuple(fc.integer({ min: 0, max: 8 }), anyName(), anyName(), anyName(), fc.nat(3))
    .map(([kind, a, b, c, n]) => {
      if (kind === 0) return { of: ["connection", a], key: connectionKey(a) };
      if (kind === 1) return { of: ["socket", a, b], key: socketKey({ connectionId: a, nsp: b }) };
      if (kind === 2) return { of: ["aside", a, n], key: asideKey(a, String(n)) };
      if (kind === 3) return { of: ["member", a, b, c], key: memberKey({ nsp: a, room: b, id: c }) };
      if (kind === 4) return { of: ["everyone", a, c], key: memberKey({ nsp: a, room: EVERYONE, id: c }) };
      if (kind === 5) return { of: ["session", a], key: sessionKey(a) };
      if (kind === 6) return { of: ["log", a, b, n], key: logKey({ nsp: a, room: b, id: String(n) }) };
      if (kind === 7) return { of: ["log", a, n], key: logKey({ nsp: a, room: EVERYONE, id: String(n) }) };
      return { of: ["answer", a, n], key: answerKey(a, n) };
    });

describe("keys", () => {
  it("differ for different rows of any kind and any names", () => {
    fc.assert(
      fc.property(anyRow(), anyRow(), (x, y) => {
        const same = JSON.stringify(x.of) === JSON.stringify(y.of);
        expect(`${x.key.pk}\n${x.key.sk}` === `${y.key.pk}\n${y.key.sk}`).toBe(same);
      }),
      plays(5_000),
    );
  });

  it("survive UTF-8 and stay within DynamoDB's limits", () => {
    fc.assert(
      fc.property(anyRow(), ({ key: { pk, sk } }) => {
        expect(Buffer.from(pk).toString()).toBe(pk);
        expect(Buffer.from(sk).toString()).toBe(sk);
        expect(Buffer.byteLength(pk)).toBeLessThanOrEqual(2048);
        expect(Buffer.byteLength(sk)).toBeLessThanOrEqual(1024);
        expect(sk).not.toBe("");
      }),
      plays(2_000),
    );
  });

  it("give names back, hashed or not", () => {
    fc.assert(
      fc.property(anyName(), (name) => {
        expect(unescapeName(escapeName(name))).toBe(name);
        expect(nameOfEntry(entryName(name))).toBe(name);
        const left = { room: name, until: "0mdw7s5xr0000" };
        expect(leftOfEntry(leftEntry(left))).toEqual(left);
        expect(logIdOf(logKey({ nsp: name, room: name, id: left.until }).sk)).toBe(left.until);
        const { sk } = socketKey({ connectionId: "c", nsp: name });
        expect(namespaceOf(sk, hashedName(sk, name).name)).toBe(name);
        const member = memberKey({ nsp: "/", room: "r", id: name });
        expect(memberIdOf(member.sk, hashedName(member.sk, name).name)).toBe(name);
      }),
      plays(2_000),
    );
  });

  it("keep plain names readable and store no name twice", () => {
    const key = socketKey({ connectionId: "L0SM9cOFvHcCIhw=", nsp: "/chat" });
    expect(key).toEqual({ pk: "C#L0SM9cOFvHcCIhw=", sk: "S#/chat" });
    expect(hashedName(key.sk, "/chat")).toEqual({});
    expect(memberKey({ nsp: "/", room: "lobby", id: "abc-_1" })).toEqual({ pk: "R#/#lobby", sk: "abc-_1" });
  });

  it("cannot be made to look like a hashed one", () => {
    const long = "x".repeat(3_000);
    const [hashed] = roomPks("/", long);
    const { sk } = socketKey({ connectionId: "c", nsp: long });
    const id = memberKey({ nsp: "/", room: "r", id: long }).sk;
    expect(hashed).toMatch(/^R~/);
    expect(roomPks("/", hashed ?? "")).not.toContain(hashed);
    expect(socketKey({ connectionId: "c", nsp: sk }).sk).not.toBe(sk);
    expect(memberKey({ nsp: "/", room: "r", id }).sk).not.toBe(id);
  });

  it("spread everyone evenly over all shards, each socket always in the same", () => {
    const members = Array.from(
      { length: 4_000 },
      (_, i) => ({ nsp: "/", room: EVERYONE, id: `id${i}` }) as const,
    );
    const counts = new Map<string, number>();
    for (const member of members) {
      const { pk } = memberKey(member);
      expect(memberKey(member).pk).toBe(pk);
      counts.set(pk, (counts.get(pk) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual([...roomPks("/", EVERYONE)].sort());
    for (const count of counts.values()) expect(count).toBeGreaterThan(800);
  });
});
