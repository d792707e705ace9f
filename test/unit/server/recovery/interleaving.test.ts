/**
 * Connection state recovery in thousands of orders: clients that emit, join and leave rooms, are cut off, come back, are cut off
 * while they come back, and leave; with and without a cloud that misbehaves. All that was owed arrives, in order; nothing else
 * does; and twice only what the documentation names.
 *
 * All choices come from one seed, the ids too. To play a failure again, give fast-check's `seed` and `path` of its message to
 * the property: `{ numRuns: 1, seed, path, endOnFailure: true }`; without `endOnFailure` it looks for a smaller schedule that
 * fails too. SCHEDULES sets how many each property plays.
 */
import { describe, jest, test } from "@jest/globals";
import { seededCrypto } from "../../../support/seeded-crypto.ts";

jest.unstable_mockModule("node:crypto", seededCrypto);
// After that, so that the server gets its ids from the seed.
const { nothingIsWrongIn, VARIANTS } = await import("../../../support/recovery-variants.ts");

describe("connection state recovery", () => {
  test.each(Object.entries(VARIANTS))("%s", nothingIsWrongIn);
});
