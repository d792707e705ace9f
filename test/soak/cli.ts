import { parseArgs } from "node:util";
import { SoakCloud } from "./cloud.ts";
import { playRound } from "./round.ts";
import { add, faultsOf, noCounts } from "./verdict.ts";

/** Rounds of the soak, for as long as somebody wants: `npm run soak -- --minutes 60 --seed 7`. Exits with 1 if anything was wrong. */
const MINUTE_MS = 60_000;
const CYCLES_OF_A_ROUND = 100;
/** Then another cloud: the tables of this one only grow. */
const ROUNDS_OF_A_CLOUD = 10;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 32)) },
    clients: { type: "string", default: "8" },
  },
});
const seed = Number(values.seed);
const started = performance.now();
const minutes = (): number => (performance.now() - started) / MINUTE_MS;
let sum = noCounts();
let rounds = 0;

const say = (line: string): void => {
  process.stdout.write(`${minutes().toFixed(1)} min: ${line}\n`);
};
const progress = setInterval(() => say(`${rounds} rounds: ${JSON.stringify(sum)}`), MINUTE_MS);

say(`seed ${seed}`);
while (minutes() < Number(values.minutes)) {
  const soak = await SoakCloud.start(seed + rounds);
  const until = rounds + ROUNDS_OF_A_CLOUD;
  while (rounds < until && minutes() < Number(values.minutes)) {
    const { counts, details } = await playRound({
      cloud: soak.cloud,
      seed: seed + rounds,
      cycles: CYCLES_OF_A_ROUND,
      clients: Number(values.clients),
      listen: (take) => soak.listen(take),
    });
    for (const line of details) say(`seed ${seed + rounds}: ${line}`);
    sum = add(sum, counts);
    rounds++;
  }
  await soak.stop();
}
clearInterval(progress);
say(`${rounds} rounds: ${JSON.stringify(sum)}`);
process.exitCode = Object.values(faultsOf(sum)).some((count) => count > 0) ? 1 : 0;
