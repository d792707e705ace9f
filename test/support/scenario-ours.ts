import type { Target } from "./scenario-target.ts";

/** `cloud` in the gate, which plays everything on what is deployed; `host` needs no synthesis, no bundle and no workers. */
const { TARGET = process.env.THOROUGH === undefined ? "host" : "cloud" } = process.env;

/** `TARGET=stock` proves the scenarios themselves: nothing of ours is started. */
export const STOCK_ALONE = TARGET === "stock";

/** An application on what is compared with stock: the in-process host, or the stack on the local cloud. */
export async function startOurs(app: string): Promise<Target> {
  // Each loaded only where it is used: the local cloud comes with all of CDK.
  if (TARGET === "cloud") return await (await import("./scenario-cloud.ts")).startCloudTarget(app);
  return await (await import("./scenario-host.ts")).startHostTarget(app);
}
