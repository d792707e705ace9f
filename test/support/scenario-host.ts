import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Target } from "./scenario-target.ts";
import { portOf } from "./stock.ts";

const HOST = fileURLToPath(new URL("light-host.ts", import.meta.url));

/**
 * Runs an application module on the in-process host, in a process of its own: neither synthesized nor bundled.
 * @param ordered a connection's frames are handled one after the other
 */
export async function startHostTarget(app: string, ordered = false): Promise<Target> {
  const tsx = createRequire(import.meta.url).resolve("tsx");
  const child = spawn(process.execPath, ["--import", tsx, HOST, app, ...(ordered ? ["ordered"] : [])], {
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
