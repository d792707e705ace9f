import { createDynamoStore } from "../../../lambdas/store/dynamo-store.ts";
import { startEmbedded } from "../../support/dynamodb-embedded.ts";
import { describeStoreContract } from "../../support/store-contract.ts";

describeStoreContract("the store on the embedded engine", async () => {
  const { client, table, stop } = await startEmbedded();
  return { create: (clock) => createDynamoStore({ client, table, clock }), stop };
});
