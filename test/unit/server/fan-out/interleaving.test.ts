/**
 * Recovery where every room of more than one socket is a large one: workers post, die, come twice, and hand on, while clients are cut
 * off and come back. All that was owed arrives.
 */
import { expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import type { FanOutStore } from "../../../../lambdas/server/ports/fan-out.ts";
import type { Ports } from "../../../../lambdas/server/ports/ports.ts";
import type { LogRow } from "../../../../lambdas/server/ports/rooms.ts";
import type { Store } from "../../../../lambdas/server/ports/store.ts";
import { plays, schedulesOr } from "../../../support/schedules.ts";
import { seededCrypto } from "../../../support/seeded-crypto.ts";
import type { Faults } from "../../../support/simulated-cloud.ts";

jest.unstable_mockModule("node:crypto", seededCrypto);
// After that, so that the server gets its ids from the seed.
const { schedules } = await import("../../../support/recovery-play.ts");
const { judge } = await import("../../../support/recovery-judge.ts");
const { noCounts } = await import("../../../support/recovery-verdict.ts");
const { noFanOutCounts, watchFanOuts } = await import("../../../support/fan-out-verdict.ts");
const { NO_FAULTS } = await import("../../../support/simulated-cloud.ts");

type Outside = Pick<Ports, "store" | "tasks">;

/** A quarter of what other properties play: each schedule takes four times as long. */
const SCHEDULES = Math.ceil(schedulesOr(96) / 4);
const restless = { unnoticedMs: 3_000, again: true, quits: true, waitMs: 1_000 };

/**
 * Workers keep no order between packets to different rooms, and are not done when an emit is. What is promised of order, and what may
 * come twice, fan-out-verdict.ts judges instead.
 */
const NOT_PROMISED = /(is out of order|came twice)$/;

/** Posts that take long, so that later packets of their emitter are there before them. */
const SLOW_POSTS = { ...NO_FAULTS, freeze: 0.3, freezeAt: "post", longestFreezeMs: 2_000 };
const dense = { ...restless, dense: true };
/** Nothing but emits to rooms where everybody is, and cuts that everybody notices at once. */
const chatter = { unnoticedMs: 0, again: false, quits: false, waitMs: 0, dense: true };

/** Pairs of packets whose order is promised, in all properties together. */
let ordered = 0;

test.each([
  ["without faults", restless, NO_FAULTS],
  [
    "with tasks that come twice and lost $disconnects",
    restless,
    { ...NO_FAULTS, loseDisconnect: 0.3, twice: 0.3 },
  ],
  ["with crashes", restless, { crash: 0.01, staleGone: 0.02, loseDisconnect: 0.3, twice: 0.1 }],
  ["with slow posts", dense, SLOW_POSTS],
  [
    "with one event after the other, slow posts and tasks that come twice",
    chatter,
    { ...SLOW_POSTS, twice: 0.5 },
  ],
])("%s", async (name, script, faults) => {
  const counts = noCounts();
  const fanOutCounts = noFanOutCounts();
  const variant = {
    schedules: schedules(script),
    options: { faults, fanOutThreshold: 1 },
    sharpness: { skewMs: 0, once: false },
  };
  const nothingIsWrong = fc.asyncProperty(variant.schedules, async (schedule) => {
    const wrongs = await judge(schedule, variant, counts, watchFanOuts(fanOutCounts));
    expect(wrongs.filter((wrong) => !NOT_PROMISED.test(wrong))).toEqual([]);
  });
  await fc.assert(nothingIsWrong, plays(SCHEDULES));
  expect(counts.owed).toBeGreaterThan(SCHEDULES);
  ordered += fanOutCounts.ordered;
  const told = Object.entries({ ...counts, ...fanOutCounts }).map(([what, count]) => `${what} ${count}`);
  process.stdout.write(`large rooms ${name}: lost 0, ${told.join(", ")}\n`);
});

test("their order was judged, often enough", () => {
  expect(ordered).toBeGreaterThan(SCHEDULES / 2);
});

/** A resume takes rows for workers for those of an emitter, which posts in the order of its offsets. */
const unmarked = ({ store, tasks }: Outside): Outside => {
  async function* listLog(...args: Parameters<Store["listLog"]>): AsyncGenerator<readonly LogRow[]> {
    for await (const rows of store.listLog(...args)) yield rows.map(({ fannedOut: _, ...row }) => row);
  }
  return { store: { ...store, listLog }, tasks };
};

test("without the mark of rows for workers, something is lost", async () => {
  const found = await fc.check(
    fc.asyncProperty(schedules(dense), async (schedule) => {
      const variant = {
        schedules: schedules(dense),
        options: { faults: SLOW_POSTS, fanOutThreshold: 1, mutate: unmarked },
        sharpness: { skewMs: 0, once: false },
      };
      const wrongs = await judge(schedule, variant, noCounts());
      expect(wrongs.filter((wrong) => !NOT_PROMISED.test(wrong))).toEqual([]);
    }),
    { numRuns: 300, seed: 2, endOnFailure: true },
  );
  expect(found.failed).toBe(true);
  process.stdout.write(`without the mark: ${found.numRuns} schedules until something is lost\n`);
});

test.each<[string, RegExp, Faults, (store: Store & FanOutStore) => Partial<FanOutStore>]>([
  [
    "a second packet that does not wait for the workers of the first overtakes it",
    / came after /,
    SLOW_POSTS,
    () => ({ readLeg: async () => undefined }),
  ],
  [
    "tasks that come twice, where no worker has a range for itself, double packets",
    / came twice without a reason$/,
    { ...NO_FAULTS, twice: 0.5 },
    ({ claimLeg }) => ({
      claimLeg: async (key, claim) =>
        (await claimLeg(key, claim)) ?? { missed: [], branches: [], finished: {} },
    }),
  ],
])("%s", async (_name, expected, faults, broken) => {
  const variant = {
    schedules: schedules(chatter),
    options: { faults, fanOutThreshold: 1 },
    sharpness: { skewMs: 0, once: false },
  };
  const found = await fc.check(
    fc.asyncProperty(variant.schedules, async (schedule) => {
      const watch = watchFanOuts(noFanOutCounts(), ({ store }) => Object.assign(store, broken(store)));
      const wrongs = await judge(schedule, variant, noCounts(), watch);
      expect(wrongs.filter((wrong) => expected.test(wrong))).toEqual([]);
    }),
    { numRuns: 200, seed: 53, endOnFailure: true },
  );
  expect(found.failed).toBe(true);
});
