import { createMemoryStore } from "../../../lambdas/store/memory/store.ts";
import { describeStoreContract } from "../../support/store-contract.ts";

describeStoreContract("the store in memory", async () => ({
  create: (clock, settings) => createMemoryStore({ clock, ...settings }),
  stop: async () => {},
}));
