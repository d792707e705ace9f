import type { LocalCloudOptions } from "../../infra/local/cloud.ts";
import { startHostTarget } from "./scenario-host.ts";
import { ON_CLOUD } from "./scenario-ours.ts";
import { startStock } from "./stock.ts";
import type { Format, Listener } from "./wire-talk.ts";

/** An application on stock Socket.IO and on ours, for plain WebSockets to talk to. */
export interface WireBench {
  readonly stock: Listener;
  readonly ours: Listener;
  stop(): Promise<void>;
}

type Ours = Omit<Listener, "format"> & { stop(): Promise<void> };

export async function startWireBench(app: string, format?: Format): Promise<WireBench> {
  const { stop, ...ours } = await (ON_CLOUD ? onCloud(app) : onHost(app));
  const stock = await startStock(app).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return {
    stock: { target: stock, ...(format && { format }) },
    ours: { ...ours, ...(format && { format }) },
    async stop() {
      await stop();
      await stock.stop();
    },
  };
}

async function onHost(app: string): Promise<Ours> {
  const target = await startHostTarget(app, true);
  return { target, stop: () => target.stop() };
}

async function onCloud(app: string): Promise<Ours> {
  // Loaded only where it is used.
  const { TestClouds } = await import("./cloud.ts");
  const clouds = new TestClouds();
  // Questions that nobody answers occupy one worker each, for seconds.
  const options: LocalCloudOptions = { app, maxWorkersPerFunction: 10 };
  const { url, path } = await clouds.start(options);
  return {
    target: { name: "cloud", url, path, stop: async () => undefined },
    isOrdered: true,
    stop: () => clouds.stop(),
  };
}
