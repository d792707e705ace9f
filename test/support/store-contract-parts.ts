import { describe, expect, it } from "@jest/globals";
import type { Part } from "../../lambdas/server/ports/parts.ts";
import { atOnce, countOf, MINUTE, type StoreBench } from "./store-contract-bench.ts";

type Pending = Exclude<Part, { kind: "done" }>;

export function partContract(bench: StoreBench): void {
  const header = (
    connectionId: string,
    at = 5,
    id = bench.name("m"),
  ): Extract<Pending, { kind: "header" }> => ({
    ...{ connectionId, id, at },
    ...{ kind: "header", text: '51-["x",{"_placeholder":true,"num":0}]', attachments: 1 },
  });
  const attachment = (connectionId: string, at = 5, bytes = [1, 2, 255]): Pending => ({
    ...{ connectionId, id: bench.name("m"), at },
    ...{ kind: "attachment", bytes: Uint8Array.from(bytes) },
  });
  const idsOf = (parts: readonly Part[]): readonly string[] => parts.map(({ id }) => id);

  describe("parts of packets", () => {
    it("are read back by the time they were received, whatever their order", async () => {
      const connectionId = bench.name("conn");
      const parts = [attachment(connectionId, 900), header(connectionId, 0), attachment(connectionId, 1_000)];
      for (const part of parts) await bench.store.putPart(part);
      await bench.store.putPart(attachment(bench.name("conn")));
      const read = await bench.store.readParts(connectionId);
      expect(read.map(({ at }) => at)).toEqual([0, 900, 1_000]);
      expect(read[0]).toEqual(parts[1]);
      expect(read[1]).toMatchObject({ kind: "attachment", id: parts[0]?.id });
      const [, second] = read;
      expect(second?.kind === "attachment" && [...second.bytes]).toEqual([1, 2, 255]);
    });

    it("may be empty, or of the largest frame", async () => {
      const connectionId = bench.name("conn");
      await bench.store.putPart(attachment(connectionId, 1, []));
      await bench.store.putPart(
        attachment(
          connectionId,
          2,
          Array.from({ length: 24_573 }, (_, i) => i % 256),
        ),
      );
      const read = await bench.store.readParts(connectionId);
      expect(read.map((part) => part.kind === "attachment" && part.bytes.length)).toEqual([0, 24_573]);
    });

    it("are not read with the connection", async () => {
      const { connectionId } = await bench.connection();
      await bench.store.putPart(header(connectionId));
      expect((await bench.store.readConnection(connectionId)).sockets).toEqual([]);
      expect(await bench.store.readParts(bench.name("conn"))).toEqual([]);
    });

    it("give their packet to exactly one caller", async () => {
      const connectionId = bench.name("conn");
      const part = header(connectionId);
      await bench.store.putPart(part);
      const packet = { until: 9, taken: ["a", "b"] };
      const claims = await atOnce(6, () => bench.store.claimPacket(part, packet));
      expect(countOf(claims, true)).toBe(1);
      const { id, at } = part;
      expect(await bench.store.readParts(connectionId)).toEqual([
        { connectionId, id, at, kind: "done", ...packet },
      ]);
    });

    it("stay done when the same frame is handed over again", async () => {
      const connectionId = bench.name("conn");
      const part = header(connectionId);
      await bench.store.putPart(part);
      await bench.store.claimPacket(part, { until: 9, taken: [] });
      await bench.store.putPart(part);
      expect(await bench.store.claimPacket(part, { until: 9, taken: [] })).toBe(false);
      expect((await bench.store.readParts(connectionId)).map(({ kind }) => kind)).toEqual(["done"]);
    });

    it("give no packet for what is not there, or is no header", async () => {
      const connectionId = bench.name("conn");
      const part = attachment(connectionId);
      await bench.store.putPart(part);
      const packet = { until: 9, taken: [] };
      expect(await bench.store.claimPacket(part, packet)).toBe(false);
      expect(await bench.store.claimPacket(header(connectionId), packet)).toBe(false);
    });

    it("are deleted one by one", async () => {
      const connectionId = bench.name("conn");
      const parts = [attachment(connectionId), attachment(connectionId), header(connectionId, 6)];
      for (const part of parts) await bench.store.putPart(part);
      await bench.store.deleteParts(parts.slice(0, 2));
      await bench.store.deleteParts(parts.slice(0, 2));
      expect(idsOf(await bench.store.readParts(connectionId))).toEqual([parts[2]?.id]);
    });

    it("are kept for 15 minutes if they are those of a line", async () => {
      const connectionId = bench.name("conn");
      const part = header(connectionId, 1);
      await bench.store.putPart(part, { inLine: true });
      bench.pass(15 * MINUTE - 2_000);
      expect(await bench.store.readParts(connectionId)).toEqual([part]);
      bench.pass(4_000);
      expect(await bench.store.readParts(connectionId)).toEqual([]);
    });

    it("are kept for a minute, done ones for a minute from then", async () => {
      const connectionId = bench.name("conn");
      const [early, late] = [header(connectionId, 1), header(connectionId, 2)];
      await bench.store.putPart(early);
      await bench.store.putPart(late);
      bench.pass(MINUTE / 2);
      await bench.store.claimPacket(late, { until: 9, taken: [] });
      bench.pass(MINUTE / 2 + 1_000);
      expect(await bench.store.claimPacket(early, { until: 9, taken: [] })).toBe(false);
      expect(idsOf(await bench.store.readParts(connectionId))).toEqual([late.id]);
      bench.pass(MINUTE);
      expect(await bench.store.readParts(connectionId)).toEqual([]);
      await bench.store.putPart(early);
      expect(idsOf(await bench.store.readParts(connectionId))).toEqual([early.id]);
    });

    it("are refused by one caller, and by another when that one must have died", async () => {
      const connectionId = bench.name("conn");
      const claims = await atOnce(6, () => bench.store.claimRefusal(connectionId));
      expect(countOf(claims, true)).toBe(1);
      expect(await bench.store.claimRefusal(bench.name("conn"))).toBe(true);
      bench.pass(11_000);
      expect(await bench.store.claimRefusal(connectionId)).toBe(true);
      expect(await bench.store.readParts(connectionId)).toEqual([]);
    });
  });
}
