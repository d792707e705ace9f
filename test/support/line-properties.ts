import { expect, test } from "@jest/globals";
import fc from "fast-check";
import type { LineBench } from "./line-bench.ts";
import { plays, schedulesOr } from "./schedules.ts";

interface Scheduled {
  /** Of each client: how long the handler of each of its events takes, in milliseconds. */
  readonly work: readonly number[];
  /** At which of its calls the instance of each batch dies. */
  readonly deaths: readonly unknown[];
  /** At which of its calls the instance of each batch stands still. */
  readonly stills?: readonly unknown[];
}

interface Played {
  readonly bench: LineBench;
  readonly runs: readonly unknown[];
  /** Clients whose `disconnect` has come. */
  readonly ends: readonly string[];
}

export interface LineProperties<S extends Scheduled, P extends Played, Change> {
  readonly clients: readonly string[];
  readonly schedule: fc.Arbitrary<S>;
  readonly play: (schedule: S, change?: Change) => Promise<P>;
  /** What is wrong, in words; nothing if all is right. */
  readonly faultsOf: (played: P, schedule: S) => readonly string[];
  /** What switches each rule off. */
  readonly rules: readonly { readonly what: string; readonly change: Change }[];
}

/** What holds for a line however its clients send: declares the tests. */
export function testLine<S extends Scheduled, P extends Played, Change>(
  properties: LineProperties<S, P, Change>,
): void {
  const { clients, schedule, play, faultsOf, rules } = properties;

  test("each event is begun in its turn, none is lost, and one runs twice only where an instance died", async () => {
    let deaths = 0;
    await fc.assert(
      fc.asyncProperty(schedule, async (played) => {
        const outcome = await play(played);
        deaths += outcome.bench.deaths.length;
        expect(faultsOf(outcome, played)).toEqual([]);
      }),
      plays(schedulesOr(60)),
    );
    expect(deaths).toBeGreaterThan(0);
  });

  test("without deaths each event runs once, and disconnect comes once and last", async () => {
    await fc.assert(
      fc.asyncProperty(schedule, async (played) => {
        const outcome = await play({ ...played, deaths: [], stills: [] });
        expect(faultsOf(outcome, played)).toEqual([]);
        expect(outcome.runs).toHaveLength(clients.length * played.work.length);
        expect(outcome.ends.toSorted()).toEqual(clients);
        expect(outcome.bench.ports.logged).toEqual([]);
      }),
      plays(schedulesOr(40)),
    );
  });

  test.each(rules)("$what is needed", async ({ what, change }) => {
    const found = await fc.check(
      fc.asyncProperty(schedule, async (played) => {
        const outcome = await play(played, change);
        expect(faultsOf(outcome, played)).toEqual([]);
      }),
      plays(400),
    );
    console.log(`${found.numRuns} schedules until it shows that ${what} is missing`);
    expect(found.failed).toBe(true);
  });
}
