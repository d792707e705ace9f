/**
 * The same as in interleaving.test.ts, in storms of emits: and each rule of recovery, switched off, is missed in them.
 */
import { describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { EVERYONE, type RoomName } from "../../../../lambdas/server/ports/rooms.ts";
import type { Variant } from "../../../support/recovery-judge.ts";
import { plays } from "../../../support/schedules.ts";
import { seededCrypto } from "../../../support/seeded-crypto.ts";

jest.unstable_mockModule("node:crypto", seededCrypto);
// After that, so that the server gets its ids from the seed.
const { nothingIsWrongIn, SCHEDULES, STORMS } = await import("../../../support/recovery-variants.ts");
const { nothingIsWrong } = await import("../../../support/recovery-judge.ts");
const { noCounts } = await import("../../../support/recovery-verdict.ts");
const { MUTATIONS, readOnce } = await import("../../../support/recovery-mutations.ts");
const { raceOfRooms } = await import("../../../support/recovery-second-pass.ts");

/** Schedules in which a rule that is switched off must have been missed, at the latest. */
const ENOUGH = 150;

describe("connection state recovery", () => {
  test.each(Object.entries(STORMS))("%s", nothingIsWrongIn);
});

/** In which variant a rule that is switched off shows. */
const SHOWS: readonly (readonly [keyof typeof MUTATIONS, keyof typeof STORMS])[] = [
  ["missed", "a storm with 410s on living connections, and slow ends"],
  ["done", "a storm over slow rooms"],
  ["hold", "a storm over slow logs, with resumes that are cut off"],
  ["epsilon", "a storm with clocks that differ"],
  ["renewedTokens", "a storm over slow rooms"],
  ["logFirst", "a storm over slow rooms"],
  ["endFirst", "a storm with 410s on living connections, and slow ends"],
  ["owedLater", "a storm with 410s on living connections, and crashes"],
];

describe("a rule that is switched off is missed", () => {
  test.each(SHOWS)("%s", async (rule, name) => {
    const variant: Variant = STORMS[name];
    const broken = { ...variant, options: { ...variant.options, mutate: MUTATIONS[rule] } };
    const found = await fc.check(nothingIsWrong(broken, noCounts()), {
      numRuns: ENOUGH,
      seed: 1,
      endOnFailure: true,
    });
    expect(found.failed).toBe(true);
  });
});

test("a clock that is off, and not set right by what API Gateway says, is missed", async () => {
  const variant: Variant = STORMS["a storm with clocks that are a second off"];
  const broken = { ...variant, options: { ...variant.options, unstamped: true } };
  const found = await fc.check(nothingIsWrong(broken, noCounts()), {
    numRuns: ENOUGH,
    seed: 1,
    endOnFailure: true,
  });
  expect(found.failed).toBe(true);
});

describe("rooms are read twice", () => {
  const rooms = fc.array(fc.constantFrom<RoomName>("lobby", EVERYONE), { minLength: 2, maxLength: 6 });
  const inOrder = (mutate: Parameters<typeof raceOfRooms>[2]) =>
    fc.asyncProperty(fc.nat(), rooms, async (seed, all) => {
      const posted = await raceOfRooms(seed, all, mutate);
      expect(posted).toEqual(posted.map((_, at) => at)); // the first ones, without a gap
    });

  test("so that what an emitter sent to one room does not overtake what it sent to another before", async () => {
    await fc.assert(
      inOrder((log) => log),
      plays(10 * SCHEDULES),
    );
  });

  test("read once, it does", async () => {
    const found = await fc.check(inOrder(readOnce), { numRuns: 10 * ENOUGH, seed: 1, endOnFailure: true });
    expect(found.failed).toBe(true);
  });
});
