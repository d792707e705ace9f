import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { DEFAULT_TIMING, timingOf, toldTo } from "../../../lambdas/handlers/heartbeat/timing.ts";
import {
  isInTime,
  mayBelieveGone,
  missedTurns,
  verdictOn,
  workOf,
} from "../../../lambdas/handlers/heartbeat/turns.ts";
import { DONE } from "../../../lambdas/server/ports/heartbeat.ts";

const MINUTE = 60_000;
/** API Gateway's. */
const IDLE_LIMIT = 10 * MINUTE;
const LIFE = 120 * MINUTE;
/** The function's timeout is a minute, of which it keeps some seconds back. */
const LONGEST_RUN = 50_000;
const START = 30_000_000;

/** A run of the schedule's minute `minute`: when it begins, when this connection is pinged, and when it is over. */
interface RunPlan {
  readonly jitter: number;
  readonly pingedAfter: number;
  readonly length: number;
}

/** When a connection is pinged in its life, if the runs go so; `undefined` is a run that does not take place. */
function pingsOf(connectedAt: number, interval: number, plans: readonly (RunPlan | undefined)[]): number[] {
  const made = Math.floor(connectedAt / MINUTE);
  const known = new Map<number, number>([[made - 3, DONE]]);
  const pings: number[] = [];
  plans.forEach((plan, index) => {
    if (!plan) return;
    const minute = made - 1 + index;
    const now = minute * MINUTE + plan.jitter;
    const turns = [...missedTurns(known, minute, now, interval), minute];
    // Done by the time that anybody asks: a run that began later finds it taken, which is the same.
    for (const turn of turns) known.set(turn, DONE);
    const pinged = now + plan.pingedAfter;
    if (turns.some((turn) => workOf(turn, interval).due.includes(made)) && pinged > connectedAt)
      pings.push(pinged);
  });
  return pings.filter((at) => at < connectedAt + LIFE).sort((a, b) => a - b);
}

/** The longest time without a ping until the connection is two hours old. */
function longestGap(connectedAt: number, pings: readonly number[]): number {
  const times = [connectedAt, ...pings, connectedAt + LIFE];
  return Math.max(...times.slice(1).map((at, i) => at - (times[i] ?? at)));
}

const anyRun = (jitter = MINUTE - 1) =>
  fc
    .record({
      jitter: fc.nat(jitter),
      length: fc.nat(LONGEST_RUN),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    .map(({ share, ...run }) => ({ ...run, pingedAfter: run.length * share }));
const anyRuns = (jitter?: number) => fc.array(anyRun(jitter), { minLength: 132, maxLength: 132 });
const anyTime = fc.nat(MINUTE * 60).map((ms) => START * MINUTE + ms);
const anyInterval = fc.integer({ min: 1, max: 8 });

describe("a connection is pinged in time", () => {
  test("whatever the second in which the schedule fires, and however long runs take", () => {
    fc.assert(
      fc.property(anyTime, anyInterval, anyRuns(), (connectedAt, interval, runs) => {
        const gap = longestGap(connectedAt, pingsOf(connectedAt, interval, runs));
        expect(gap).toBeLessThan(IDLE_LIMIT);
        const { pingInterval, pingTimeout } = toldTo({ minuteMs: MINUTE, interval });
        expect(gap).toBeLessThan(pingInterval + pingTimeout);
      }),
      { numRuns: 300 },
    );
  });

  test("and not by luck: at 9 minutes one would be idle for too long", () => {
    const late = { jitter: MINUTE - 1, pingedAfter: LONGEST_RUN, length: LONGEST_RUN };
    const early = { jitter: 0, pingedAfter: 0, length: 1 };
    // Of a connection whose minute begins with it, the first ping comes early and the second one late.
    const runs = Array.from({ length: 132 }, (_, i) => (i <= 15 ? early : late));
    expect(longestGap(START * MINUTE, pingsOf(START * MINUTE, 9, runs))).toBeGreaterThan(IDLE_LIMIT);
    expect(longestGap(START * MINUTE, pingsOf(START * MINUTE, 8, runs))).toBeLessThan(IDLE_LIMIT);
  });

  test("when a run does not take place, as long as the schedule fires at much the same second", () => {
    fc.assert(
      fc.property(anyTime, anyInterval, anyRuns(5_000), fc.nat(131), (connectedAt, interval, runs, lost) => {
        const some = runs.map((run, i) => (i === lost ? undefined : run));
        expect(longestGap(connectedAt, pingsOf(connectedAt, interval, some))).toBeLessThan(IDLE_LIMIT);
      }),
      { numRuns: 300 },
    );
  });
});

describe("a turn", () => {
  test("is of those that were made a multiple of the interval ago, for as long as a connection can be known", () => {
    const { due, fresh } = workOf(1_000, 8);
    expect(due).toEqual([992, 984, 976, 968, 960, 952, 944, 936, 928, 920, 912, 904, 896, 888, 880, 872]);
    expect(fresh).toEqual([998, 995]);
  });

  test("is nobody's twice in an interval", () => {
    for (let interval = 1; interval <= 8; interval++) {
      const turns = Array.from({ length: interval }, (_, i) => 1_000 - i);
      const due = turns.flatMap((turn) => workOf(turn, interval).due);
      expect(new Set(due).size).toBe(due.length);
    }
  });

  test("comes, at any interval, between the end of a life and the time when the row is forgotten", () => {
    for (let interval = 1; interval <= 8; interval++) {
      for (let made = 0; made < interval; made++) {
        const ages = Array.from({ length: 131 }, (_, age) => age).filter((age) =>
          workOf(made + age, interval).due.includes(made),
        );
        expect(ages.some((age) => age >= 122 && age <= 129)).toBe(true);
      }
    }
  });
});

describe("the turns that a run makes up for", () => {
  const now = 1_000 * MINUTE;
  const known = (turns: Record<number, number>) =>
    new Map(Object.entries(turns).map(([minute, until]) => [Number(minute), until]));

  test("are those that no run has done or is at, the most overdue first", () => {
    const turns = known({ 1000: now + 50_000, 999: now + 1, 998: now - 1, 996: DONE, 995: DONE });
    expect(missedTurns(turns, 1_000, now, 8)).toEqual([997, 998]);
  });

  test("are none at the very first run", () => {
    expect(missedTurns(known({ 1000: now + 50_000 }), 1_000, now, 8)).toEqual([]);
  });

  test("are all of an interval when there was no run for longer than that", () => {
    const turns = known({ 1000: now + 50_000, 900: DONE });
    expect(missedTurns(turns, 1_000, now, 8)).toEqual([993, 994, 995, 996, 997, 998, 999]);
  });

  test("are none on account of the turns of another clock", () => {
    const turns = known({ 1000: now + 50_000, 999: DONE, 60000: DONE });
    expect(missedTurns(turns, 1_000, now, 8)).toEqual([]);
  });
});

test("pings that failed are in time for as long as clients wait for them", () => {
  const { minuteMs, interval } = DEFAULT_TIMING;
  const { pingInterval, pingTimeout } = toldTo(DEFAULT_TIMING);
  const late = (pingInterval + pingTimeout) / minuteMs - interval;
  expect(isInTime(1_000, 1_000 + late)).toBe(true);
  expect(isInTime(1_000, 1_000 + late + 1)).toBe(false);
});

describe("what becomes of a connection whose turn it is", () => {
  const now = START * MINUTE;
  const pulse = { connectionId: "TXzPWdnOjoECGjA=", connectedAt: now - 8 * MINUTE };

  test.each([
    ["it lives: a ping", pulse, "ping"],
    [
      "it is older than any can be: an end",
      { ...pulse, connectedAt: now - 121 * MINUTE - 1 },
      { end: "transport close" },
    ],
    ["it is old: a ping", { ...pulse, connectedAt: now - 121 * MINUTE }, "ping"],
    ["it is ending: nothing", { ...pulse, bye: { reason: "forced close", at: now - MINUTE } }, "leave"],
    [
      "its end has died: an end for the same reason",
      { ...pulse, bye: { reason: "forced close", at: now - MINUTE - 1 } },
      { end: "forced close" },
    ],
  ] as const)("%s", (_what, one, verdict) => {
    expect(verdictOn(one, now, DEFAULT_TIMING)).toEqual(verdict);
  });

  test("a 410 is believed after a minute", () => {
    expect(mayBelieveGone({ ...pulse, connectedAt: now - MINUTE }, now, DEFAULT_TIMING)).toBe(false);
    expect(mayBelieveGone({ ...pulse, connectedAt: now - MINUTE - 1 }, now, DEFAULT_TIMING)).toBe(true);
  });
});

describe("the timing", () => {
  test("is every 8 minutes, and a client waits 2 more", () => {
    expect(toldTo(timingOf({}))).toEqual({ pingInterval: 595_000, pingTimeout: 5_000 });
  });

  test("is that of the template, on the clock of the cloud", () => {
    const env = { PING_INTERVAL_MINUTES: "3", SKYSOCKET_TIME_SCALE: "60" };
    expect(timingOf(env)).toEqual({ minuteMs: 1_000, interval: 3 });
    expect(toldTo(timingOf(env))).toEqual({ pingInterval: 4_916, pingTimeout: 84 });
  });

  test.each([{ PING_INTERVAL_MINUTES: "0" }, { SKYSOCKET_TIME_SCALE: "fast" }])("cannot be %j", (env) => {
    expect(() => timingOf(env)).toThrow(/has to be a number above 0/);
  });
});
