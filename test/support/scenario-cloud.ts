import { startLocalCloud } from "../../infra/local/cloud.ts";
import { ACCOUNT_THROTTLE } from "./account-throttle.ts";
import type { Target } from "./scenario-target.ts";

/** Runs an application module on the local cloud: synthesized, bundled, in workers, behind the emulated gateway. */
export async function startCloudTarget(app: string): Promise<Target> {
  const cloud = await startLocalCloud({ app, port: 0, throttle: ACCOUNT_THROTTLE });
  return { name: "cloud", url: cloud.url, path: cloud.path, stop: () => cloud.stop() };
}
