import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type LocalCloud, type LocalCloudOptions, startLocalCloud } from "../../infra/local/cloud.ts";
import { synthesize } from "../../infra/local/synth.ts";
import { ACCOUNT_THROTTLE } from "./account-throttle.ts";
import { assemblyOf, isKept } from "./assemblies.ts";

const EXAMPLE = fileURLToPath(new URL("../../lambdas/app.ts", import.meta.url));

type Props = Pick<LocalCloudOptions, "ordered" | "routeResponses">;

/** Local clouds for the tests of one file, which share what is synthesized and are all stopped in the end. */
export class TestClouds {
  readonly #assemblies = new Map<string, Promise<string>>();
  readonly #directories: string[] = [];
  readonly #clouds = new Set<LocalCloud>();

  /** Starts a cloud; an application that was synthesized before in this file, and has not changed, is not synthesized again. */
  async start(options: LocalCloudOptions = {}): Promise<LocalCloud> {
    const { app = EXAMPLE, ordered, routeResponses, assembly, ...rest } = options;
    const cloud = await startLocalCloud({
      ...rest,
      assembly: assembly ?? (await this.#assembly(app, { ordered, routeResponses })),
    });
    this.#clouds.add(cloud);
    return cloud;
  }

  /** Stops the clouds that still run and removes the assemblies: to be called in `afterAll`. */
  async stop(): Promise<void> {
    await this.stopClouds();
    // A synthesis that failed has been told to whoever started a cloud with it.
    await Promise.allSettled(this.#assemblies.values());
    for (const directory of this.#directories) await rm(directory, { recursive: true, force: true });
  }

  /** Stops the clouds that still run and keeps the assemblies: for `afterEach`. */
  async stopClouds(): Promise<void> {
    const clouds = [...this.#clouds];
    this.#clouds.clear();
    await Promise.all(clouds.map((cloud) => cloud.stop()));
  }

  #assembly(app: string, props: Props): Promise<string> {
    const path = resolve(app);
    const hash = createHash("sha256").update(readFileSync(path)).digest("hex");
    const key = `${path} ${hash} ${props.ordered} ${props.routeResponses}`;
    const known = this.#assemblies.get(key);
    if (known) return known;
    const made = this.#synthesize(path, props);
    this.#assemblies.set(key, made);
    return made;
  }

  async #synthesize(app: string, { ordered, routeResponses }: Props): Promise<string> {
    const options = {
      app,
      ...(ordered !== undefined && { ordered }),
      ...(routeResponses !== undefined && { routeResponses }),
      throttle: ACCOUNT_THROTTLE,
    };
    if (isKept(app)) return await assemblyOf(options);
    // A test's own, which may change, and import anything.
    const directory = await mkdtemp(join(tmpdir(), "skysocket-test-"));
    this.#directories.push(directory);
    const outdir = join(directory, "cdk.out");
    await synthesize({ ...options, outdir });
    return outdir;
  }
}
