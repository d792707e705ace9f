import { expect, test } from "@jest/globals";
import { SoakCloud } from "../soak/cloud.ts";
import { playRound } from "../soak/round.ts";
import { faultsOf } from "../soak/verdict.ts";

/**
 * Real clients, instances and sockets with all chaos at once. What happens when cannot be repeated, since threads are real, but
 * the seed says what was tried. `SOAK_CYCLES=200` for more than a glimpse; `npm run soak` for hours.
 */
const CYCLES = Number(process.env.SOAK_CYCLES ?? 12);
const CLIENTS = 6;

test(`what is owed arrives, in order, through ${CYCLES} cuts and all chaos`, async () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const soak = await SoakCloud.start(seed);
  try {
    const round = { cloud: soak.cloud, seed, cycles: CYCLES, clients: CLIENTS };
    const { counts, details } = await playRound({ ...round, listen: (take) => soak.listen(take) });
    process.stdout.write(`soak with seed ${seed}: ${JSON.stringify(counts)}\n`);
    expect(details).toEqual([]);
    expect(counts.cycles).toBeGreaterThanOrEqual(CYCLES);
    expect(counts.owed).toBeGreaterThan(0);
    for (const [fault, count] of Object.entries(faultsOf(counts))) expect([fault, count]).toEqual([fault, 0]);
  } finally {
    await soak.stop();
  }
});
