import type { ConnectionView, SocketRecord } from "../../server/ports/sockets.ts";
import type { Stay } from "../../server/shared/stay.ts";
import type { Tenure } from "../../server/shared/tenure.ts";
import { connectNote } from "../../server/socket/shared-notes.ts";
import { socketsOf } from "../../server/socket/socket-core.ts";
import { awaitOldEnd, awaitOpen } from "../connect/await-open.ts";
import type { PacketContext } from "../context.ts";
import { logBusy } from "./busy.ts";
import type { Packet } from "./packet.ts";

/** What a packet is handled with. */
export interface Entered {
  readonly view: ConnectionView;
  /** Of a namespace that shares variables; whoever handles the packet ends it. */
  readonly stay?: Stay;
}

type Context = Omit<PacketContext, "connection">;

/**
 * Reads the rows for a packet. In a namespace that shares variables that is after the lease has been waited for: what was read before
 * may have been changed by an event that had it meanwhile, and a handler of a socket that has ended must not run. The lease is not
 * held while something else has to be waited for that may need it: the socket's CONNECT, or the end of the one before it.
 * @param read reads the rows of the packet's namespace anew
 * @throws SkysocketError when there is no lease to be had: nothing has run, and it may be tried again
 */
export async function enterShared(
  context: Context,
  packet: Packet,
  read: () => Promise<ConnectionView>,
): Promise<Entered> {
  const { server, invocation } = context;
  const variables = "nsp" in packet ? server.namespaces.get(packet.nsp)?.shared : undefined;
  if (!variables || packet.kind === "ack") return { view: await read() };
  const tenure = invocation.tenures.of(variables);
  const entered = await enterAndRead(tenure, packet, read);
  const wait = waitOf(context, packet, entered.view);
  if (!wait) return entered;
  entered.stay.leave();
  await tenure.rest();
  await wait();
  return await enterAndRead(tenure, packet, read);
}

async function enterAndRead(
  tenure: Tenure,
  packet: Packet,
  read: () => Promise<ConnectionView>,
): Promise<Required<Entered>> {
  const stay = await tenure.enter(whatOf(packet));
  try {
    return { stay, view: await read() };
  } catch (error) {
    stay.leave();
    throw error;
  }
}

/** Waits for what a packet has to wait for before it is handled. */
function waitOf(
  context: Context,
  packet: Packet,
  { connection, sockets }: ConnectionView,
): (() => Promise<unknown>) | undefined {
  const row = "nsp" in packet ? sockets.find(({ nsp }) => nsp === packet.nsp) : undefined;
  if (!connection || connection.bye !== undefined || !row) return undefined;
  const within = { ...context, connection };
  if (packet.kind === "connect" && row.phase !== "ended") return () => awaitOldEnd(within, row);
  const settled = packet.kind === "event";
  if (!settled && packet.kind !== "disconnect") return undefined;
  const isRunning = row.phase === "open" && (row.running ?? 0) > context.ports.clock.now();
  const waits = row.phase === "connecting" || (settled && isRunning);
  return waits ? () => awaitOpen(within, row, settled) : undefined;
}

/** As the log calls it. */
const whatOf = (packet: Packet): string =>
  packet.kind === "event"
    ? `the handler of ${JSON.stringify(packet.data[0])}`
    : `a ${packet.kind} of a client`;

/**
 * The instance of its CONNECT died after the socket had become known, and before what its listeners had changed was kept. The client
 * is to come again, as if it had died before that; the socket's end sees to it that nothing of it is left.
 */
export function hasDiedConnecting(
  { ports, invocation, stay }: PacketContext,
  row: SocketRecord | undefined,
): boolean {
  if (!stay || row?.phase !== "open" || row.running === undefined || row.running > ports.clock.now())
    return false;
  const isHere = socketsOf(invocation).some(({ id, life }) => id === row.id && life.ready);
  return !isHere && !stay.owner.has(connectNote(row.id));
}

/** Events that nobody delivers again are over when there is no lease; who connects comes again. */
export async function refuseBusy(
  { ports }: Pick<PacketContext, "ports">,
  connectionId: string,
  packet: Packet,
  error: unknown,
): Promise<void> {
  logBusy(ports.log, whatOf(packet), connectionId, error);
  if (packet.kind === "connect") await ports.gateway.close(connectionId);
}
