import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface Sink {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Starts a process of one of the sinks in this directory, which prints its port.
 * @param args for it
 */
export async function startSink(file: string, ...args: readonly string[]): Promise<Sink> {
  const child = spawn(process.execPath, [fileURLToPath(new URL(file, import.meta.url)), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [port] = await once(child.stdout, "data");
  return {
    url: `http://127.0.0.1:${String(port).trim()}`,
    async stop() {
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    },
  };
}
