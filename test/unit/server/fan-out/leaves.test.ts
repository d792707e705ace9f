/**
 * Sockets leave a large room, and come back to it, while its workers have not yet read who is in it. The time of the emit decides
 * who gets the packet.
 */
import { expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import type { FanOutStore } from "../../../../lambdas/server/ports/fan-out.ts";
import type { Store } from "../../../../lambdas/server/ports/store.ts";
import type { Operation } from "../../../support/recovery-play.ts";
import { plays, schedulesOr } from "../../../support/schedules.ts";
import { seededCrypto } from "../../../support/seeded-crypto.ts";

jest.unstable_mockModule("node:crypto", seededCrypto);
// After that, so that the server gets its ids from the seed.
const { judge } = await import("../../../support/recovery-judge.ts");
const { noCounts } = await import("../../../support/recovery-verdict.ts");
const { noFanOutCounts, watchFanOuts } = await import("../../../support/fan-out-verdict.ts");
const { NO_FAULTS } = await import("../../../support/simulated-cloud.ts");

/** An eighth of what other properties play: four clients take their time, and each schedule has many who leave. */
const SCHEDULES = Math.ceil(schedulesOr(240) / 8);
/** As in interleaving.test.ts. */
const NOT_PROMISED = /(is out of order|came twice)$/;

const say = fc
  .record({
    by: fc.constantFrom("io" as const, "socket" as const),
    rooms: fc.constantFrom<readonly string[]>(["lobby"], ["lobby"], ["a", "lobby"], []),
    except: fc.constantFrom<readonly string[]>([], [], ["a"]),
  })
  .map((plan): Operation => ({ do: "say", plans: [plan], toOther: false }));
/**
 * Longer than a join, a leave or an emit takes, but for its workers: one that begins before the other is over may be seen in either
 * order, and shows nothing.
 */
const wait = fc.integer({ min: 20, max: 300 }).map((ms): Operation => ({ do: "wait", ms }));
const room = fc.constantFrom("lobby", "lobby", "a");
const change = fc
  .tuple(fc.constantFrom("leave" as const, "leave" as const, "join" as const), room)
  .map(([what, where]): Operation => ({ do: what, room: where }));
const cut = fc.constant<Operation>({ do: "cut", cut: { gatewayMs: 0, clientMs: 0 }, again: [] });
const joinA: Operation = { do: "join", room: "a" };

const leaver = fc
  .tuple(
    fc.boolean(),
    fc.array(fc.tuple(wait, fc.oneof({ weight: 6, arbitrary: change }, { weight: 1, arbitrary: cut })), {
      minLength: 1,
      maxLength: 4,
    }),
  )
  .map(([inA, steps]) => [...(inA ? [joinA] : []), ...steps.flat()]);
const emitter = fc.array(fc.tuple(wait, say), { minLength: 1, maxLength: 3 }).map((steps) => steps.flat());

const scheduled = fc.record({
  seed: fc.nat(),
  skipMiddlewares: fc.constant(true),
  scripts: fc.tuple(emitter, leaver, leaver, leaver),
});

/** Workers that stand still before they have read anything, or between two pages. */
const LATE = { ...NO_FAULTS, freeze: 0.5, freezeAt: "claimLeg", longestFreezeMs: 2_000 };
const BETWEEN_PAGES = { ...NO_FAULTS, freeze: 0.3, freezeAt: "listMembersInOrder", longestFreezeMs: 500 };

const variantOf = (faults: typeof LATE) => ({
  schedules: scheduled,
  options: { faults, fanOutThreshold: 1 },
  sharpness: { skewMs: 0, once: false },
});

test.each([
  ["workers are late", LATE],
  ["workers stop between two pages", BETWEEN_PAGES],
  ["tasks come twice", { ...LATE, twice: 0.5 }],
  ["instances crash", { ...LATE, crash: 0.01 }],
])("who was in the room gets it, and nobody else, when %s", async (name, faults) => {
  const counts = noCounts();
  const variant = variantOf(faults);
  await fc.assert(
    fc.asyncProperty(scheduled, async (schedule) => {
      const wrongs = await judge(schedule, variant, counts, watchFanOuts(noFanOutCounts()));
      expect(wrongs.filter((wrong) => !NOT_PROMISED.test(wrong))).toEqual([]);
    }),
    plays(SCHEDULES),
  );
  expect(counts.owed).toBeGreaterThan(SCHEDULES);
  process.stdout.write(`leaves, ${name}: lost 0 of ${counts.owed} in ${counts.schedules} schedules\n`);
});

test.each<[string, RegExp, (store: Store & FanOutStore) => Partial<Store & FanOutStore>]>([
  ["workers do not ask who has left", / is lost$/, () => ({ readLeavers: async () => [] })],
  ["the emitter does not have them noted", / is lost$/, () => ({ noteLeavers: async () => undefined })],
  ["who leaves is not noted", / is lost$/, () => ({ putLeaver: async () => undefined })],
  [
    "workers do not ask who has left a room to leave out",
    / is not its own$/,
    ({ readLeavers }) => ({
      readLeavers: async (nsp, room, from) => (room === "a" ? [] : await readLeavers(nsp, room, from)),
    }),
  ],
])("something is wrong when %s", async (name, expected, broken) => {
  const variant = variantOf(LATE);
  const found = await fc.check(
    fc.asyncProperty(scheduled, async (schedule) => {
      const watch = watchFanOuts(noFanOutCounts(), ({ store }) => Object.assign(store, broken(store)));
      const wrongs = await judge(schedule, variant, noCounts(), watch);
      expect(wrongs.filter((wrong) => expected.test(wrong))).toEqual([]);
    }),
    { numRuns: 200, seed: 61, endOnFailure: true },
  );
  expect(found.failed).toBe(true);
  process.stdout.write(`leaves: ${found.numRuns} schedules until it shows that ${name}\n`);
});
