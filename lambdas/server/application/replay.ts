import type { NamespaceCore } from "../declared/namespace-core.ts";
import type { Invocation } from "../invocation/invocation.ts";
import { countResources, grown, type ResourceCount, withTimers } from "../invocation/resources.ts";
import type { SocketView } from "../ports/sockets.ts";
import { SocketCore, socketsOf } from "../socket/socket-core.ts";
import { callConnectionListeners, runMiddlewares } from "./run-listeners.ts";

/** A replay that takes longer goes on behind the event's back, with a warning; in milliseconds. */
const REPLAY_CAP_MS = 2_000;
/** How long such a replay is given before the process is asked whether anything is still going on, in milliseconds. */
const GRACE_MS = 250;
/** How often a replay is looked at that has registered less than the first run, in milliseconds. */
const LOOK_AGAIN_MS = 5;

/** The socket of a row in this invocation: the one that runs already, or a new one without its handlers. */
export function coreOf(invocation: Invocation, nsp: NamespaceCore, view: SocketView): SocketCore {
  for (const running of socketsOf(invocation)) {
    // A session that goes on here has its id from a socket that ended in this very invocation.
    if (running.id === view.socket.id && running.key.connectionId === view.socket.connectionId)
      return running;
  }
  const core = new SocketCore(invocation, nsp, view.connection, view.socket, "live");
  return core;
}

export interface ReplayOptions {
  /** False of a socket whose CONNECT died: there is no state, then it is what middlewares and listeners set now. */
  readonly committed?: boolean;
  /** What it does to shared variables counts: its CONNECT died before that was kept. */
  readonly shares?: boolean;
}

/**
 * Gives the socket its handlers: runs the connection listeners again, with all effects through the socket and `io`
 * suppressed and with the answers of the first run, then puts the state back (docs/ARCHITECTURE.md, Replay), that of shared
 * variables too.
 */
export async function replay(
  socket: SocketCore,
  { committed = true, shares = false }: ReplayOptions = {},
): Promise<void> {
  const { invocation } = socket;
  const tenure = invocation.tenures.heldOf(socket.nsp.shared);
  const before = tenure?.capture();
  socket.life.beginReplay();
  invocation.mode = "replay";
  const idle = countResources(invocation.ports.activeResources());
  if (socket.rerunMiddlewares || !committed) {
    socket.replayWaits = true;
    await within(socket, (signal) => rerun(socket, idle, signal));
  } else {
    const pending = callConnectionListeners(socket, "replay");
    // Most listeners are synchronous: then there is nothing to wait for, and no timer to pay for.
    if (pending.length > 0 || socket.trace.registeredLess(socket.firstTrace)) {
      socket.replayWaits = true;
      await within(socket, (signal) => settled(socket, pending, idle, signal));
    }
  }
  reportDivergence(socket);
  if (committed) socket.state.restore();
  else socket.state.noteSaved();
  if (before && !shares) tenure?.putBack(before);
  socket.client.rebuilt.noteReplay();
  socket.life.endRun();
  invocation.mode = "live";
}

/** Waits for the replay, but not longer than the cap. */
async function within(socket: SocketCore, work: (capped: AbortSignal) => Promise<void>): Promise<void> {
  const { clock, log } = socket.invocation.ports;
  const cap = new AbortController();
  let done = false;
  const worked = work(cap.signal).then(() => {
    done = true;
  });
  await Promise.race([worked, clock.sleep(REPLAY_CAP_MS, cap.signal)]);
  cap.abort();
  if (done) return;
  log.warn(
    "SKY_LISTENER_UNSETTLED",
    `a connection listener had not settled ${REPLAY_CAP_MS} ms after it ran again for an event; handlers that it registers later are missing. It must not wait for events of the client.`,
    { nsp: socket.nsp.name },
  );
}

async function rerun(socket: SocketCore, idle: ResourceCount, capped: AbortSignal): Promise<void> {
  await runMiddlewares(socket, "replay");
  await settled(socket, callConnectionListeners(socket, "replay"), idle, capped);
}

/**
 * Handlers that are registered after a promise nobody returns (`load().then(() => socket.on(…))`) are waited for too, as long
 * as something is going on that can lead to them.
 */
async function settled(
  socket: SocketCore,
  listeners: readonly Promise<void>[],
  idle: ResourceCount,
  capped: AbortSignal,
): Promise<void> {
  const { clock, activeResources } = socket.invocation.ports;
  await Promise.all(listeners);
  socket.trace.settle();
  const base = withTimers(idle, 1); // the cap's
  const since = clock.now();
  while (!capped.aborted && socket.trace.registeredLess(socket.firstTrace)) {
    // Counts say little at once: a timer that somebody else left behind may end while ours begins.
    const hopeful =
      clock.now() - since < GRACE_MS || grown(base, countResources(activeResources())).length > 0;
    if (!hopeful) return;
    await clock.sleep(LOOK_AGAIN_MS, capped);
  }
}

function reportDivergence(socket: SocketCore): void {
  if (socket.firstTrace === "") return; // the first run did nothing, or has not settled
  const difference = socket.trace.firstDifference(socket.firstTrace);
  if (difference === undefined) return;
  socket.invocation.ports.log.warn(
    "SKY_REPLAY_DIVERGED",
    `the connection listener did not do the same as when the client connected: ${difference}. It runs again before each event, so what it does may depend only on the socket (id, handshake, auth, data), not on the time, on chance or on the state of the module.`,
    { nsp: socket.nsp.name, socket: socket.id },
  );
}
