import { afterAll, beforeAll, describe, jest } from "@jest/globals";
import type { Clock, Store } from "../../lambdas/server/ports.ts";
import { StoreBench } from "./store-contract-bench.ts";
import { connectionContract } from "./store-contract-connections.ts";
import { memberContract } from "./store-contract-members.ts";
import { nameContract } from "./store-contract-names.ts";
import { partContract } from "./store-contract-parts.ts";
import { socketContract } from "./store-contract-sockets.ts";
import { stateContract } from "./store-contract-state.ts";

/** A running table, or what stands for one; every store made from it sees the same rows. */
export interface StoreHarness {
  create(clock: Pick<Clock, "now">): Store;
  stop(): Promise<void>;
}

/** Registers the tests that every implementation of {@link Store} must pass, whatever it stores in. */
export function describeStoreContract(name: string, start: () => Promise<StoreHarness>): void {
  describe(`${name} keeps the store's contract`, () => {
    // Engines that are processes of their own share the machine with all other tests.
    jest.setTimeout(60_000);
    const bench = new StoreBench();
    let harness: StoreHarness;

    beforeAll(async () => {
      harness = await start();
      bench.use(harness.create(bench.clock));
    }, 180_000);

    afterAll(async () => {
      await harness?.stop();
    }, 60_000);

    connectionContract(bench);
    socketContract(bench);
    stateContract(bench);
    memberContract(bench);
    nameContract(bench);
    partContract(bench);
  });
}
