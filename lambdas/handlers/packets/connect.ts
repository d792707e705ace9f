import { randomBytes } from "node:crypto";
import { encodeFrames } from "../../protocol/packets.ts";
import { rememberChild } from "../../server/children.ts";
import { endConnection, releaseEnded } from "../../server/ending.ts";
import { callConnectionListeners, runMiddlewares } from "../../server/listening.ts";
import { deleteMembers, memberships, putMembers, verifyMembers } from "../../server/membership.ts";
import type { NamespaceCore } from "../../server/namespace-core.ts";
import type { SocketRecord } from "../../server/ports.ts";
import { SocketCore, type SocketSeed } from "../../server/socket-core.ts";
import type { PacketContext } from "../context.ts";
import { awaitEnd } from "./await-open.ts";
import { closeConnection } from "./fault.ts";

/** How long the commit may take after the middlewares are done, in milliseconds; nobody waits for it longer. */
const COMMIT_MS = 10_000;
/** How long events wait for a connection listener that does not settle, in milliseconds. */
const LISTENER_CAP_MS = 10_000;
/** How long they wait for work that nobody awaits (`load().then(() => socket.on(…))`), in milliseconds. */
const LINGER_MS = 1_000;
/** A connection lives 2 h at most (API Gateway), whatever its clock says a little more; in milliseconds. */
const CONNECTION_LIFE_MS = 2 * 60 * 60 * 1_000 + 10 * 60 * 1_000;

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

  const socket = newSocket(context, namespace, auth);
  const refusal = await runMiddlewares(socket, "live");
  if (refusal) {
    socket.reachable = false;
    return await refuse(context, nsp, { message: refusal.message, data: refusal.data });
  }
  // The client left the namespace and comes back on the same connection: its old memberships must not get its new events.
  if (old) await releaseEnded(context.invocation, { connection: context.connection, socket: old });
  await rememberChild(context.invocation, namespace);
  try {
    if (await begin(context, socket)) await open(context, socket);
  } catch (error) {
    // Half connected is worse than not: the client would wait for what never comes. It is cut off, and comes again.
    await abandon(context, socket);
    throw error;
  }
}

async function refuse(
  { invocation, connection }: PacketContext,
  nsp: string,
  data: { readonly message: string; readonly data?: unknown },
): Promise<void> {
  await invocation.posts.send(connection, encodeFrames({ type: "connect_error", nsp, data }));
}

function newSocket(
  { invocation, connection }: PacketContext,
  nsp: NamespaceCore,
  auth: Record<string, unknown>,
): SocketCore {
  const seed: SocketSeed = {
    connectionId: connection.connectionId,
    nsp: nsp.name,
    id: randomBytes(15).toString("base64url"),
    token: randomBytes(6).toString("base64url"),
    auth: JSON.stringify(auth),
    data: {},
    props: {},
    rooms: {},
    spent: [],
    answers: [],
    trace: "",
    rerunMiddlewares: false,
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
  const now = await ports.store.readConnection(connection.connectionId);
  if (now.connection && !now.connection.bye) return true;
  await ports.store.dropSocket(socket.key, socket.id);
  await ports.gateway.close(connection.connectionId);
  return false;
}

/**
 * Runs the listeners and commits. `40` goes out after their synchronous part, when rooms and state are known, and before the
 * member rows are there: some clients drop, others keep, events that arrive before it. What the listeners emit waits for the
 * commit, so that it reaches the new socket too, and is never sent for a socket that did not come to be.
 */
async function open(context: PacketContext, socket: SocketCore): Promise<void> {
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
  socket.rooms.add(socket.id);
  socket.tokens.set(socket.id, socket.token);
  const settled = callConnectionListeners(socket, "live");
  const draft = takeDraft(socket);
  const connected = { type: "connect", nsp: socket.nsp.name, data: { sid: socket.id } } as const;
  try {
    const posted = await invocation.posts.send(socket.recipient, encodeFrames(connected));
    const running = ports.clock.now() + LISTENER_CAP_MS + LINGER_MS;
    const commit = { ...draft, rerunMiddlewares, running };
    if (!posted || !(await store.openSocket(socket.key, socket.id, commit))) {
      failed(new Error("the client went away while it was connecting"));
      return await abandon(context, socket);
    }
    await putMembers(socket, memberships(socket));
  } catch (error) {
    failed(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
  opened();
  await settle(context, socket, settled);
}

/** Something that middlewares left on the socket and no row can hold: they run again in each replay. */
function holdsUnsavable(socket: SocketCore): boolean {
  return (
    socket.savedData.holdsMore(socket.data) ||
    socket.savedProps.holdsMore(socket.facade) ||
    socket.link.requestChanged ||
    socket.handshakeChanged
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
