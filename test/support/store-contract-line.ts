import { describe, expect, it } from "@jest/globals";
import type { EarlyFrame } from "../../lambdas/server/ports/early.ts";
import { atOnce, countOf, MINUTE, type StoreBench } from "./store-contract-bench.ts";

/** As long as those of SQS. */
const sequence = (n: number): string => String(n).padStart(20, "0");

export function lineContract(bench: StoreBench): void {
  describe("a connection's line", () => {
    const positionOf = async (connectionId: string) =>
      (await bench.store.readConnection(connectionId, null)).connection?.line;

    it("has no position at first", async () => {
      const { connectionId } = await bench.connection();
      expect(await positionOf(connectionId)).toBeUndefined();
    });

    it("moves on, and never back", async () => {
      const { connectionId } = await bench.connection();
      await bench.store.moveLine(connectionId, sequence(9));
      await bench.store.moveLine(connectionId, sequence(11));
      await bench.store.moveLine(connectionId, sequence(10));
      expect(await positionOf(connectionId)).toEqual({ done: sequence(11) });
    });

    it("lets one caller run a frame again, and nobody a third time", async () => {
      const { connectionId } = await bench.connection();
      const claims = await atOnce(6, () => bench.store.claimRetry(connectionId, sequence(5)));
      expect(countOf(claims, true)).toBe(1);
      expect(await bench.store.claimRetry(connectionId, sequence(5))).toBe(false);
      expect(await bench.store.claimRetry(connectionId, sequence(4))).toBe(false);
      expect(await bench.store.claimRetry(connectionId, sequence(6))).toBe(true);
      expect(await positionOf(connectionId)).toEqual({ retried: sequence(6) });
    });

    it("runs nothing again that is done", async () => {
      const { connectionId } = await bench.connection();
      await bench.store.moveLine(connectionId, sequence(7));
      expect(await bench.store.claimRetry(connectionId, sequence(7))).toBe(false);
      expect(await bench.store.claimRetry(connectionId, sequence(8))).toBe(true);
      expect(await positionOf(connectionId)).toEqual({ done: sequence(7), retried: sequence(8) });
    });

    it("of a client that counts says since when a frame is missing, until it is not", async () => {
      const { connectionId } = await bench.connection();
      await bench.store.countLine(connectionId, { done: "n", gap: 5 });
      expect(await positionOf(connectionId)).toEqual({ done: "n", gap: 5 });
      await bench.store.countLine(connectionId, { done: "n", gap: 6 });
      await bench.store.countLine(connectionId, { done: "n0000000003" });
      expect(await positionOf(connectionId)).toEqual({ done: "n0000000003" });
      await bench.store.countLine(connectionId, { done: "n0000000002", gap: 7 });
      expect(await positionOf(connectionId)).toEqual({ done: "n0000000003" });
    });

    it("is not there without its connection", async () => {
      const connectionId = bench.name("conn");
      await bench.store.moveLine(connectionId, sequence(1));
      await bench.store.countLine(connectionId, { done: "n" });
      expect(await bench.store.claimRetry(connectionId, sequence(1))).toBe(false);
      expect((await bench.store.readConnection(connectionId)).connection).toBeUndefined();
    });
  });

  describe("frames that came early", () => {
    const early = (connectionId: string, count: number, body = '42["x"]'): EarlyFrame => ({
      ...{ connectionId, count, id: bench.name("m"), at: 5, body },
    });

    it("are read by their count, until they are deleted", async () => {
      const { connectionId } = await bench.connection();
      const other = await bench.connection();
      const frames = [9, 10, 2_000_000_000].map((count) => early(connectionId, count));
      await bench.store.putEarly([frames[2], frames[0], frames[1]].flatMap((frame) => frame ?? []));
      await bench.store.putEarly([early(other.connectionId, 1)]);
      expect(await bench.store.readEarly(connectionId)).toEqual(frames);
      await bench.store.deleteEarly(frames.slice(0, 2));
      expect(await bench.store.readEarly(connectionId)).toEqual(frames.slice(2));
    });

    it("can be put and deleted twice, and can be of the largest size", async () => {
      const { connectionId } = await bench.connection();
      const frame = early(connectionId, 4, `42${JSON.stringify(["x", "\u{1f600}".repeat(8_000)])}`);
      await bench.store.putEarly([frame]);
      await bench.store.putEarly([frame]);
      expect(await bench.store.readEarly(connectionId)).toEqual([frame]);
      for (let time = 0; time < 2; time++) await bench.store.deleteEarly([frame]);
      expect(await bench.store.readEarly(connectionId)).toEqual([]);
    });

    it("are gone after 15 minutes", async () => {
      const { connectionId } = await bench.connection();
      await bench.store.putEarly([early(connectionId, 1)]);
      bench.pass(15 * MINUTE + 1_000);
      expect(await bench.store.readEarly(connectionId)).toEqual([]);
    });
  });
}
