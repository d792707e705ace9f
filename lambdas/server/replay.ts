import { describeError } from "./errors.ts";
import type { Invocation } from "./invocation.ts";
import { setOwn } from "./json.ts";
import { callConnectionListeners, runMiddlewares } from "./listening.ts";
import type { NamespaceCore } from "./namespace-core.ts";
import type { SocketView } from "./ports.ts";
import { countResources, grown, withTimers } from "./resources.ts";
import { SocketCore } from "./socket-core.ts";

/** A replay that takes longer goes on behind the event's back, with a warning; in milliseconds. */
const REPLAY_CAP_MS = 2_000;
/** How often a replay is looked at that has registered less than the first run, in milliseconds. */
const LOOK_AGAIN_MS = 5;

/** The socket of a row in this invocation: the one that runs already, or a new one without its handlers. */
export function coreOf(invocation: Invocation, nsp: NamespaceCore, view: SocketView): SocketCore {
  for (const running of invocation.sockets) {
    if (running.id === view.socket.id) return running;
  }
  const core = new SocketCore(invocation, nsp, view.connection, view.socket, "live");
  core.facade = nsp.server.facades.socket(core);
  core.connected = true;
  for (const [name, value] of Object.entries(core.savedProps.values())) setOwn(core.facade, name, value);
  return core;
}

/**
 * Gives the socket its handlers: runs the connection listeners again, with all effects through the socket and `io`
 * suppressed and with the answers of the first run, then puts the state back (RULES.md A).
 */
export async function replay(socket: SocketCore): Promise<void> {
  const { invocation } = socket;
  const idle = countResources(invocation.ports.activeResources());
  socket.stage = "replay";
  invocation.mode = "replay";
  const cap = new AbortController();
  const timeout = invocation.ports.clock.sleep(REPLAY_CAP_MS, cap.signal).then(() => "capped" as const);
  const outcome = await Promise.race([run(socket, idle, cap.signal), timeout]);
  cap.abort();
  if (outcome === "capped") {
    invocation.ports.log.warn(
      "SKY_LISTENER_UNSETTLED",
      `a connection listener was still not settled ${REPLAY_CAP_MS} ms after it ran again for an event; handlers that it registers later are missed. It must not wait for events of the client.`,
      { nsp: socket.nsp.name },
    );
  }
  reportDivergence(socket);
  socket.savedData.restore(socket.data);
  restoreProps(socket);
  socket.stage = "live";
  socket.ready = true;
  invocation.mode = "live";
}

async function run(
  socket: SocketCore,
  idle: ReturnType<typeof countResources>,
  capped: AbortSignal,
): Promise<"settled"> {
  if (socket.rerunMiddlewares) await runMiddlewares(socket, "replay");
  await Promise.all(callConnectionListeners(socket, "replay"));
  // Handlers that are registered after a promise nobody returns (`load().then(() => socket.on(…))`) are waited for too, as
  // long as something is going on that can lead to them.
  const { clock, activeResources } = socket.invocation.ports;
  const base = withTimers(idle, 1); // the cap's
  while (socket.trace.text.length < socket.firstTrace.length && !capped.aborted) {
    if (grown(base, activeResources()).length === 0) break;
    await clock.sleep(LOOK_AGAIN_MS, capped);
  }
  return "settled";
}

function reportDivergence(socket: SocketCore): void {
  if (socket.firstTrace === "") return; // the first run did nothing, or has not settled
  const difference = socket.trace.firstDifference(socket.firstTrace);
  if (difference === undefined) return;
  socket.invocation.ports.log.warn(
    "SKY_REPLAY_DIVERGED",
    `the connection listener did something else than when the client connected: ${difference}. It runs again before each event, so what it does may depend only on the socket (id, handshake, auth, data), not on the time, on chance or on the state of the module.`,
    { nsp: socket.nsp.name, socket: socket.id },
  );
}

function restoreProps(socket: SocketCore): void {
  try {
    socket.savedProps.restore(socket.facade as unknown as Record<string, unknown>);
  } catch (error) {
    socket.invocation.ports.log.warn("SKY_DATA_NOT_JSON", "a property of the socket could not be put back", {
      error: describeError(error),
    });
  }
}
