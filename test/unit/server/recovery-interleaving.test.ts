/**
 * Connection state recovery in thousands of orders: clients that emit, join and leave rooms, are cut off, come back, are cut off
 * while they come back, and leave; with and without a cloud that misbehaves. All that was owed arrives, in order; nothing else
 * does; and twice only what the documentation names.
 *
 * All choices come from one seed, the ids too. To play a failure again, give fast-check's `seed` and `path` of its message to
 * the property: `{ numRuns: 1, seed, path, endOnFailure: true }`; without `endOnFailure` it looks for a smaller schedule that
 * fails too. SCHEDULES sets how many each property plays.
 */
import { describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { EVERYONE, type RoomName } from "../../../lambdas/server/ports.ts";
import type { Variant } from "../../support/recovery-judge.ts";
import { seededCrypto } from "../../support/seeded-crypto.ts";

jest.unstable_mockModule("node:crypto", seededCrypto);
// After that, so that the server gets its ids from the seed.
const { schedules, storms } = await import("../../support/recovery-play.ts");
const { nothingIsWrong } = await import("../../support/recovery-judge.ts");
const { noCounts } = await import("../../support/recovery-verdict.ts");
const { MUTATIONS, readOnce } = await import("../../support/recovery-mutations.ts");
const { raceOfRooms } = await import("../../support/recovery-second-pass.ts");
const { NO_FAULTS } = await import("../../support/simulated-cloud.ts");

/** Schedules for each property; the nightly run may ask for more. */
const SCHEDULES = Number(process.env.SCHEDULES ?? 30);
/** Milliseconds for one property: generous, since it only ends a hang. */
const PATIENCE_MS = 60_000 + SCHEDULES * 500;
/** Schedules in which a rule that is switched off must have been missed, at the latest. */
const ENOUGH = 150;

const EXACT = { skewMs: 0, once: false };
const SKEWED = { skewMs: 50, once: false };
/** Until posts to a connection are not tried again because it may be young, in milliseconds. */
const AGED_MS = 61_000;
const restless = { unnoticedMs: 3_000, again: true, quits: true, waitMs: 1_000 };
const storm = { again: false, waitMs: 500, plans: 3 };
const slowMembers = { ...NO_FAULTS, freeze: 0.3, freezeAt: "listMembers", longestFreezeMs: 600 };
const slowLogs = { ...NO_FAULTS, freeze: 0.3, freezeAt: "listLog", longestFreezeMs: 300 };
const slowEnds = {
  ...{ ...NO_FAULTS, staleGone: 0.1 },
  ...{ freeze: 0.8, freezeAt: "sayBye", longestFreezeMs: 2_000 },
};

const VARIANTS = {
  "without faults": {
    schedules: schedules({ unnoticedMs: 0, again: false, quits: false, waitMs: 300 }),
    options: { faults: NO_FAULTS },
    sharpness: EXACT,
  },
  "one thing after the other: nothing comes twice": {
    schedules: schedules({ unnoticedMs: 300, again: false, quits: true, waitMs: 0 }),
    options: { faults: NO_FAULTS, spacedMs: 5_000 },
    sharpness: { skewMs: 0, once: true },
  },
  "with cuts that nobody notices, and during resumes": {
    schedules: schedules(restless),
    options: { faults: NO_FAULTS },
    sharpness: EXACT,
  },
  "with crashes, lost $disconnects and tasks that come twice": {
    schedules: schedules(restless),
    options: { faults: { crash: 0.01, staleGone: 0.05, loseDisconnect: 0.3, twice: 0.1 } },
    sharpness: EXACT,
  },
  "with 410s on living connections": {
    schedules: schedules(restless),
    options: {
      agedMs: AGED_MS,
      faults: { ...NO_FAULTS, staleSpell: 0.1, loseDisconnect: 0.3, twice: 0.1 },
    },
    sharpness: EXACT,
  },
  "with invocations that freeze, until they are killed": {
    schedules: schedules({ ...restless, waitMs: 20_000 }),
    options: { faults: { ...NO_FAULTS, freeze: 0.01, loseDisconnect: 0.3, twice: 0.1 } },
    sharpness: EXACT,
  },
  "with clocks that differ": {
    schedules: schedules(restless),
    options: { faults: { ...NO_FAULTS, skewMs: 50, loseDisconnect: 0.3 } },
    sharpness: SKEWED,
  },
  "with everything at once": {
    schedules: schedules(restless),
    options: {
      faults: {
        ...{ crash: 0.005, freeze: 0.005, staleGone: 0.05, staleSpell: 0.02, loseDisconnect: 0.3 },
        ...{ twice: 0.1, skewMs: 50 },
      },
    },
    sharpness: SKEWED,
  },
  "a storm over slow rooms": {
    schedules: storms(storm),
    options: { tickMs: 5, faults: slowMembers },
    sharpness: EXACT,
  },
  "a storm over slow logs, with resumes that are cut off": {
    schedules: storms({ ...storm, again: true }),
    options: { tickMs: 5, faults: slowLogs },
    sharpness: EXACT,
  },
  "a storm with clocks that differ": {
    schedules: storms({ ...storm, waitMs: 100 }),
    options: { tickMs: 1, faults: { ...NO_FAULTS, skewMs: 50 } },
    sharpness: SKEWED,
  },
  "a storm with 410s on living connections, and slow ends": {
    schedules: storms({ ...storm, waitMs: 300 }),
    options: { agedMs: AGED_MS, tickMs: 5, faults: slowEnds },
    sharpness: EXACT,
  },
  "a storm with 410s on living connections, and crashes": {
    schedules: storms({ ...storm, waitMs: 300 }),
    options: { agedMs: AGED_MS, tickMs: 5, faults: { ...NO_FAULTS, staleGone: 0.1, crash: 0.01 } },
    sharpness: EXACT,
  },
} as const satisfies Record<string, Variant>;

describe("connection state recovery", () => {
  test.each(Object.entries(VARIANTS))(
    "%s",
    async (name, variant) => {
      const counts = noCounts();
      // A failure is told at once: to make its schedule smaller takes longer than any patience.
      await fc.assert(nothingIsWrong(variant, counts), { numRuns: SCHEDULES, endOnFailure: true });
      expect(counts.owed).toBeGreaterThan(SCHEDULES);
      expect(counts.resumes).toBeGreaterThan(SCHEDULES);
      const told = Object.entries(counts).map(([what, count]) => `${what} ${count}`);
      process.stdout.write(`${name}: lost 0, ${told.join(", ")}\n`);
    },
    PATIENCE_MS,
  );
});

/** In which variant a rule that is switched off shows. */
const SHOWS: readonly (readonly [keyof typeof MUTATIONS, keyof typeof VARIANTS])[] = [
  ["missed", "a storm with 410s on living connections, and slow ends"],
  ["done", "a storm over slow rooms"],
  ["hold", "a storm over slow logs, with resumes that are cut off"],
  ["epsilon", "a storm with clocks that differ"],
  ["renewedTokens", "a storm over slow rooms"],
  ["logFirst", "a storm over slow rooms"],
  ["endFirst", "a storm with 410s on living connections, and slow ends"],
];

describe("a rule that is switched off is missed", () => {
  test.each(SHOWS)(
    "%s",
    async (rule, name) => {
      const variant: Variant = VARIANTS[name];
      const broken = { ...variant, options: { ...variant.options, mutate: MUTATIONS[rule] } };
      const found = await fc.check(nothingIsWrong(broken, noCounts()), {
        numRuns: ENOUGH,
        seed: 1,
        endOnFailure: true,
      });
      expect(found.failed).toBe(true);
    },
    PATIENCE_MS,
  );
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
      { numRuns: 10 * SCHEDULES },
    );
  });

  test("read once, it does", async () => {
    const found = await fc.check(inOrder(readOnce), { numRuns: 10 * ENOUGH, seed: 1, endOnFailure: true });
    expect(found.failed).toBe(true);
  });
});
