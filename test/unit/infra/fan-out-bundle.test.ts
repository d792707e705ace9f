import { expect, test } from "@jest/globals";
import { bundleInputs } from "../../support/bundle-inputs.ts";

/** What workers may have of the server library: what they share with emitters. None of it knows sockets or namespaces. */
const OF_THE_SERVER = [
  "lambdas/server/common/bounded-map.ts",
  "lambdas/server/common/console-log.ts",
  "lambdas/server/common/disconnect-reason.ts",
  "lambdas/server/common/errors.ts",
  "lambdas/server/common/is-record.ts",
  "lambdas/server/fan-out/legs.ts",
  "lambdas/server/fan-out/message.ts",
  "lambdas/server/fan-out/ranges.ts",
  "lambdas/server/fan-out/fan-out.ts",
  "lambdas/server/posting/end-gone.ts",
  "lambdas/server/broadcast/members-in-order.ts",
  "lambdas/server/common/offsets.ts",
  "lambdas/server/ports/gateway.ts",
  "lambdas/server/ports/rooms.ts",
  "lambdas/server/posting/post-to-all.ts",
  "lambdas/server/posting/posts.ts",
  "lambdas/server/recovery/returned.ts",
  "lambdas/server/recovery/hold.ts",
  "lambdas/server/recovery/leavers.ts",
  "lambdas/server/recovery/log.ts",
  "lambdas/server/recovery/membership-history.ts",
  "lambdas/server/common/merge-sorted.ts",
  "lambdas/server/common/row-limits.ts",
  "lambdas/server/common/limiter.ts",
];

test("the fan-out's bundle has neither an application nor more of the server library than it needs", async () => {
  const inputs = await bundleInputs("lambdas/functions/fan-out.ts");
  expect(inputs).toContain("lambdas/handlers/fan-out/fan-out.ts");
  expect(inputs.filter((path) => path.startsWith("lambdas/app"))).toEqual([]);
  expect(inputs.filter((path) => path.includes("socket.io-parser"))).toEqual([]);
  const server = inputs.filter((path) => path.startsWith("lambdas/server/"));
  expect(server.filter((path) => !OF_THE_SERVER.includes(path))).toEqual([]);
});
