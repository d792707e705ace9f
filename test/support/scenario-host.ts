import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Target } from "./scenario-target.ts";
import { portOf } from "./stock.ts";

const HOST = fileURLToPath(new URL("light-host.ts", import.meta.url));

/** Runs an application module on the in-process host, in a process of its own: neither synthesized nor bundled. */
export async function startHostTarget(app: string): Promise<Target> {
  const tsx = createRequire(import.meta.url).resolve("tsx");
  const child = spawn(process.execPath, ["--import", tsx, HOST, app], {
    // Its log says what scenarios do on purpose.
    stdio: ["ignore", "inherit", process.env.TRACE ? "inherit" : "ignore", "ipc"],
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async () => {
    child.kill();
    await exited;
  };
  try {
    return { name: "host", url: `http://127.0.0.1:${await portOf(child)}`, path: "/prod", stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
