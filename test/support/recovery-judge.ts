import fc from "fast-check";
import { Play, type PlayOptions, type Schedule } from "./recovery-play.ts";
import { type Counts, noCounts, type Sharpness } from "./recovery-verdict.ts";

/** A way in which the cloud and the clients behave. */
export interface Variant {
  readonly schedules: fc.Arbitrary<Schedule>;
  readonly options: PlayOptions;
  readonly sharpness: Sharpness;
}

/**
 * What an invocation says that came to no end, that found more dead connections than it should or clients that do not read, or whose
 * clock is off.
 */
const EXPECTED = /^SKY_(DEADLINE|SLOW_READER|LISTENER_UNSETTLED|LINGERING|HOPS|CLOCK_BEHIND|OPEN_GIVEN_UP)/;

/** Looks at a play from its beginning; what it returns tells what was wrong at its end. */
export type Watch = (play: Play) => () => readonly string[];

/** Plays one schedule, judges it at rest, then once more when everybody has been cut off and is back; what was wrong. */
export async function judge(
  schedule: Schedule,
  variant: Variant,
  counts: Counts,
  watch?: Watch,
): Promise<string[]> {
  const play = new Play(schedule, variant.options);
  const watched = watch?.(play);
  const { cloud, clients, ledger, simulation } = play;
  await play.scripts();
  const complete = cloud.deaths === 0 && !cloud.log.some((line) => line.startsWith("SKY_DEADLINE"));
  const before = [
    ...(await play.wrongs(variant.sharpness, noCounts())),
    // A resume that died leaves its session as it was, until its client is cut off.
    ...(complete ? await play.unrest() : []),
  ];
  await play.comeBack();
  counts.schedules++;
  counts.emits += ledger.emits.size;
  counts.crashes += cloud.crashes;
  counts.freezes += cloud.freezes;
  counts.steps += simulation.steps;
  for (const { sessions, returns } of clients) {
    counts.sessions += sessions.length;
    counts.resumes += returns.filter(({ recovered }) => recovered).length;
  }
  return [
    ...before,
    ...(await play.wrongs(variant.sharpness, counts)),
    ...(await play.unrest()),
    ...(watched?.() ?? []),
    ...(cloud.crashes > 0 ? [] : cloud.log.filter((line) => !EXPECTED.test(line))),
  ];
}

/** Nothing is wrong in any schedule. Counts are added to `counts`. */
export const nothingIsWrong = (variant: Variant, counts: Counts) =>
  fc.asyncProperty(variant.schedules, async (schedule) => {
    const wrongs = await judge(schedule, variant, counts);
    if (wrongs.length > 0) throw new Error(wrongs.slice(0, 8).join("\n"));
  });
