import type { LocalCloudOptions } from "../../infra/local/cloud.ts";
import type { CloudEvent } from "../../infra/local/model.ts";
import { TestClouds } from "./cloud.ts";
import { MeterStream } from "./meter-stream.ts";
import { startStock } from "./stock.ts";
import type { Format, Listener } from "./wire-talk.ts";

/** An application on stock Socket.IO and on the local cloud, for plain WebSockets to talk to. */
export interface WireBench {
  readonly stock: Listener;
  readonly cloud: Listener;
  stop(): Promise<void>;
}

export async function startWireBench(app: string, format?: Format): Promise<WireBench> {
  const clouds = new TestClouds();
  // Questions that nobody answers occupy one worker each, for seconds.
  const options: LocalCloudOptions = { app, maxWorkersPerFunction: 10 };
  const { url, path, meter } = await clouds.start(options);
  const stock = await startStock(app).catch(async (error: unknown) => {
    await clouds.stop();
    throw error;
  });
  const stream = await MeterStream.open(url);
  let mark = meter.mark();
  return {
    stock: { target: stock, ...(format && { format }) },
    cloud: {
      target: { name: "cloud", url, path, stop: async () => undefined },
      begin: () => {
        mark = meter.mark();
      },
      handled: (frames) => stream.until(() => runsOfNewest(meter.events(mark)) >= frames),
      ...(format && { format }),
    },
    async stop() {
      stream.close();
      await clouds.stop();
      await stock.stop();
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
