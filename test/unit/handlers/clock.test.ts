import { describe, expect, test } from "@jest/globals";
import { clockFor } from "../../../lambdas/handlers/clock.ts";
import { earliestTimeOf, Offsets, timeOfOffset } from "../../../lambdas/server/common/offsets.ts";
import { VirtualClock } from "../../support/fake-ports.ts";

/** An instance whose clock says so much more than API Gateway's. */
async function instance(aheadMs: number) {
  const clock = new VirtualClock();
  const warned: string[] = [];
  const at = clock.now() - aheadMs;
  const own = clockFor(at, clock, { warn: (code) => warned.push(code) });
  const first = own.now();
  await clock.sleep(10);
  return { at, warned, first, passed: own.now() - first, offset: new Offsets(own).next(), own };
}

describe("the clock for an event", () => {
  test("that is behind is set right, with a warning where recovery would not tolerate it", async () => {
    for (const [behindMs, warnings] of [
      [1_000, ["SKY_CLOCK_BEHIND"]],
      [20, []],
    ] as const) {
      const { at, warned, first, passed } = await instance(-behindMs);
      expect([first, passed, warned]).toEqual([at, 10, warnings]);
    }
  });

  test("that is later than API Gateway's may be ahead, or the event late: its offsets say so", async () => {
    const { at, warned, own, offset } = await instance(1_000);
    expect(warned).toEqual([]);
    expect(own.aheadMs).toBe(1_000);
    expect(timeOfOffset(offset)).toBe(own.now());
    expect(earliestTimeOf(offset)).toBeLessThanOrEqual(at + 10);
    expect(earliestTimeOf(offset)).toBeGreaterThan(at - 1_000);
  });

  test("that is right makes offsets without a doubt", async () => {
    for (const aheadMs of [0, 50]) {
      const { own, offset } = await instance(aheadMs);
      expect(own.aheadMs).toBeUndefined();
      expect(earliestTimeOf(offset)).toBe(timeOfOffset(offset));
    }
  });
});
