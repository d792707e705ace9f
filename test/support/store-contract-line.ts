import { describe, expect, it } from "@jest/globals";
import { atOnce, countOf, type StoreBench } from "./store-contract-bench.ts";

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

    it("is not there without its connection", async () => {
      const connectionId = bench.name("conn");
      await bench.store.moveLine(connectionId, sequence(1));
      expect(await bench.store.claimRetry(connectionId, sequence(1))).toBe(false);
      expect((await bench.store.readConnection(connectionId)).connection).toBeUndefined();
    });
  });
}
