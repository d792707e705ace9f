import { randomBytes } from "node:crypto";
import { callConnectionListeners, runMiddlewares } from "../../server/application/run-listeners.ts";
import { rememberChild } from "../../server/broadcast/child-namespaces.ts";
import { directivesSince, followDirectives } from "../../server/broadcast/directives.ts";
import { closedGate } from "../../server/common/gate.ts";
import { offsetsFrom } from "../../server/common/offsets.ts";
import type { NamespaceCore } from "../../server/declared/namespace-core.ts";
import { callCloseListeners } from "../../server/ending/closing.ts";
import { disconnectSocket, endConnection, releaseEnded } from "../../server/ending/ending.ts";
import { scopes } from "../../server/invocation/scope.ts";
import { CONNECTION_LIFE_MS } from "../../server/ports/gateway.ts";
import type { SocketRecord } from "../../server/ports/sockets.ts";
import { verifyMembers } from "../../server/rooms/joining.ts";
import { deleteMembers, putMembers } from "../../server/rooms/member-rows.ts";
import { newMembershipToken } from "../../server/socket/memberships.ts";
import { SocketCore, type SocketSeed } from "../../server/socket/socket-core.ts";
import type { PacketContext } from "../context.ts";
import { closeConnection } from "../packets/fault.ts";
import { refuseForLimit, TOO_MANY_NAMESPACES } from "./admission.ts";
import { awaitOldEnd } from "./await-open.ts";
import { refuseConnect } from "./refuse.ts";
import { type Restored, restoreSession } from "./restore.ts";
import { sendMissed } from "./send-missed.ts";
import { enterRooms, newPid, restoredSeed, sessionExpiry, storeSession } from "./session.ts";
import { sharedBefore } from "./shared-before.ts";

/** How long the commit may take after the middlewares are done, in milliseconds; nobody waits for it longer. */
const COMMIT_MS = 10_000;
/** How long events wait for a connection listener that does not settle, in milliseconds. */
const LISTENER_CAP_MS = 10_000;
/** How long they wait for work that nobody awaits (`load().then(() => socket.on(…))`), in milliseconds. */
const LINGER_MS = 1_000;

/** `40`: a client connects to a namespace (docs/architecture/life.md). */
export async function handleConnectPacket(
  context: PacketContext,
  row: SocketRecord | undefined,
  packet: ConnectPacket,
): Promise<void> {
  const { invocation, stay } = context;
  if (!stay) return await connect(context, row, packet);
  await scopes.run({ invocation, mode: "live", stay }, () => connect(context, row, packet));
}

interface ConnectPacket {
  readonly nsp: string;
  readonly auth: Record<string, unknown>;
}

async function connect(
  context: PacketContext,
  row: SocketRecord | undefined,
  { nsp, auth }: ConnectPacket,
): Promise<void> {
  // With a stay, that was waited for before.
  const old = row && !context.stay ? await awaitOldEnd(context, row) : row;
  // A second CONNECT to a namespace: stock closes the connection.
  if (old && old.phase !== "ended") return await closeConnection(context, "forced close");
  const namespace = await context.server.admit(context.invocation, nsp, auth);
  if (!namespace) return await refuseConnect(context, nsp, { message: "Invalid namespace" });

  const restored = await restoreSession(context, nsp, auth, sessionExpiry(context));
  if (restored === "superseded") return await closeConnection(context, "forced close");
  const shared = await sharedBefore(context, namespace, old);
  const socket = newSocket(context, namespace, auth, restored);
  const skip = restored && context.server.options.recovery?.skipMiddlewares;
  const refusal = skip ? undefined : await runMiddlewares(socket, "live");
  if (refusal) {
    socket.life.mute();
    shared.putBack();
    return await refuseConnect(context, nsp, { message: refusal.message, data: refusal.data });
  }
  // The client left the namespace and comes back on the same connection: its old memberships must not get its new events.
  if (old) await releaseEnded(context.invocation, old);
  await rememberChild(context.invocation, namespace);
  // Whoever knows of the client by its `connect` may tell it something from here on.
  const since = offsetsFrom(context.ports.clock.now());
  let open = false;
  try {
    shared.note(socket.id);
    const begun = await begin(context, socket, restored);
    if (begun === "refused") return;
    open = begun === "begun" && (await enterNamespace(context, socket, restored, since));
    if (!open) await abandon(context, socket);
  } catch (error) {
    // Half connected is worse than not: the client would wait for what never comes. It is cut off, and comes again.
    await abandon(context, socket);
    throw error;
  } finally {
    if (!open) shared.undo(socket.id);
  }
}

function newSocket(
  context: PacketContext,
  nsp: NamespaceCore,
  auth: Record<string, unknown>,
  restored: Restored | undefined,
): SocketCore {
  const { invocation, connection, server } = context;
  const fresh = {
    id: randomBytes(15).toString("base64url"),
    token: newMembershipToken(),
    data: {},
    rooms: {},
    ...(server.options.recovery && { pid: newPid() }),
  };
  const seed: SocketSeed = {
    connectionId: connection.connectionId,
    nsp: nsp.name,
    auth: JSON.stringify(auth),
    props: {},
    spent: [],
    answers: [],
    trace: "",
    rerunMiddlewares: false,
    ...(restored ? restoredSeed(context, restored) : fresh),
  };
  const socket = new SocketCore(invocation, nsp, connection, seed, "middleware");
  return socket;
}

/**
 * Puts the row, makes sure that the connection is still there (an end that came before did not see the row), and answers. As on
 * stock, the answer goes out before the listeners run: they do not for a client that left while a middleware was at work, even
 * if its $disconnect has not been handled yet. And before the member rows are there: some clients drop, others keep, events that
 * arrive before it.
 */
async function begin(
  context: PacketContext,
  socket: SocketCore,
  restored: Restored | undefined,
): Promise<"begun" | "gone" | "refused"> {
  const { ports, connection, server } = context;
  const place = server.dynamic.placeToKeep(socket.nsp);
  const began = await ports.store.beginSocket({
    ...socket.key,
    ...(place !== undefined && { place }),
    ...(socket.pid !== undefined && { pid: socket.pid, recovered: socket.recovered }),
    id: socket.id,
    token: socket.memberships.token,
    auth: socket.auth,
    deadline: ports.clock.now() + COMMIT_MS,
    expiresAt: connection.connectedAt + CONNECTION_LIFE_MS, // the store adds the margin for what comes late
  });
  if (!began) {
    await closeConnection(context, "forced close"); // another CONNECT to the same namespace is running
    return "gone";
  }
  const now = await ports.store.readConnection(connection.connectionId, null);
  if (!now.connection || now.connection.bye) return "gone";
  if (now.socketCount > server.options.maxNamespacesPerConnection) {
    // Of several CONNECTs at once, all may have been let in by what they first read. They have all put their rows before this look.
    socket.life.mute();
    await ports.store.dropSocket(socket.key, socket.id);
    await refuseForLimit(context, socket.nsp.name, TOO_MANY_NAMESPACES);
    return "refused";
  }
  if (!restored) await storeSession(context, socket);
  return socket.pid !== undefined || (await answer(context, socket)) ? "begun" : "gone";
}

/** With recovery on this comes right before the commit: who has the answer may come back for its session. */
async function answer({ server, invocation }: PacketContext, socket: SocketCore): Promise<boolean> {
  const { id: sid, pid, nsp } = socket;
  const data = pid === undefined ? { sid } : { sid, pid };
  const frames = server.codec.encode({ type: "connect", nsp: nsp.name, data });
  return await invocation.posts.send(socket.recipient, frames, { connects: true });
}

/**
 * Runs the listeners, and commits when their synchronous part has run: rooms and state are known then. What the listeners emit
 * waits for that, so that it reaches the new socket too.
 * @param since an offset of before the client's answer
 * @returns false if the connection has ended meanwhile
 */
async function enterNamespace(
  context: PacketContext,
  socket: SocketCore,
  restored: Restored | undefined,
  since: string,
): Promise<boolean> {
  const { invocation } = context;
  const entered = closedGate();
  invocation.delayEffects(entered.opened);
  // Something that middlewares left on the socket and no row can hold: they run again in each replay.
  const rerunMiddlewares =
    socket.listeners.size > 0 || socket.state.hasUnsavable || socket.client.rebuilt.changed.length > 0;
  socket.life.beginFirstRun();
  if (!restored) socket.memberships.enter([[socket.id, socket.memberships.token]]);
  const settled = callConnectionListeners(socket, "live");
  // As on stock, where the packet that connects it is on its way: its volatile events of until now are lost.
  invocation.posts.noteBusy(socket.recipient);
  let end: Awaited<ReturnType<typeof followDirectives>>;
  try {
    if (!(await commit(context, socket, restored, rerunMiddlewares))) return false;
    end = await becomeVisible(context, socket, restored, since);
  } finally {
    entered.open(); // also if it failed: the listeners have run, and what they emit to others is emitted, as on stock
  }
  if (end) await disconnectSocket(socket, end === "close");
  await settle(context, socket, settled, rerunMiddlewares);
  return true;
}

async function commit(
  context: PacketContext,
  socket: SocketCore,
  restored: Restored | undefined,
  rerunMiddlewares: boolean,
): Promise<boolean> {
  const { rooms, ...state } = takeDraft(socket);
  const { store, clock } = context.ports;
  const entered = await enterRooms(socket, rooms, restored);
  if (socket.pid !== undefined && !(await answer(context, socket))) return false;
  const running = clock.now() + LISTENER_CAP_MS + LINGER_MS;
  return await store.openSocket(socket.key, socket.id, { ...entered, ...state, rerunMiddlewares, running });
}

/**
 * Puts the member rows, from which on emitters see the socket; then does what it was told before they were there, and sends
 * what its session missed.
 * @returns how it is to end, if it is
 */
async function becomeVisible(
  context: PacketContext,
  socket: SocketCore,
  restored: Restored | undefined,
  since: string,
): ReturnType<typeof followDirectives> {
  await putMembers(socket, socket.memberships.all());
  const end = await followDirectives(socket, restored ? directivesSince(restored.row) : since);
  if (restored && !end) await sendMissed(context, socket, { offset: restored.offset, posted: [] });
  return end;
}

/** The rooms and the state so far become the commit's; what changes from here on is written by itself. */
function takeDraft(socket: SocketCore): Pick<SocketRecord, "rooms" | "data" | "props"> {
  socket.life.endDraft();
  const rooms = socket.memberships.tokens;
  socket.state.noteSaved();
  return { rooms, ...socket.state.json };
}

/**
 * The client has left, or must leave. If the listeners have run, the end of the connection runs those of `disconnect`, here or
 * where it has begun; else nobody but this invocation knows of the socket.
 */
async function abandon(
  { server, invocation, connection, ports }: PacketContext,
  socket: SocketCore,
): Promise<void> {
  const { connectionId } = connection;
  socket.life.mute();
  if (!socket.life.ready) callCloseListeners(socket, "transport close");
  try {
    if (!socket.life.ready) await ports.store.dropSocket(socket.key, socket.id);
    await endConnection(server, invocation, {
      connectionId,
      members: [],
      reason: "transport close",
      close: true,
    });
  } catch (error) {
    await ports.gateway.close(connectionId); // whatever the table says: the client must notice
    throw error;
  }
}

/** Waits for the listeners, keeps what their replays need, and lets the waiting events go. */
async function settle(
  { invocation, ports }: PacketContext,
  socket: SocketCore,
  listeners: readonly Promise<void>[],
  rerunMiddlewares: boolean,
): Promise<void> {
  const done = new AbortController();
  const capped = ports.clock.sleep(LISTENER_CAP_MS, done.signal).then(() => {
    if (done.signal.aborted) return;
    ports.log.warn(
      "SKY_LISTENER_UNSETTLED",
      `a connection listener has not settled after ${LISTENER_CAP_MS} ms; the client's events no longer wait for it. It must not wait for events of the client.`,
      { nsp: socket.nsp.name },
    );
  });
  await Promise.race([Promise.all(listeners), capped]);
  done.abort();
  socket.trace.settle();
  await invocation.quiet(LINGER_MS);
  socket.life.endRun();
  const run = { trace: socket.trace.text, answers: socket.answers.toRow() };
  socket.noteFirstRun({ trace: run.trace, rerunMiddlewares });
  const rooms = await ports.store.settleSocket(socket.key, socket.id, run);
  if (!rooms) {
    // It ended meanwhile, perhaps before our member rows were there: its end did not see them.
    await deleteMembers(socket, socket.memberships.all());
    return;
  }
  // Others may have made it leave (socketsLeave) before our member rows were there.
  await verifyMembers(
    socket,
    Object.entries(socket.memberships.tokens).filter(([room, token]) => rooms[room] !== token),
  );
}
