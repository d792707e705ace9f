import type { Target } from "./scenario-target.ts";
import { THOROUGH } from "./thorough.ts";

/** `cloud` in the gate, which plays everything on what is deployed; `host` needs no synthesis, no bundle and no workers. */
const { TARGET = THOROUGH ? "cloud" : "host" } = process.env;

/** `TARGET=stock` proves the scenarios themselves: nothing of ours is started. */
export const STOCK_ALONE = TARGET === "stock";

/** Whether what is compared with stock is the local cloud. */
export const ON_CLOUD = TARGET === "cloud";

/** An application on what is compared with stock: the in-process host, or the stack on the local cloud. */
export async function startOurs(app: string): Promise<Target> {
  // Each loaded only where it is used: the local cloud comes with all of CDK.
  if (ON_CLOUD) return await (await import("./scenario-cloud.ts")).startCloudTarget(app);
  return await (await import("./scenario-host.ts")).startHostTarget(app);
}
