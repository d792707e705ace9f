import { describe, expect, it } from "@jest/globals";
import type { SessionRecord } from "../../lambdas/server/ports/sessions.ts";
import type { Store } from "../../lambdas/server/ports/store.ts";
import { atOnce, countOf, HOUR, MINUTE, type StoreBench } from "./store-contract-bench.ts";
import { TORTURE } from "./store-contract-names.ts";

/** A session that was begun on `c1`, and calls for it. */
class SessionBench {
  readonly pid: string;
  readonly #bench: StoreBench;
  readonly at: number;
  /** What the next claim says of connections before it. */
  tried: readonly string[] = [];

  constructor(bench: StoreBench) {
    this.#bench = bench;
    this.pid = bench.name("pid");
    this.at = bench.clock.now();
  }

  get store(): Store {
    return this.#bench.store;
  }

  begin(changes: { readonly nsp?: string; readonly expiresAt?: number } = {}): Promise<void> {
    const { nsp = "/", expiresAt = this.at + 3 * HOUR } = changes;
    const session = { pid: this.pid, nsp, connectionId: "c1", connectedAt: this.at };
    return this.store.putSession(session, expiresAt);
  }

  read(): Promise<SessionRecord | undefined> {
    return this.store.readSession(this.pid);
  }

  /** Connection `c<n>` was made n - 1 seconds after `c1`. */
  claim(
    n: number,
    seen: { connectionId: string; rowOn: string } = { connectionId: "c1", rowOn: "c1" },
    until = this.#bench.clock.now() + MINUTE,
  ): Promise<boolean> {
    const claim = {
      connectionId: `c${n}`,
      connectedAt: this.at + (n - 1) * 1_000,
      rowOn: seen.rowOn,
      tried: this.tried,
      until,
    };
    return this.store.claimSession({ pid: this.pid, ...seen }, claim, this.at + 6 * HOUR);
  }

  goLive(connectionId: string, pending = 0): Promise<boolean> {
    return this.store.goLive({ pid: this.pid, connectionId, pending });
  }

  leave(connectionId: string, now = this.#bench.clock.now()): Promise<boolean> {
    return this.store.leaveToResume({ pid: this.pid, connectionId }, now);
  }
}

export function sessionContract(bench: StoreBench): void {
  describe("a session", () => {
    it("begins live on its connection", async () => {
      const session = new SessionBench(bench);
      expect(await session.read()).toBeUndefined();
      await session.begin({ nsp: "/chat" });
      expect(await session.read()).toEqual({
        ...{ pid: session.pid, nsp: "/chat", connectionId: "c1", connectedAt: session.at },
        ...{ rowOn: "c1", tried: [], state: "live", pending: 0, until: 0 },
      });
    });

    it("tells how often it was resumed, as its last claim said", async () => {
      const session = new SessionBench(bench);
      await session.begin();
      const seen = { pid: session.pid, connectionId: "c1", rowOn: "c1" };
      const resumes = { since: session.at, count: 3 };
      const claim = {
        connectionId: "c2",
        connectedAt: session.at + 1,
        rowOn: "c1",
        tried: [],
        until: 1,
        resumes,
      };
      expect(await session.store.claimSession(seen, claim, session.at + HOUR)).toBe(true);
      expect((await session.read())?.resumes).toEqual(resumes);
    });

    it("is of any namespace", async () => {
      for (const nsp of TORTURE) {
        const session = new SessionBench(bench);
        await session.begin({ nsp });
        expect((await session.read())?.nsp).toBe(nsp);
      }
    });

    it("does not begin again: it may have been claimed since", async () => {
      const session = new SessionBench(bench);
      await session.begin();
      await session.claim(2);
      await session.begin();
      expect(await session.read()).toMatchObject({ connectionId: "c2", state: "resuming" });
    });

    it("expires, and begins anew after that", async () => {
      const session = new SessionBench(bench);
      await session.begin({ expiresAt: session.at + HOUR });
      bench.pass(HOUR - 1_000);
      expect(await session.read()).toBeDefined();
      bench.pass(2_000);
      expect(await session.read()).toBeUndefined();
      expect(await session.claim(2)).toBe(false);
      await session.begin({ expiresAt: bench.clock.now() + HOUR });
      expect(await session.read()).toMatchObject({ connectionId: "c1", state: "live" });
    });

    it("is deleted by the connection that has it only", async () => {
      const session = new SessionBench(bench);
      await session.begin();
      await session.store.deleteSession({ pid: session.pid, connectionId: "c2" });
      expect(await session.read()).toBeDefined();
      await session.store.deleteSession({ pid: session.pid, connectionId: "c1" });
      await session.store.deleteSession({ pid: session.pid, connectionId: "c1" });
      expect(await session.read()).toBeUndefined();
      expect(await session.claim(2)).toBe(false);
    });
  });

  claimContract(bench);
  resumeContract(bench);
}

function claimContract(bench: StoreBench): void {
  describe("claiming a session", () => {
    it("gives it to the later connection, resuming, for longer", async () => {
      const session = new SessionBench(bench);
      await session.begin();
      const until = session.at + MINUTE;
      session.tried = ["c8"];
      expect(await session.claim(3, undefined, until)).toBe(true);
      expect(await session.read()).toEqual({
        ...{ pid: session.pid, nsp: "/", connectionId: "c3", connectedAt: session.at + 2_000 },
        ...{ rowOn: "c1", tried: ["c8"], state: "resuming", pending: 0, until },
      });
      bench.pass(5 * HOUR);
      expect(await session.read()).toBeDefined();
      bench.pass(2 * HOUR);
      expect(await session.read()).toBeUndefined();
    });

    it("is for exactly one of several connections that saw the same", async () => {
      const session = new SessionBench(bench);
      await session.begin();
      const claims = await atOnce(5, (i) => session.claim(i + 2));
      expect(countOf(claims, true)).toBe(1);
      expect((await session.read())?.connectionId).toBe(`c${claims.indexOf(true) + 2}`);
    });

    it("is for one of two calls of one connection", async () => {
      const session = new SessionBench(bench);
      await session.begin();
      expect(countOf(await atOnce(2, () => session.claim(2)), true)).toBe(1);
      expect(await session.claim(2)).toBe(false);
    });

    it("is refused to who has not seen it as it is", async () => {
      const session = new SessionBench(bench);
      expect(await session.claim(2)).toBe(false);
      await session.begin();
      expect(await session.claim(3, { connectionId: "c2", rowOn: "c1" })).toBe(false);
      expect(await session.claim(3, { connectionId: "c1", rowOn: "c2" })).toBe(false);
      expect(await session.read()).toMatchObject({ connectionId: "c1", state: "live" });
      await session.claim(2);
      await session.goLive("c2");
      expect(await session.claim(3, { connectionId: "c2", rowOn: "c1" })).toBe(false);
      expect(await session.claim(3, { connectionId: "c2", rowOn: "c2" })).toBe(true);
    });

    it("is refused to a connection that is not later", async () => {
      const session = new SessionBench(bench);
      await session.begin();
      expect(await session.claim(1)).toBe(false);
      expect(await session.claim(0)).toBe(false);
      expect(await session.claim(2)).toBe(true);
    });

    it("takes a resume over, with nothing pending any more", async () => {
      const session = new SessionBench(bench);
      await session.begin();
      await session.claim(2);
      await session.leave("c2");
      expect(await session.claim(3, { connectionId: "c2", rowOn: "c1" })).toBe(true);
      expect(await session.read()).toMatchObject({ connectionId: "c3", rowOn: "c1", pending: 0 });
      expect(await session.goLive("c2")).toBe(false);
      expect(await session.leave("c2")).toBe(false);
    });
  });
}

function resumeContract(bench: StoreBench): void {
  const resuming = async (until?: number) => {
    const session = new SessionBench(bench);
    await session.begin();
    await session.claim(2, undefined, until);
    return session;
  };

  describe("a resume", () => {
    it("goes live on its connection, and the row is there then", async () => {
      const session = await resuming();
      expect(await session.goLive("c3")).toBe(false);
      expect(await session.goLive("c2")).toBe(true);
      expect(await session.read()).toMatchObject({ connectionId: "c2", rowOn: "c2", state: "live" });
    });

    it("goes live with as many pending as are known, or fewer, and not with more", async () => {
      const session = await resuming();
      expect(await session.leave("c2")).toBe(true);
      expect(await session.goLive("c2", 0)).toBe(false);
      expect((await session.read())?.pending).toBe(1);
      expect(await session.leave("c2")).toBe(true);
      expect(await session.goLive("c2", 1)).toBe(false);
      expect(await session.goLive("c2", 3)).toBe(true);
    });

    it("takes packets until it is live, or dead, and those of its connection only", async () => {
      const until = bench.clock.now() + MINUTE;
      const session = await resuming(until);
      expect(await session.leave("c1")).toBe(false);
      expect(await session.leave("c2", until)).toBe(true);
      expect(await session.leave("c2", until + 1)).toBe(false);
      expect((await session.read())?.pending).toBe(1);
      expect(await session.goLive("c2", 1)).toBe(true);
      expect(await session.leave("c2")).toBe(false);
    });

    it("counts all packets that are left at once, or goes live before them", async () => {
      const session = await resuming();
      const [live, ...left] = await Promise.all([
        session.goLive("c2", 0),
        ...Array.from({ length: 6 }, () => session.leave("c2")),
      ]);
      expect(live).toBe((await session.read())?.state === "live");
      expect((await session.read())?.pending).toBe(countOf(left, true));
      if (!live) expect(countOf(left, true)).toBeGreaterThan(0);
      expect(await session.goLive("c2", 6)).toBe(!live);
    });

    it("is prolonged by who knows until when it was", async () => {
      const until = bench.clock.now() + MINUTE;
      const session = await resuming(until);
      const prolong = (connectionId: string, seen: number, change: { until: number; rowOn?: string }) =>
        session.store.prolongResume({ pid: session.pid, connectionId, until: seen }, change);
      expect(await prolong("c1", until, { until: until + 1 })).toBe(false);
      expect(await prolong("c2", until + 1, { until: until + 2 })).toBe(false);
      const claims = await atOnce(4, (i) => prolong("c2", until, { until: until + 1 + i }));
      expect(countOf(claims, true)).toBe(1);
      const now = until + 1 + claims.indexOf(true);
      expect(await session.read()).toMatchObject({ until: now, rowOn: "c1", state: "resuming" });
      expect(await prolong("c2", now, { until: now, rowOn: "c9" })).toBe(true);
      expect(await session.read()).toMatchObject({ until: now, rowOn: "c9" });
      await session.goLive("c2");
      expect(await prolong("c2", now, { until: now + 1 })).toBe(false);
    });

    it("can do nothing without a session", async () => {
      const { pid, store, ...session } = { ...new SessionBench(bench), store: bench.store };
      expect(session.at).toBeGreaterThan(0);
      expect(await store.goLive({ pid, connectionId: "c1", pending: 9 })).toBe(false);
      expect(await store.leaveToResume({ pid, connectionId: "c1" }, 0)).toBe(false);
      expect(await store.prolongResume({ pid, connectionId: "c1", until: 0 }, { until: 1 })).toBe(false);
      await store.deleteSession({ pid, connectionId: "c1" });
      expect(await store.readSession(pid)).toBeUndefined();
    });
  });
}
