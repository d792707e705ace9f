import { Server } from "../../lambdas/server/api/index.ts";
import { coreOfServer } from "../../lambdas/server/api/server.ts";
import type { ServerOptions } from "../../lambdas/server/declared/options.ts";
import { createMemoryStore } from "../../lambdas/store/memory/store.ts";
import { Harness, realClock, type Wire } from "./harness.ts";
import { eventsOf } from "./recovering-client.ts";

/** Rows of a log that are read at once. */
export const PAGE = 100;
/** More than the tolerance for clocks that differ. */
const SPACED_MS = 200;

/** What the application declares, and where it notes for each connection whether it was recovered. */
export type Declare = (io: Server, recovered?: boolean[]) => void;

/** Rooms that everybody can speak to, join and leave. */
export const chat: Declare = (io, recovered = []) => {
  io.on("connection", (socket) => {
    if (!socket.replayed) recovered.push(socket.recovered);
    if (!socket.recovered) socket.join("lobby");
    socket.on("say", (room: string, text: string) => {
      io.to(room).emit("said", text);
    });
    socket.on("others", (text: string) => {
      socket.broadcast.emit("said", text);
    });
    socket.on("all", (text: string) => {
      io.emit("said", text);
    });
    socket.on("join", (room: string) => {
      socket.join(room);
    });
    socket.on("leave", (room: string) => {
      socket.leave(room);
    });
    socket.on("echo", (text: string) => {
      socket.emit("echoed", text);
    });
    socket.on("set", (key: string, value: unknown) => {
      socket.data[key] = value;
    });
    socket.on("get", (ack: (state: object) => void) => {
      ack({ rooms: [...socket.rooms].sort(), data: socket.data, recovered: socket.recovered, id: socket.id });
    });
  });
};

/** The function with recovery on, whose time passes as the test says. */
export function startRecovery(
  options: ServerOptions["connectionStateRecovery"] = {},
  declare: Declare = chat,
) {
  const recovered: boolean[] = [];
  let now = Date.now();
  const clock = {
    ...realClock,
    /** Milliseconds that pass with each look at the clock. */
    costOfLook: 0,
    now: () => {
      now += clock.costOfLook;
      return now;
    },
    sleep: async (ms: number, signal?: AbortSignal) => {
      await realClock.sleep(ms, signal);
      if (!signal?.aborted) now += ms;
    },
  };
  const app = (): Server => {
    const io = new Server({ connectionStateRecovery: options });
    declare(io, recovered);
    return io;
  };
  const keepEndedMs = coreOfServer(app())?.options.recovery?.keepEndedMs ?? 0;
  const store = createMemoryStore({ clock: { now: () => now }, keepEndedMs, logPageSize: PAGE });
  const harness = new Harness({ app, ports: { clock, store } });
  const pass = (ms: number): void => {
    now += ms;
  };
  // What happens at nearly the same time may arrive twice; here everything is spaced.
  const invoke = harness.invoke.bind(harness);
  harness.invoke = (event) => {
    pass(SPACED_MS);
    return invoke(event);
  };
  return { harness, recovered, pass, clock, store: harness.store };
}

/** The network is cut: the client is gone, and API Gateway notices. */
export async function cut(harness: Harness, wire: Wire): Promise<void> {
  await wire.close(1006);
  await harness.settled();
}

/** What was said, in the order of its arrival. */
export const texts = (wire: Pick<Wire, "frames">): unknown[] => eventsOf(wire).map(([, text]) => text);
