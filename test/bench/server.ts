/**
 * What a stock Socket.IO server uses for the same chat, so that docs/WHEN-NOT.md can say how far a small one goes.
 * Alone: `node --import tsx test/bench/server.ts`
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { io, type Socket } from "socket.io-client";
import { runAlone } from "./support/alone.ts";
import { median, round } from "./support/stats.ts";

const HOST = fileURLToPath(new URL("support/server-host.ts", import.meta.url));
const RUNS = 5;
const ROOMS = 100;
const MEMBERS = 10;
/** Of each member in each run. */
const MESSAGES = 5;

export interface ServerUse {
  readonly stock_server: {
    /** Microseconds of CPU for a message that goes to nine others, median. */
    readonly message_cpu_us: number;
    /** Kilobytes of memory for a connection that is in a room. */
    readonly connection_kb: number;
    readonly runs: number;
  };
}

interface Use {
  readonly cpuMicros: number;
  readonly bytes: number;
}

export async function benchServer(): Promise<ServerUse> {
  const host = fork(HOST, { execArgv: ["--import", "tsx", "--expose-gc"] });
  const sockets: Socket[] = [];
  try {
    const { port } = await answer<{ port: number }>(host);
    const before = await used(host);
    for (let room = 0; room < ROOMS; room++) sockets.push(...(await enter(port, `room ${room}`)));
    const connected = await used(host);
    // The first one is for the compiler.
    const runs: number[] = [];
    for (let run = -1; run < RUNS; run++) {
      const cpu = await chat(host, sockets);
      if (run >= 0) runs.push(cpu);
    }
    return {
      stock_server: {
        message_cpu_us: round(median(runs)),
        connection_kb: round((connected.bytes - before.bytes) / sockets.length / 1000),
        runs: RUNS,
      },
    };
  } finally {
    for (const socket of sockets) socket.disconnect();
    host.kill();
  }
}

async function answer<T>(host: ChildProcess): Promise<T> {
  const [message] = await once(host, "message");
  return message;
}

function used(host: ChildProcess): Promise<Use> {
  host.send("use");
  return answer<Use>(host);
}

/** The members of a room, each on a connection of its own. */
function enter(port: number, room: string): Promise<readonly Socket[]> {
  const members = Array.from({ length: MEMBERS }, () =>
    io(`ws://127.0.0.1:${port}`, { transports: ["websocket"], forceNew: true, auth: { room } }),
  );
  return Promise.all(
    members.map((socket) => new Promise<Socket>((resolve) => socket.once("connect", () => resolve(socket)))),
  );
}

/** Everybody writes, and everybody hears the nine others. Resolves to the server's CPU time for a message. */
async function chat(host: ChildProcess, sockets: readonly Socket[]): Promise<number> {
  const before = await used(host);
  const heard = Promise.all(
    sockets.map((socket) => {
      let left = (MEMBERS - 1) * MESSAGES;
      return new Promise<void>((resolve) => {
        socket.on("message", () => {
          if (--left === 0) {
            socket.off("message");
            resolve();
          }
        });
      });
    }),
  );
  for (let n = 0; n < MESSAGES; n++) for (const socket of sockets) socket.emit("message", `hello ${n}`);
  await heard;
  const after = await used(host);
  return (after.cpuMicros - before.cpuMicros) / (sockets.length * MESSAGES);
}

await runAlone(import.meta.url, benchServer);
