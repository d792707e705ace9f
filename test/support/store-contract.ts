import { afterAll, beforeAll, describe } from "@jest/globals";
import type { Clock } from "../../lambdas/server/ports/environment.ts";
import type { FanOutStore } from "../../lambdas/server/ports/fan-out.ts";
import type { HeartbeatStore } from "../../lambdas/server/ports/heartbeat.ts";
import type { Store } from "../../lambdas/server/ports/store.ts";
import { StoreBench } from "./store-contract-bench.ts";
import { connectionContract } from "./store-contract-connections.ts";
import { directiveContract } from "./store-contract-directives.ts";
import { fanOutContract } from "./store-contract-fan-outs.ts";
import { heartbeatContract } from "./store-contract-heartbeat.ts";
import { inboxContract } from "./store-contract-inboxes.ts";
import { lineContract } from "./store-contract-line.ts";
import { logContract } from "./store-contract-log.ts";
import { memberContract } from "./store-contract-members.ts";
import { nameContract } from "./store-contract-names.ts";
import { partContract } from "./store-contract-parts.ts";
import { recoveryContract } from "./store-contract-recovery.ts";
import { sessionContract } from "./store-contract-sessions.ts";
import { sharedContract } from "./store-contract-shared.ts";
import { socketContract } from "./store-contract-sockets.ts";
import { stateContract } from "./store-contract-state.ts";

export interface StoreSettings {
  readonly keepEndedMs?: number;
}

/** A running table, or what stands for one; every store made from it sees the same rows. */
export interface StoreHarness {
  create(clock: Pick<Clock, "now">, settings?: StoreSettings): Store & HeartbeatStore & FanOutStore;
  stop(): Promise<void>;
}

/** Registers the tests that every implementation of {@link Store} must pass, whatever it stores in. */
export function describeStoreContract(name: string, start: () => Promise<StoreHarness>): void {
  describe(`${name} keeps the store's contract`, () => {
    // Engines that are processes of their own share the machine with all other tests.

    const bench = new StoreBench();
    let harness: StoreHarness;
    let heartbeats: HeartbeatStore;
    let fanOuts: FanOutStore;

    beforeAll(async () => {
      harness = await start();
      const store = harness.create(bench.clock);
      bench.use(store);
      heartbeats = store;
      fanOuts = store;
    }, 180_000);

    afterAll(async () => {
      await harness?.stop();
    }, 60_000);

    connectionContract(bench);
    lineContract(bench);
    socketContract(bench);
    stateContract(bench);
    memberContract(bench);
    nameContract(bench);
    partContract(bench);
    recoveryContract(bench, (keepEndedMs) => harness.create(bench.clock, { keepEndedMs }));
    sessionContract(bench);
    logContract(bench);
    directiveContract(bench);
    inboxContract(bench);
    sharedContract(bench);
    heartbeatContract(bench, () => heartbeats);
    fanOutContract(bench, () => fanOuts);
  });
}
