import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { READY_NAMESPACES } from "../../apps/core/ready.ts";
import { play, type Scenario } from "../../support/scenario.ts";
import { STOCK_ALONE, startOurs } from "../../support/scenario-ours.ts";
import type { Target } from "../../support/scenario-target.ts";
import { startStock } from "../../support/stock.ts";
import { SCENARIOS } from "./scenarios/index.ts";

/** The same application and the same conversations on stock Socket.IO and on ours: clients must see the same. */
const APP = fileURLToPath(new URL("../../apps/core.ts", import.meta.url));
let stock: Target;
let ours: Target | undefined;

beforeAll(async () => {
  stock = { ...(await startStock(APP)), ready: READY_NAMESPACES };
  if (STOCK_ALONE) return;
  ours = { ...(await startOurs(APP)), ready: READY_NAMESPACES };
});

afterAll(async () => {
  await ours?.stop();
  await stock?.stop();
});

describe.each(SCENARIOS)("$title", ({ scenarios }) => {
  test.each(scenarios)("$name", compare);
});

async function compare(scenario: Scenario): Promise<void> {
  // At the same time: the two servers share nothing, and each is waited for most of the time.
  const [oracle, seen] = await both(
    scenario.differs?.stockCrashes ? undefined : play(scenario, stock),
    ours ? play(scenario, ours) : undefined,
  );
  // For whoever writes a scenario: what stock does, to read.
  if (process.env.TRACE)
    process.stdout.write(`${JSON.stringify({ [scenario.name]: oracle?.traces }, null, 1)}\n`);
  if (oracle) {
    expect(oracle.unclaimed).toEqual({});
    // A difference that has gone away must not stay written down.
    if (scenario.differs) expect(oracle.traces).not.toEqual(scenario.differs.expect);
  }
  if (seen) expect(seen.traces).toEqual(scenario.differs?.expect ?? oracle?.traces);
  else if (oracle) expect((await play(scenario, stock)).traces).toEqual(oracle.traces);
}

/** Waits for both also where one fails, so that nothing goes on into the next scenario. */
async function both<A, B>(
  a: Promise<A> | undefined,
  b: Promise<B> | undefined,
): Promise<readonly [A | undefined, B | undefined]> {
  await Promise.allSettled([a, b]);
  return [await a, await b];
}
