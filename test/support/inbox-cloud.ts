import { fileURLToPath } from "node:url";
import type { LocalCloud } from "../../infra/local/cloud.ts";
import type { Store } from "../../lambdas/server/ports/store.ts";
import { createDynamoStore } from "../../lambdas/store/dynamo-store.ts";
import { TestClouds } from "./cloud.ts";
import { localClient } from "./dynamodb.ts";
import { startDynalite } from "./dynamodb-embedded.ts";

/** A local cloud with the inbox application, and a store that sees its table. */
export interface InboxCloud {
  readonly cloud: LocalCloud;
  readonly store: Store;
  stop(): Promise<void>;
}

export async function startInboxCloud(): Promise<InboxCloud> {
  const { server, endpoint } = await startDynalite();
  const clouds = new TestClouds();
  const app = fileURLToPath(new URL("../apps/inbox.ts", import.meta.url));
  const cloud = await clouds.start({ app, dynamodb: endpoint });
  const client = localClient(endpoint);
  const [table] = cloud.model.tables;
  if (!table) throw new Error("the template has no table");
  return {
    cloud,
    store: createDynamoStore({ client, table: table.name, clock: { now: Date.now } }),
    stop: async () => {
      await clouds.stop();
      client.destroy();
      server.closeAllConnections();
      server.close();
    },
  };
}
