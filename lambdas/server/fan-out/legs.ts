import type { FanOutStore, Leg, LegKey, Missed } from "../ports/fan-out.ts";

/** The emitter's own leg. */
export const ROOT = "@";
/** What a worker serves itself, beside the branches it handed on. */
export const OWN = "own";

/** Ids that a leg names: 250 branches with so many each stay below the 400 KB of an item. */
const MAX_MISSED = 50;

export const pathOfBranch = (path: string, at: number): string => `${path}.${at}`;

/** How often the range was handed on before it came to this leg. */
export const depthOf = (path: string): number => path.split(".").length - 1;

export function together(...parts: readonly Missed[]): Missed {
  const named = parts.filter((missed) => missed !== "many");
  return named.length < parts.length ? "many" : named.flat();
}

/** What a row is to hold. */
export const limited = (missed: Missed): Missed => (missed.length > MAX_MISSED ? "many" : missed);

export const isComplete = ({ branches, finished }: Leg): boolean =>
  Object.keys(finished).length === branches.length + 1;

/**
 * Counts a part as finished; with the last part of a leg, the leg in the one that it comes from, and so on. Each of these
 * writes says what is finished and does not add to a number: whoever dies between two of them is tried again by Lambda, and does
 * all of them again. If it is not, the fan-out never counts as finished: then some get the packet twice when they resume.
 * @returns when all of the fan-out is finished, the sockets that did not take the packet
 */
export async function finishPart(
  store: Pick<FanOutStore, "finishLeg">,
  key: LegKey,
  missed: Missed,
  token?: string,
): Promise<Missed | undefined> {
  const { id } = key;
  let { path } = key;
  let leg = await store.finishLeg(key, OWN, limited(missed), token);
  while (leg && isComplete(leg)) {
    const all = together(...Object.values(leg.finished));
    const dot = path.lastIndexOf(".");
    if (dot === -1) return all;
    const at = path.slice(dot + 1);
    path = path.slice(0, dot);
    leg = await store.finishLeg({ id, path }, at, limited(all));
  }
  return undefined;
}
