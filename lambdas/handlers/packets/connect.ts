import { randomBytes } from "node:crypto";
import { rememberChild } from "../../server/children.ts";
import { directivesSince, followDirectives } from "../../server/directives.ts";
import { disconnectSocket, endConnection, releaseEnded } from "../../server/ending.ts";
import { callConnectionListeners, runMiddlewares } from "../../server/listening.ts";
import { deleteMembers, memberships, putMembers, verifyMembers } from "../../server/membership.ts";
import type { NamespaceCore } from "../../server/namespace-core.ts";
import { offsetsFrom } from "../../server/offsets.ts";
import type { SocketRecord } from "../../server/ports.ts";
import { SocketCore, type SocketSeed } from "../../server/socket-core.ts";
import type { PacketContext } from "../context.ts";
import { refuseForLimit, TOO_MANY_NAMESPACES } from "./admission.ts";
import { awaitEnd } from "./await-open.ts";
import { closeConnection } from "./fault.ts";
import { refuse } from "./refuse.ts";
import { type Restored, restoreSession } from "./restore.ts";
import { sendMissed } from "./send-missed.ts";
import { enterRooms, newPid, restoredSeed, sessionExpiry } from "./session.ts";

/** How long the commit may take after the middlewares are done, in milliseconds; nobody waits for it longer. */
const COMMIT_MS = 10_000;
/** How long events wait for a connection listener that does not settle, in milliseconds. */
const LISTENER_CAP_MS = 10_000;
/** How long they wait for work that nobody awaits (`load().then(() => socket.on(…))`), in milliseconds. */
const LINGER_MS = 1_000;
/** A connection lives 2 h at most (API Gateway), in milliseconds; the store adds the margin for what comes late. */
const CONNECTION_LIFE_MS = 2 * 60 * 60 * 1_000;

/** `40`: a client connects to a namespace (docs/ARCHITECTURE.md). */
export async function handleConnectPacket(
  context: PacketContext,
  row: SocketRecord | undefined,
  { nsp, auth }: { readonly nsp: string; readonly auth: Record<string, unknown> },
): Promise<void> {
  const old = row && (await awaitEnd(context, row));
  // A second CONNECT to a namespace: stock closes the connection.
  if (old && old.phase !== "ended") return await closeConnection(context, "forced close");
  const namespace = await context.server.admit(context.invocation, nsp, auth);
  if (!namespace) return await refuse(context, nsp, { message: "Invalid namespace" });

  const restored = await restoreSession(context, nsp, auth, sessionExpiry(context));
  if (restored === "superseded") return await closeConnection(context, "forced close");
  const socket = newSocket(context, namespace, auth, restored);
  const skip = restored && context.server.options.recovery?.skipMiddlewares;
  const refusal = skip ? undefined : await runMiddlewares(socket, "live");
  if (refusal) {
    socket.reachable = false;
    return await refuse(context, nsp, { message: refusal.message, data: refusal.data });
  }
  // The client left the namespace and comes back on the same connection: its old memberships must not get its new events.
  if (old) await releaseEnded(context.invocation, { connection: context.connection, socket: old });
  await rememberChild(context.invocation, namespace);
  try {
    if (await begin(context, socket)) await open(context, socket, restored);
  } catch (error) {
    // Half connected is worse than not: the client would wait for what never comes. It is cut off, and comes again.
    await abandon(context, socket);
    throw error;
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
    token: randomBytes(6).toString("base64url"),
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
  socket.facade = nsp.server.facades.socket(socket);
  socket.drafting = true;
  return socket;
}

/** Puts the row, then makes sure that the connection is still there: an end that came before did not see the row. */
async function begin(context: PacketContext, socket: SocketCore): Promise<boolean> {
  const { ports, connection, server } = context;
  const place = server.dynamic.placeToKeep(socket.nsp);
  const began = await ports.store.beginSocket({
    ...socket.key,
    ...(place !== undefined && { place }),
    ...(socket.pid !== undefined && { pid: socket.pid, recovered: socket.recovered }),
    id: socket.id,
    token: socket.token,
    auth: socket.auth,
    deadline: ports.clock.now() + COMMIT_MS,
    expiresAt: connection.connectedAt + CONNECTION_LIFE_MS,
  });
  if (!began) {
    await closeConnection(context, "forced close"); // another CONNECT to the same namespace is running
    return false;
  }
  const now = await ports.store.readConnection(connection.connectionId, null);
  const within = now.socketCount <= server.options.maxNamespacesPerConnection;
  if (now.connection && !now.connection.bye && within) return true;
  await ports.store.dropSocket(socket.key, socket.id);
  if (!within) {
    // Of several CONNECTs at once, all may have been let in by what they first read. They have all put their rows before this look.
    await refuseForLimit(context, socket.nsp.name, TOO_MANY_NAMESPACES);
    return false;
  }
  await ports.gateway.close(connection.connectionId);
  return false;
}

/**
 * Runs the listeners and commits. `40` goes out after their synchronous part, when rooms and state are known, and before the
 * member rows are there: some clients drop, others keep, events that arrive before it. What the listeners emit waits for the
 * commit, so that it reaches the new socket too, and is never sent for a socket that did not come to be.
 */
async function open(
  context: PacketContext,
  socket: SocketCore,
  restored: Restored | undefined,
): Promise<void> {
  const { invocation, ports } = context;
  const { store } = ports;
  let opened = (): void => undefined;
  let failed = (_: Error): void => undefined;
  const gate = new Promise<void>((resolve, reject) => {
    opened = resolve;
    failed = reject;
  });
  invocation.hold(gate);
  socket.stage = "first";
  socket.connected = true;
  socket.ready = true;
  const rerunMiddlewares = socket.listeners.size > 0 || holdsUnsavable(socket);
  if (!restored) {
    socket.rooms.add(socket.id);
    socket.tokens.set(socket.id, socket.token);
  }
  const since = offsetsFrom(ports.clock.now());
  const settled = callConnectionListeners(socket, "live");
  // As on stock, where the packet that connects it is on its way: its volatile events of until now are lost.
  invocation.posts.noteBusy(socket.recipient);
  const { rooms, ...state } = takeDraft(socket);
  const { id: sid, pid } = socket;
  const data = pid === undefined ? { sid } : { sid, pid };
  let end: Awaited<ReturnType<typeof followDirectives>>;
  try {
    const entered = await enterRooms(context, socket, rooms, restored);
    const connected = context.server.codec.encode({ type: "connect", nsp: socket.nsp.name, data });
    const posted = await invocation.posts.send(socket.recipient, connected, { connects: true });
    const running = ports.clock.now() + LISTENER_CAP_MS + LINGER_MS;
    const commit = { ...entered, ...state, rerunMiddlewares, running };
    if (!posted || !(await store.openSocket(socket.key, socket.id, commit))) {
      failed(new Error("the client went away while it was connecting"));
      return await abandon(context, socket);
    }
    await putMembers(socket, memberships(socket));
    end = await followDirectives(socket, restored ? directivesSince(restored.row) : since);
    if (restored && !end) await sendMissed(context, socket, { offset: restored.offset, posted: [] });
  } catch (error) {
    failed(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
  opened();
  if (end) await disconnectSocket(socket, end === "close");
  await settle(context, socket, settled);
}

/** Something that middlewares left on the socket and no row can hold: they run again in each replay. */
function holdsUnsavable(socket: SocketCore): boolean {
  return (
    socket.savedData.holdsMore(socket.data) ||
    socket.savedProps.holdsMore(socket.facade) ||
    socket.link.watched.changed.length > 0
  );
}

/** The rooms and the state so far become the commit's; what changes from here on is written by itself. */
function takeDraft(socket: SocketCore): Pick<SocketRecord, "rooms" | "data" | "props"> {
  socket.drafting = false;
  const rooms = Object.fromEntries(socket.tokens);
  socket.noteSaved();
  return { rooms, data: socket.savedData.json(), props: socket.savedProps.json() };
}

async function abandon(
  { server, invocation, connection, ports }: PacketContext,
  socket: SocketCore,
): Promise<void> {
  const { connectionId } = connection;
  socket.reachable = false;
  socket.close();
  try {
    await ports.store.dropSocket(socket.key, socket.id);
    await endConnection(server, invocation, { connectionId, members: [] }, "transport close", {
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
): Promise<void> {
  const done = new AbortController();
  const capped = ports.clock.sleep(LISTENER_CAP_MS, done.signal).then(() => {
    if (done.signal.aborted) return;
    ports.log.warn(
      "SKY_LISTENER_UNSETTLED",
      `a connection listener has not settled after ${LISTENER_CAP_MS} ms; the client's events wait no longer for it. It must not wait for events of the client.`,
      { nsp: socket.nsp.name },
    );
  });
  await Promise.race([Promise.all(listeners), capped]);
  done.abort();
  socket.trace.settle();
  await invocation.quiet(LINGER_MS);
  socket.stage = "live";
  const run = { trace: socket.trace.text, answers: socket.answers.toRow() };
  const rooms = await ports.store.settleSocket(socket.key, socket.id, run);
  if (!rooms) {
    // It ended meanwhile, perhaps before our member rows were there: its end did not see them.
    await deleteMembers(socket, memberships(socket));
    return;
  }
  // Others may have made it leave (socketsLeave) before our member rows were there.
  await verifyMembers(
    socket,
    [...socket.tokens].filter(([room, token]) => rooms[room] !== token),
  );
}
