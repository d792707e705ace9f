import { randomBytes } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { divide, estimateRest, following, toRange } from "../../../../lambdas/server/fan-out/ranges.ts";
import type { SocketRange } from "../../../../lambdas/server/ports/fan-out.ts";

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const socketId = fc.string({ unit: fc.constantFrom(...DIGITS), minLength: 20, maxLength: 20 });
/** Ids of other make, too: ranges must hold for whatever is in a table. */
const anyId = fc.oneof(socketId, fc.string({ minLength: 1 }), fc.string({ unit: "binary", minLength: 1 }));
const range: fc.Arbitrary<SocketRange> = fc
  .tuple(fc.option(anyId, { nil: undefined }), fc.option(anyId, { nil: undefined }))
  .filter(([from, to]) => from === undefined || to === undefined || from < to)
  .map(([from, to]) => toRange(from, to));

const isIn = (id: string, { from, to }: SocketRange): boolean =>
  (from === undefined || id >= from) && (to === undefined || id < to);

describe("ranges of socket ids", () => {
  test("divided, hold every id of the whole exactly once, and no other", () => {
    fc.assert(
      fc.property(range, fc.integer({ min: 1, max: 300 }), fc.array(anyId), (whole, count, ids) => {
        const parts = divide(whole, count);
        expect(parts.length).toBeLessThanOrEqual(count);
        const edges = parts.flatMap(({ from, to }) => [from, to]).filter((edge) => edge !== undefined);
        for (const id of [...ids, ...edges, ...edges.map(following)]) {
          expect(parts.filter((part) => isIn(id, part))).toHaveLength(isIn(id, whole) ? 1 : 0);
        }
      }),
    );
  });

  test("divided, meet at their ends, in order, and none is empty", () => {
    fc.assert(
      fc.property(range, fc.integer({ min: 1, max: 300 }), (whole, count) => {
        const parts = divide(whole, count);
        expect(parts[0]?.from).toBe(whole.from);
        expect(parts.at(-1)?.to).toBe(whole.to);
        for (const [at, { from, to }] of parts.entries()) {
          if (at > 0) expect(from).toBe(parts[at - 1]?.to);
          if (from !== undefined && to !== undefined) expect(from < to).toBe(true);
        }
      }),
    );
  });

  test("of all ids are divided into as many as asked for, about as large", () => {
    const ids = Array.from({ length: 20_000 }, () => randomBytes(15).toString("base64url"));
    const counts = divide({}, 100).map((part) => ids.filter((id) => isIn(id, part)).length);
    expect(counts).toHaveLength(100);
    // 200 each; what random ids are from that, five times over.
    for (const count of counts) expect(Math.abs(count - 200)).toBeLessThan(5 * Math.sqrt(200));
  });

  test("after an id comes nothing that is not after it", () => {
    fc.assert(
      fc.property(socketId, anyId, (id, other) => {
        const printable = !/\p{Cc}/u.test(other); // keys hold no control characters
        if (printable && other > id) expect(other >= following(id)).toBe(true);
        expect(id < following(id)).toBe(true);
      }),
    );
  });
});

describe("the guess at how many there are", () => {
  test.each([2_000, 10_000, 100_000])("of %d is a few percent off, from the first 500", (count) => {
    const ids = Array.from({ length: count }, () => randomBytes(15).toString("base64url"));
    ids.sort((a, b) => (a < b ? -1 : 1));
    const rest = estimateRest({}, ids[500] ?? "", 500);
    // The place of the 500th of random ids is 4.5 % off at one standard deviation.
    expect(Math.abs(rest - (count - 500))).toBeLessThan(0.3 * count);
  });

  test("of a part counts from where the part begins", () => {
    const [, second] = divide({}, 2);
    const [, half] = divide(second ?? {}, 2);
    expect(Math.round(estimateRest(second ?? {}, half?.from ?? "", 40))).toBe(40);
  });

  test("is never NaN, whatever is in the table", () => {
    fc.assert(
      fc.property(range, anyId, fc.nat(), (whole, next, seen) => {
        expect(Number.isNaN(estimateRest(whole, next, seen))).toBe(false);
      }),
    );
  });
});
