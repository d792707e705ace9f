import { describe, expect, it } from "@jest/globals";
import type { InboxEvent, InboxName, InboxOpener, OpenerChange } from "../../lambdas/server/ports/inbox.ts";
import { atOnce, HOUR, largeJson, type OpenSocket, type StoreBench } from "./store-contract-bench.ts";

export function inboxContract(bench: StoreBench): void {
  const inbox = (nsp = "/"): InboxName => ({ nsp, inbox: bench.name("inbox") });
  const event = (name: InboxName, key: string, data = '["mail",1]'): InboxEvent => ({
    ...name,
    key,
    tag: "tag1",
    data,
  });
  const put = (one: InboxEvent, ms = HOUR): Promise<boolean> =>
    bench.store.putInboxEvent(one, bench.clock.now() + ms);
  const keysOf = async (name: InboxName): Promise<readonly string[]> =>
    (await bench.store.readInbox(name, 100)).events.map(({ key }) => key);
  const opener = (name: InboxName, changes: Partial<InboxOpener> = {}): Omit<InboxOpener, "version"> => ({
    ...name,
    id: bench.name("socket"),
    connectionId: bench.name("conn"),
    connectedAt: bench.clock.now(),
    number: 0,
    window: 32,
    state: "settling",
    sent: [],
    nextSeq: 7,
    posting: false,
    until: 0,
    ...changes,
  });
  const opened = async (name: InboxName, changes: Partial<InboxOpener> = {}): Promise<InboxOpener> => {
    const put = await bench.store.putOpener(opener(name, changes));
    if (!put) throw new Error("a fresh opener was refused");
    return put;
  };

  describe("events in an inbox", () => {
    it("are read oldest first, as they were put, and each by itself", async () => {
      const name = inbox();
      const data = JSON.stringify(["mail", { text: "ü\u2028", $binary: "x" }]);
      for (const key of ["000000003a0", "000000001z1", "000000001z0"]) await put(event(name, key, data));
      expect(await bench.store.readInbox(name, 100)).toEqual({
        events: ["000000001z0", "000000001z1", "000000003a0"].map((key) => event(name, key, data)),
        more: false,
      });
      expect(await bench.store.readInboxEvent({ ...name, key: "000000001z1" })).toEqual(
        event(name, "000000001z1", data),
      );
      expect(await bench.store.readInboxEvent({ ...name, key: "000000001z2" })).toBeUndefined();
    });

    it("are read up to a limit, and then there may be more", async () => {
      const name = inbox();
      for (let i = 0; i < 5; i++) await put(event(name, `00000000${i}0`));
      const first = await bench.store.readInbox(name, 3);
      expect([first.events.length, first.more]).toEqual([3, true]);
      const all = await bench.store.readInbox(name, 6);
      expect([all.events.length, all.more]).toEqual([5, false]);
    });

    it("are read up to 1 MB, and no more is believed to be all", async () => {
      const name = inbox();
      for (let i = 0; i < 9; i++) await put(event(name, `00000000${i}0`, largeJson(130_000)));
      const { events, more } = await bench.store.readInbox(name, 100);
      expect(events.length === 9 ? !more : more && events.length >= 7).toBe(true);
    });

    it("have their inbox to themselves, whatever its name and namespace", async () => {
      const names = ["a", "a#b", "", "!", "%", "__proto__", "é", "é".repeat(3_000), "\ud800"];
      const nsp = `/${bench.name("nsp")}`;
      const all = [...names.map((name) => ({ nsp, inbox: name })), { nsp: `${nsp}#a`, inbox: "" }];
      for (const [i, name] of all.entries()) await put(event(name, `00000000${i.toString(36)}0`));
      for (const [i, name] of all.entries())
        expect(await keysOf(name)).toEqual([`00000000${i.toString(36)}0`]);
    });

    it("take a free key only: of several at once one gets it", async () => {
      const name = inbox();
      const results = await atOnce(6, (i) => put(event(name, "0000000010", `[${i}]`)));
      expect(results.filter(Boolean)).toHaveLength(1);
      expect((await bench.store.readInbox(name, 9)).events[0]?.data).toBe(`[${results.indexOf(true)}]`);
    });

    it("are deleted by their key, with a tag only if it is the same event, and once is enough", async () => {
      const name = inbox();
      await put(event(name, "0000000010"));
      await put(event(name, "0000000020"));
      await bench.store.deleteInboxEvent({ ...name, key: "0000000010", tag: "tag2" });
      expect(await keysOf(name)).toEqual(["0000000010", "0000000020"]);
      await bench.store.deleteInboxEvent({ ...name, key: "0000000010", tag: "tag1" });
      await bench.store.deleteInboxEvent({ ...name, key: "0000000020" });
      await bench.store.deleteInboxEvent({ ...name, key: "0000000020" });
      expect(await keysOf(name)).toEqual([]);
      expect(await put(event(name, "0000000020"))).toBe(true);
    });

    it("are gone when their time is over, also where they fill the beginning of the inbox", async () => {
      const name = inbox();
      for (let i = 0; i < 5; i++) await put(event(name, `00000000${i}0`), HOUR);
      await put(event(name, "0000000090"), 3 * HOUR);
      bench.pass(2 * HOUR);
      expect((await bench.store.readInbox(name, 2)).events.map(({ key }) => key)).toEqual(["0000000090"]);
      expect(await bench.store.readInboxEvent({ ...name, key: "0000000010" })).toBeUndefined();
      expect(await put(event(name, "0000000010"))).toBe(true);
    });
  });

  describe("openers of an inbox", () => {
    const change: OpenerChange = {
      state: "draining",
      sent: [{ event: "0000000010tag1", seq: 0 }, { event: "0000000020t-_1" }],
      last: "0000000010tag1",
      nextSeq: 16_777_215,
      posting: true,
      until: 1_700_000_000_000,
    };

    it("are no events, and are read together and each by itself", async () => {
      const name = inbox();
      await put(event(name, "0000000010"));
      const openers = await Promise.all([opened(name), opened(name, { window: 1 })]);
      const byId = (a: InboxOpener, b: InboxOpener): number => (a.id < b.id ? -1 : 1);
      expect([...(await bench.store.readOpeners(name))].sort(byId)).toEqual(openers.sort(byId));
      expect(await bench.store.readOpener(openers[0] as InboxOpener)).toEqual(openers[0]);
      expect(await keysOf(name)).toEqual(["0000000010"]);
      expect(await bench.store.readOpeners(inbox())).toEqual([]);
    });

    it("change for one of several at once, who then has the latest version", async () => {
      const first = await opened(inbox());
      const changed = await atOnce(5, () => bench.store.changeOpener(first, change));
      const winners = changed.flatMap((one) => one ?? []);
      expect(winners).toHaveLength(1);
      expect(winners[0]).toEqual({ ...first, ...change, version: winners[0]?.version });
      expect(await bench.store.readOpener(first)).toEqual(winners[0]);
      const { last: _, ...withoutLast } = change;
      const again = winners[0] && (await bench.store.changeOpener(winners[0], withoutLast));
      expect(again && "last" in again).toBe(false);
      expect(await bench.store.readOpener(first)).toEqual(again);
    });

    it("cannot be changed when they are gone", async () => {
      const one = await opened(inbox());
      await bench.store.deleteOpener(one);
      expect(await bench.store.changeOpener(one, change)).toBeUndefined();
      expect(await bench.store.readOpener(one)).toBeUndefined();
    });

    it("are replaced by a later opening of the same socket, and by none that is late", async () => {
      const name = inbox();
      const first = await opened(name, { number: 3 });
      expect(await bench.store.putOpener({ ...first, number: 2 })).toBeUndefined();
      const second = await bench.store.putOpener({ ...first, number: 4, window: 5 });
      expect(second).toMatchObject({ number: 4, window: 5 });
      await bench.store.deleteOpener(first);
      expect(await bench.store.readOpener(first)).toEqual(second);
    });

    it("are replaced by the same socket's on a later connection, which the end of the earlier one does not delete", async () => {
      const name = inbox();
      const first = await opened(name, { number: 3 });
      const later = {
        ...first,
        connectionId: bench.name("conn"),
        connectedAt: first.connectedAt + 1,
        number: 0,
      };
      const second = await bench.store.putOpener(later);
      await bench.store.deleteOpener(first);
      expect(await bench.store.readOpeners(name)).toEqual([second]);
      for (const number of [0, 9]) {
        expect(await bench.store.putOpener({ ...first, number })).toBeUndefined();
      }
    });

    it("live no longer than a connection can", async () => {
      const name = inbox();
      const one = await opened(name);
      bench.pass(3 * HOUR);
      expect(await bench.store.readOpeners(name)).toEqual([]);
      expect(await bench.store.readOpener(one)).toBeUndefined();
      expect(await bench.store.changeOpener(one, change)).toBeUndefined();
    });
  });

  describe("the inboxes of a socket", () => {
    const inboxesOf = async ({ key }: OpenSocket) => (await bench.store.readSocket(key))?.inboxes;

    it("are in its row, by slot, from the first opening on", async () => {
      const socket = await bench.open();
      const row = await bench.store.readSocket(socket.key);
      expect([row?.inboxes, row?.nextInbox]).toEqual([undefined, undefined]);
      expect(
        await bench.store.noteInbox(socket.key, socket.id, { seen: 0, number: 0, inbox: "a#\ud800" }, []),
      ).toBe(true);
      expect(await bench.store.noteInbox(socket.key, socket.id, { seen: 1, number: 33, inbox: "" }, [])).toBe(
        true,
      );
      const { sockets } = await bench.store.readConnection(socket.key.connectionId);
      expect(sockets[0]).toMatchObject({ inboxes: { 0: "a#\ud800", 1: "" }, nextInbox: 34 });
    });

    it("are noted for one of several at once", async () => {
      const socket = await bench.open();
      const note = (i: number): Promise<boolean> =>
        bench.store.noteInbox(socket.key, socket.id, { seen: 0, number: 0, inbox: `${i}` }, []);
      const results = await atOnce(5, note);
      expect(results.filter(Boolean)).toHaveLength(1);
      expect(await inboxesOf(socket)).toEqual({ 0: `${results.indexOf(true)}` });
    });

    it("take another slot when they are opened again, and lose theirs when they are closed", async () => {
      const socket = await bench.open();
      const { key, id } = socket;
      await bench.store.noteInbox(key, id, { seen: 0, number: 0, inbox: "a" }, []);
      await bench.store.noteInbox(key, id, { seen: 1, number: 1, inbox: "a" }, [0]);
      expect(await inboxesOf(socket)).toEqual({ 1: "a" });
      // The same slot again, as where all others are taken.
      await bench.store.noteInbox(key, id, { seen: 2, number: 33, inbox: "a" }, [1]);
      expect(await inboxesOf(socket)).toEqual({ 1: "a" });
      await bench.store.dropInboxes(key, id, [1, 2]);
      expect(await inboxesOf(socket)).toEqual({});
    });

    it("are refused by a row that is not open, or another socket's", async () => {
      const { key, id } = await bench.open();
      const slot = { seen: 0, number: 0, inbox: "a" };
      expect(await bench.store.noteInbox(key, "another", slot, [])).toBe(false);
      await bench.store.noteInbox(key, id, slot, []);
      const ended = await bench.store.endSocket(key, id, "transport close", 1);
      expect(ended?.inboxes).toEqual({ 0: "a" });
      expect(await bench.store.noteInbox(key, id, { ...slot, seen: 1, number: 1 }, [])).toBe(false);
    });
  });
}
