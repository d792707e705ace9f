import { expect, test } from "@jest/globals";
import { bundleInputs } from "../../support/bundle-inputs.ts";

/** What the heartbeat may have of the server library: small things that need nothing else of it. */
const OF_THE_SERVER = [
  "lambdas/server/common/bounded-map.ts",
  "lambdas/server/common/console-log.ts",
  "lambdas/server/common/disconnect-reason.ts",
  "lambdas/server/common/errors.ts",
  "lambdas/server/ports/gateway.ts",
  "lambdas/server/ports/heartbeat.ts",
  "lambdas/server/common/row-limits.ts",
  "lambdas/server/common/limiter.ts",
];

test("the heartbeat's bundle has neither an application nor the server library nor more of the AWS SDK than it needs", async () => {
  const inputs = await bundleInputs("lambdas/functions/heartbeat.ts");
  expect(inputs).toContain("lambdas/handlers/heartbeat/heartbeat.ts");
  expect(inputs.filter((path) => path.startsWith("lambdas/app"))).toEqual([]);
  const clients = inputs.filter((path) => path.includes("@aws-sdk/client-"));
  expect(clients.filter((path) => !path.includes("@aws-sdk/client-dynamodb/"))).toEqual([]);
  expect(inputs.filter((path) => path.includes("socket.io-parser"))).toEqual([]);
  const server = inputs.filter((path) => path.startsWith("lambdas/server/"));
  expect(server.filter((path) => !OF_THE_SERVER.includes(path))).toEqual([]);
});
