import { fileURLToPath } from "node:url";
import type { LocalCloud } from "../../infra/local/cloud.ts";
import type { LogLine } from "../../infra/local/model.ts";
import { TestClouds } from "../support/cloud.ts";

const APP = fileURLToPath(new URL("../apps/soak.ts", import.meta.url));

/** A local cloud with the application of the soak. */
export class SoakCloud {
  readonly cloud: LocalCloud;
  readonly #clouds: TestClouds;
  readonly #listeners: Set<(line: string) => void>;

  private constructor(cloud: LocalCloud, clouds: TestClouds, listeners: Set<(line: string) => void>) {
    this.cloud = cloud;
    this.#clouds = clouds;
    this.#listeners = listeners;
  }

  /** @param seed of the chaos */
  static async start(seed: number, onLog: (line: LogLine) => void = () => undefined): Promise<SoakCloud> {
    const clouds = new TestClouds();
    const listeners = new Set<(line: string) => void>();
    const cloud = await clouds.start({
      app: APP,
      maxWorkersPerFunction: 40,
      chaos: { seed },
      onLog: (line) => {
        onLog(line);
        for (const listener of listeners) listener(line.text);
      },
    });
    return new SoakCloud(cloud, clouds, listeners);
  }

  listen(take: (line: string) => void): () => void {
    this.#listeners.add(take);
    return () => this.#listeners.delete(take);
  }

  async stop(): Promise<void> {
    await this.#clouds.stop();
  }
}
