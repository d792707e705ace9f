import { expect, test } from "@jest/globals";
import { bundleInputs } from "../../support/bundle-inputs.ts";

/** What workers may have of the server library: what they share with emitters. None of it knows sockets or namespaces. */
const OF_THE_SERVER = [
  "lambdas/server/bounded-map.ts",
  "lambdas/server/console-log.ts",
  "lambdas/server/disconnect-reason.ts",
  "lambdas/server/errors.ts",
  "lambdas/server/fan-out-legs.ts",
  "lambdas/server/fan-out-message.ts",
  "lambdas/server/fan-out-ranges.ts",
  "lambdas/server/fan-out.ts",
  "lambdas/server/gone.ts",
  "lambdas/server/members-in-order.ts",
  "lambdas/server/offsets.ts",
  "lambdas/server/ports.ts",
  "lambdas/server/post-to-all.ts",
  "lambdas/server/posts.ts",
  "lambdas/server/recovery/back.ts",
  "lambdas/server/recovery/hold.ts",
  "lambdas/server/recovery/log.ts",
  "lambdas/server/recovery/presence.ts",
  "lambdas/server/row-limits.ts",
  "lambdas/server/slots.ts",
];

test("the fan-out's bundle has neither an application nor more of the server library than it needs", async () => {
  const inputs = await bundleInputs("lambdas/fanout.ts");
  expect(inputs).toContain("lambdas/handlers/fan-out.ts");
  expect(inputs.filter((path) => path.startsWith("lambdas/app"))).toEqual([]);
  expect(inputs.filter((path) => path.includes("socket.io-parser"))).toEqual([]);
  const server = inputs.filter((path) => path.startsWith("lambdas/server/"));
  expect(server.filter((path) => !OF_THE_SERVER.includes(path))).toEqual([]);
});
