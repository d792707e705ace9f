import type { LocalCloudOptions } from "../../infra/local/cloud.ts";
import type { CloudEvent } from "../../infra/local/model.ts";
import { MeterStream } from "./meter-stream.ts";
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

/** Frames are handled in their order there, as on stock. */
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
  const { url, path, meter } = await clouds.start(options);
  const stream = await MeterStream.open(url);
  let mark = meter.mark();
  return {
    target: { name: "cloud", url, path, stop: async () => undefined },
    begin: () => {
      mark = meter.mark();
    },
    handled: (frames) => stream.until(() => runsOfNewest(meter.events(mark)) >= frames),
    async stop() {
      stream.close();
      await clouds.stop();
    },
  };
}

/** How many frames of the connection that was made after the mark have been handled: runs of those before it still end. */
function runsOfNewest(events: readonly CloudEvent[]): number {
  const connect = events.find((event) => event.kind === "gateway" && event.operation === "connect");
  if (connect?.kind !== "gateway") return 0;
  const causes = new Set(
    events.map(
      (event) => event.kind === "gateway" && event.connectionId === connect.connectionId && event.cause,
    ),
  );
  return events.filter((event) => event.kind === "lambda" && event.cause && causes.has(event.cause)).length;
}
