import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  acknowledgedBy,
  eventOf,
  idOfKey,
  idOfSequence,
  keyOfUnit,
  nameOf,
  SEQUENCES,
  unitOfTime,
} from "../../../../lambdas/server/inbox/ids.ts";

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;
const slot = fc.integer({ min: 0, max: 31 });

describe("ids of inbox deliveries", () => {
  test("stay within 31 bits, and apart from those of asks", () => {
    fc.assert(
      fc.property(slot, fc.nat(SEQUENCES - 1), fc.nat(2 * NOW), (inSlot, seq, unit) => {
        for (const id of [idOfSequence(inSlot, seq), idOfKey(inSlot, keyOfUnit(unit))]) {
          expect(Number.isInteger(id) && id >= 2 ** 30 && id <= 2 ** 31 - 1).toBe(true);
        }
      }),
    );
  });

  test("tell slot and number", () => {
    fc.assert(
      fc.property(slot, fc.nat(SEQUENCES - 1), (inSlot, seq) => {
        expect(acknowledgedBy(idOfSequence(inSlot, seq), NOW)).toEqual({ slot: inSlot, seq });
      }),
    );
  });

  test("tell the very key of any event put while a connection lives, by clocks that differ", () => {
    const age = fc.integer({ min: -2 * 9 * MINUTE, max: 2 * 125 * MINUTE });
    fc.assert(
      fc.property(slot, age, (inSlot, halfMs) => {
        const key = keyOfUnit(unitOfTime(NOW) - halfMs);
        expect(acknowledgedBy(idOfKey(inSlot, key), NOW)).toEqual({ slot: inSlot, key });
      }),
      { numRuns: 1_000 },
    );
  });

  test("are none of what else a client may send", () => {
    for (const id of [0, 1, 2 ** 30 - 1, 2 ** 31, 2 ** 53, -1, 2 ** 30 + 0.5, Number.NaN, -(2 ** 30)]) {
      expect(acknowledgedBy(id, NOW)).toBeUndefined();
    }
  });

  test("keys sort by time", () => {
    const units = fc.array(fc.nat(4 * NOW), { maxLength: 20 });
    fc.assert(
      fc.property(units, (all) => {
        const byTime = [...all].sort((a, b) => a - b).map(keyOfUnit);
        expect(all.map(keyOfUnit).sort()).toEqual(byTime);
      }),
    );
  });

  test("a name gives key and tag back", () => {
    const event = { key: keyOfUnit(unitOfTime(NOW) + 1), tag: "a-_9" };
    expect(eventOf(nameOf(event))).toEqual(event);
  });
});
