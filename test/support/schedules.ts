/** Schedules that a property plays: SCHEDULES, or so many. */
export const schedulesOr = (usual: number): number => Number(process.env.SCHEDULES ?? usual);

/**
 * For `fc.assert` and `fc.check`. SEED makes a run the same each time, as the gate does; without it each run plays others.
 * A failure is told at once: to make its schedule smaller takes longer than any patience.
 */
export const plays = (numRuns: number) => ({
  numRuns,
  endOnFailure: true,
  ...(process.env.SEED !== undefined && { seed: Number(process.env.SEED) }),
});
