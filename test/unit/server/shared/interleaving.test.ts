/**
 * Variables that a namespace shares, in thousands of orders: clients add to them at once while instances die at any of their calls,
 * stand still for longer than they have the lease, and ends come twice.
 */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { plays, schedulesOr } from "../../../support/schedules.ts";
import { type Played, type Player, playShared, type Step } from "../../../support/shared-play.ts";
import { contentOf, endAll, faultsOf } from "../../../support/shared-verdict.ts";
import { type CloudOptions, type Faults, NO_FAULTS } from "../../../support/simulated-cloud.ts";

const SCHEDULES = schedulesOr(30);
/** A rule that is switched off is seen within so many schedules. */
const MUTANT_SEEDS = 150;

const step = fc.constantFrom<Step>("add", "add", "add", "add", "slow", "ask", "rejoin", "pause");
const players = (...leaves: readonly Player["leaves"][]): fc.Arbitrary<Player[]> =>
  fc.array(fc.record({ steps: fc.array(step, { maxLength: 6 }), leaves: fc.constantFrom(...leaves) }), {
    minLength: 1,
    maxLength: 4,
  });

const property = (
  faults: Faults,
  check: (played: Played) => Promise<void>,
  all = players("at once", "then", "never"),
  options: CloudOptions = {},
): Promise<void> =>
  fc.assert(
    fc.asyncProperty(fc.nat(), all, async (seed, some) => {
      const played = await playShared(seed, some, faults, options);
      await check(played);
      await endAll(played);
      expect(await faultsOf(played)).toEqual([]);
      expect((await contentOf(played)).present).toEqual([]);
    }),
    plays(SCHEDULES),
  ) as Promise<void>;

describe("interleavings of events that share variables", () => {
  test("without faults: each change is there once, in the order in which clients were told", async () => {
    // Who leaves before the answer is posted to in vain for a while.
    await property(
      NO_FAULTS,
      async ({ cloud, acknowledged, sent }) => {
        expect(cloud.log).toEqual([]);
        expect([...acknowledged.keys()].toSorted()).toEqual(sent.toSorted());
      },
      players("then", "never"),
    );
  });

  test("instances die at any call: nothing that was acknowledged is lost, nothing is there twice, nobody stays who is gone", async () => {
    let crashes = 0;
    await property({ ...NO_FAULTS, crash: 0.02, loseDisconnect: 0.2 }, async ({ cloud }) => {
      crashes += cloud.crashes;
    });
    expect(crashes).toBeGreaterThan(0);
  });

  test("instances stand still for longer than they have the lease: what they do then is not kept, and not acknowledged", async () => {
    let freezes = 0;
    await property({ ...NO_FAULTS, freeze: 0.02, crash: 0.005 }, async ({ cloud }) => {
      freezes += cloud.freezes;
    });
    expect(freezes).toBeGreaterThan(0);
  });
});

type Outside = Parameters<NonNullable<CloudOptions["mutate"]>>[0];
type Rules = Partial<Outside["store"]>;

/** Each rule switched off is seen. */
describe("without a rule", () => {
  test.each<{
    what: string;
    faults: Partial<Faults>;
    /** @default "at once" */
    leaves?: Player["leaves"];
    without: (store: Outside["store"]) => Rules;
  }>([
    {
      what: "one has the lease at a time",
      faults: {},
      without: (store) => ({
        takeLease: async (nsp, claim) => {
          const taken = await store.takeLease(nsp, claim);
          const seen = taken ? undefined : await store.readLease(nsp);
          return seen ? await store.claimLease(nsp, seen, { ...claim, place: seen.place }) : taken;
        },
      }),
    },
    {
      what: "a commit is on the condition that the turn is still its own",
      faults: { freeze: 0.03 },
      without: (store) => ({
        writeLease: async (nsp, token, change) => {
          if (await store.writeLease(nsp, token, change)) return true;
          const seen = await store.readLease(nsp);
          const { until } = change;
          const claim = { token, until, place: seen?.place ?? 0 };
          if (!seen || !(await store.claimLease(nsp, seen, claim))) return false;
          return await store.writeLease(nsp, token, change);
        },
      }),
    },
    {
      what: "an acknowledgement waits for the commit",
      faults: { crash: 0.01 },
      leaves: "never",
      without: (store) => ({
        writeLease: async (nsp, token, change) => {
          const looks = store.readLease(nsp).then(() => store.readLease(nsp));
          void looks.then(() => store.readLease(nsp)).then(() => store.writeLease(nsp, token, change));
          return true;
        },
      }),
    },
    {
      what: "an end whose changes are not kept is done again",
      faults: { crash: 0.05 },
      without: (store) => ({
        endSocket: (key, id, reason, at, from) => store.endSocket(key, id, reason, at, from),
      }),
    },
    {
      what: "a row is not written by an earlier holder",
      faults: { freeze: 0.3, freezeAt: "putPieces" },
      without: (store) => ({
        putPieces: (nsp, _, pieces) => store.putPieces(nsp, Number.MAX_SAFE_INTEGER, pieces),
      }),
    },
    {
      what: "a large change is told of only when it is there",
      faults: { crash: 0.01 },
      leaves: "never",
      without: (store) => ({
        putAside: async (nsp, id, text) => {
          void store.readLease(nsp).then(() => store.putAside(nsp, id, text));
          return { id, count: 1 };
        },
      }),
    },
  ])("$what", async ({ faults, leaves = "at once", without }) => {
    const rejoins = leaves === "at once" ? (["rejoin"] as const) : [];
    const steps = ["add", "slow", "add", ...rejoins, "add", "add"] as const;
    const all = [1, 2, 3].map((): Player => ({ steps, leaves }));
    for (let seed = 1; seed <= MUTANT_SEEDS; seed++) {
      const mutate: CloudOptions["mutate"] = ({ store }) => ({ store: { ...store, ...without(store) } });
      const played = await playShared(seed, all, { ...NO_FAULTS, ...faults }, { mutate });
      await endAll(played);
      const wrong = await faultsOf(played).catch((error: unknown) => [String(error)]);
      if (wrong.length > 0) return;
    }
    throw new Error(`nothing was wrong in ${MUTANT_SEEDS} schedules`);
  });
});
