import { expect } from "@jest/globals";
import fc from "fast-check";
import { nothingIsWrong, type Variant } from "./recovery-judge.ts";
import { schedules, storms } from "./recovery-play.ts";
import { noCounts } from "./recovery-verdict.ts";
import { plays, schedulesOr } from "./schedules.ts";
import { NO_FAULTS } from "./simulated-cloud.ts";

const EXACT = { skewMs: 0, once: false };
const SKEWED = { skewMs: 50, once: false };
const A_SECOND_OFF = { skewMs: 1_000, once: false };
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

/** How clients and clouds behave, one property each. */
export const VARIANTS = {
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
  "with clients that read slowly": {
    schedules: schedules(restless),
    options: { agedMs: AGED_MS, faults: { ...NO_FAULTS, slowReader: 0.1, loseDisconnect: 0.3, twice: 0.1 } },
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
  "with clocks that are a second off": {
    schedules: schedules(restless),
    options: { faults: { ...NO_FAULTS, skewMs: 1_000, loseDisconnect: 0.3 } },
    sharpness: A_SECOND_OFF,
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
} as const satisfies Record<string, Variant>;

/** Emits without end while one is cut off again and again: where the rules are about milliseconds. */
export const STORMS = {
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
  "a storm with clocks that are a second off": {
    schedules: storms({ ...storm, waitMs: 100 }),
    options: { tickMs: 1, faults: { ...NO_FAULTS, skewMs: 1_000 } },
    sharpness: A_SECOND_OFF,
  },
  "a storm with clients that read slowly": {
    schedules: storms({ ...storm, waitMs: 100 }),
    options: { tickMs: 5, faults: { ...NO_FAULTS, slowReader: 0.1 } },
    sharpness: EXACT,
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

/** Schedules for each property; the gate asks for more. */
export const SCHEDULES = schedulesOr(12);

/** Plays a property, and says what was counted. */
export async function nothingIsWrongIn(name: string, variant: Variant): Promise<void> {
  const counts = noCounts();
  await fc.assert(nothingIsWrong(variant, counts), plays(SCHEDULES));
  expect(counts.owed).toBeGreaterThan(SCHEDULES);
  expect(counts.resumes).toBeGreaterThan(SCHEDULES);
  const told = Object.entries(counts).map(([what, count]) => `${what} ${count}`);
  process.stdout.write(`${name}: lost 0, ${told.join(", ")}\n`);
}
