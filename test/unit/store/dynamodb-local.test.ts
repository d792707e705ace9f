import { describe, expect, it } from "@jest/globals";
import { createDynamoStore } from "../../../lambdas/store/dynamo-store.ts";
import { createHeartbeatStore } from "../../../lambdas/store/heartbeats.ts";
import { hasJava, startDynamoDbLocal } from "../../support/dynamodb-local.ts";
import { describeStoreContract } from "../../support/store-contract.ts";
import { THOROUGH } from "../../support/thorough.ts";

const isPlayed = THOROUGH && hasJava();

if (isPlayed) {
  describeStoreContract("the store on DynamoDB Local", async () => {
    const { client, table, stop } = await startDynamoDbLocal();
    return {
      create: (clock, settings) => ({
        ...createDynamoStore({ client, table, clock, ...settings }),
        ...createHeartbeatStore({ client, table, clock }),
      }),
      stop,
    };
  });
} else {
  describe("the store on DynamoDB Local", () => {
    it("is tested with THOROUGH=1 and Java only, as in the gate", () => {
      if (THOROUGH)
        process.stdout.write("No java on the PATH: the store is not tested against DynamoDB Local.\n");
      expect(isPlayed).toBe(false);
    });
  });
}
