import { createDynamoStore } from "../../../lambdas/store/dynamo-store.ts";
import { createHeartbeatStore } from "../../../lambdas/store/heartbeats.ts";
import { startEmbedded } from "../../support/dynamodb-embedded.ts";
import { describeStoreContract } from "../../support/store-contract.ts";

describeStoreContract("the store on the embedded engine", async () => {
  const { client, table, stop } = await startEmbedded();
  return {
    create: (clock, settings) => ({
      ...createDynamoStore({ client, table, clock, ...settings }),
      ...createHeartbeatStore({ client, table, clock }),
    }),
    stop,
  };
});
