import { describe, expect, it } from "@jest/globals";
import { EVERYONE } from "../../lambdas/server/ports/rooms.ts";
import { atOnce, HOUR, type StoreBench } from "./store-contract-bench.ts";

export function memberContract(bench: StoreBench): void {
  describe("members", () => {
    it("are listed as they were put, the last put of a socket counting", async () => {
      const room = bench.name("room");
      expect(await bench.pages("/", room)).toEqual([]);
      const ada = bench.member(room);
      const bob = bench.member(room);
      await bench.store.putMember(ada);
      await bench.store.putMember(bob);
      const again = { ...bob, token: "again" };
      await bench.store.putMember(again);
      const members = await bench.members("/", room);
      expect(new Map(members.map((member) => [member.id, member]))).toEqual(
        new Map([
          [ada.id, ada],
          [bob.id, again],
        ]),
      );
    });

    it("of one room are not those of another namespace or room", async () => {
      const room = bench.name("room");
      await bench.store.putMember(bench.member(room, { nsp: "/a" }));
      expect(await bench.members("/", room)).toEqual([]);
      expect(await bench.members("/a", `${room}#`)).toEqual([]);
      expect(await bench.members("/a", EVERYONE)).toEqual([]);
    });

    it("are deleted by their token only: a join that came after the leave stays", async () => {
      const room = bench.name("room");
      const member = bench.member(room, { token: "joined first" });
      await bench.store.putMember(member);
      await bench.store.putMember({ ...member, token: "joined again" });
      expect(await bench.store.deleteMember({ ...member, token: "joined first" })).toBe(false);
      expect(await bench.members("/", room)).toHaveLength(1);
      expect(await bench.store.deleteMember({ ...member, token: "joined again" })).toBe(true);
      expect(await bench.store.deleteMember({ ...member, token: "joined again" })).toBe(false);
      expect(await bench.members("/", room)).toEqual([]);
    });

    it("are read one by one too", async () => {
      for (const room of [bench.name("room"), EVERYONE] as const) {
        const member = bench.member(room, { hold: "p" });
        expect(await bench.store.readMember(member)).toBeUndefined();
        await bench.store.putMember(member);
        expect(await bench.store.readMember(member)).toEqual(member);
        expect(await bench.store.readMember({ ...member, nsp: "/other" })).toBeUndefined();
      }
    });

    it("are deleted by their connection only, whatever the token", async () => {
      const room = bench.name("room");
      const member = bench.member(room);
      await bench.store.putMember(member);
      await bench.store.deleteMemberOf("another connection", member);
      expect(await bench.members("/", room)).toHaveLength(1);
      await bench.store.deleteMemberOf(member.connectionId, member);
      await bench.store.deleteMemberOf(member.connectionId, member);
      expect(await bench.members("/", room)).toEqual([]);
    });

    it("come in pages: many of them, each once", async () => {
      const room = bench.name("room");
      // Long connection ids, so that 150 rows are more than the 1 MB of a page.
      const all = Array.from({ length: 150 }, (_, i) =>
        bench.member(room, { connectionId: `${i}-${"c".repeat(8_000)}` }),
      );
      await Promise.all(all.map((member) => bench.store.putMember(member)));
      const pages = await bench.pages("/", room);
      expect(pages.length).toBeGreaterThan(1);
      const ids = pages.flat().map(({ id }) => id);
      expect(ids).toHaveLength(150);
      expect(new Set(ids)).toEqual(new Set(all.map(({ id }) => id)));
    });

    it("can be left after the first page", async () => {
      const room = bench.name("room");
      await atOnce(3, () => bench.store.putMember(bench.member(room)));
      for await (const page of bench.store.listMembers("/", room)) {
        expect(page.length).toBeGreaterThan(0);
        break;
      }
      for await (const page of bench.store.listMembers("/", EVERYONE)) {
        expect(page.length).toBeGreaterThan(0);
        break;
      }
    });

    it("of everyone are all of them, whichever shard they are in", async () => {
      const nsp = bench.name("/nsp");
      const all = Array.from({ length: 40 }, () => bench.member(EVERYONE, { nsp }));
      await Promise.all(all.map((member) => bench.store.putMember(member)));
      const listed = await bench.members(nsp, EVERYONE);
      expect(new Map(listed.map((member) => [member.id, member]))).toEqual(
        new Map(all.map((member) => [member.id, member])),
      );
      for (const room of ["everyone", "EVERYONE", "Symbol(everyone)", "0", "", "#0"]) {
        expect(await bench.members(nsp, room)).toEqual([]);
      }
      const [first, second] = all;
      if (first === undefined || second === undefined) throw new Error("no members");
      await bench.store.deleteMember(first);
      await bench.store.deleteMemberOf(second.connectionId, second);
      expect(await bench.members(nsp, EVERYONE)).toHaveLength(38);
    });

    it("are not listed when their connection cannot live any more", async () => {
      const room = bench.name("room");
      const old = bench.member(room);
      await bench.store.putMember(old);
      bench.pass(2 * HOUR);
      const young = bench.member(room);
      await bench.store.putMember(young);
      expect(await bench.members("/", room)).toHaveLength(2);
      bench.pass(HOUR / 2);
      expect(await bench.members("/", room)).toEqual([young]);
      expect(await bench.store.readMember(old)).toBeUndefined();
    });
  });
}
