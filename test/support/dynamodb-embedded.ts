import { once } from "node:events";
import type { Server } from "node:http";
import { createRequire } from "node:module";
import { createTable, type DynamoFixture, localClient, TABLE } from "./dynamodb.ts";
import { DynamoWire } from "./dynamodb-wire.ts";

// dynalite is CommonJS and has no types.
const dynalite: (options: { createTableMs: number }) => Server = createRequire(import.meta.url)("dynalite");

/** dynalite in this process, on a free port, in memory. */
export async function startDynalite(): Promise<{ readonly server: Server; readonly endpoint: string }> {
  const server = dynalite({ createTableMs: 0 });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("dynalite listens on no port");
  return { server, endpoint: `http://127.0.0.1:${address.port}` };
}

/** The same with a table. */
export async function startEmbedded(): Promise<DynamoFixture> {
  const { server, endpoint } = await startDynalite();
  const client = localClient(endpoint);
  await createTable(client);
  return {
    client,
    wire: new DynamoWire(client),
    table: TABLE,
    stop: async () => {
      client.destroy();
      await new Promise<void>((resolve, reject) =>
        server.close((error) => (error ? reject(error) : resolve())),
      );
    },
  };
}
