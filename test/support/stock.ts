import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { Target } from "./scenario-target.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const HOST = fileURLToPath(new URL("stock-host.ts", import.meta.url));

/** Runs an application module, with `skysocket` exchanged for `socket.io`, on stock Socket.IO in a process of its own. */
export async function startStock(app: string): Promise<Target> {
  // Inside node_modules, which is not in Git, so that the bundle's `socket.io` is the very one that the host checks with instanceof.
  const directory = await mkdtemp(join(ROOT, "node_modules", ".stock-"));
  const bundle = join(directory, "app.mjs");
  await build({
    entryPoints: [app],
    outfile: bundle,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    alias: { skysocket: "socket.io" },
    external: ["socket.io"],
    logLevel: "silent",
  });
  const tsx = createRequire(import.meta.url).resolve("tsx");
  const child = spawn(process.execPath, ["--import", tsx, HOST, bundle], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async () => {
    child.kill();
    await exited;
    await rm(directory, { recursive: true, force: true });
  };
  try {
    return { name: "stock", url: `http://127.0.0.1:${await portOf(child)}`, path: "/prod", stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What a host's process says when it listens. */
export function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("message", (message) => {
      if (typeof message === "object" && "port" in message && typeof message.port === "number") {
        resolve(message.port);
      } else {
        reject(new Error(`the server said ${JSON.stringify(message)} instead of its port`));
      }
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the server ended with code ${code} while starting`)));
  });
}
