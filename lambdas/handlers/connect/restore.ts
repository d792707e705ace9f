import { directed, directivesSince, reportRefused } from "../../server/broadcast/directives.ts";
import { isUnreadable } from "../../server/common/errors.ts";
import { earliestTimeOf, isOffset, offsetsFrom, timeOfOffset } from "../../server/common/offsets.ts";
import { endConnection } from "../../server/ending/ending.ts";
import type { ResumeCount, SessionRecord } from "../../server/ports/sessions.ts";
import type { DisconnectReason, SocketKey, SocketRecord } from "../../server/ports/sockets.ts";
import { CLOCK_TOLERANCE_MS } from "../../server/recovery/membership-history.ts";
import type { PacketContext } from "../context.ts";

/** Ends after which a session can be restored, as on stock: the others were meant. */
const RECOVERABLE: ReadonlySet<DisconnectReason> = new Set([
  "transport error",
  "transport close",
  "forced close",
  "ping timeout",
  "server shutting down",
  "forced server close",
]);

/**
 * How long the end of the connection before is waited for, in milliseconds. A client that leaves on purpose and comes back at
 * once may be here before its `41` has been handled: it must not be restored.
 */
const PATIENCE_MS = 300;
const LOOK_MS = 25;
/** An offset may lie this far in the future, in milliseconds: clocks differ. */
const AHEAD_MS = 60_000;
/** A resume is dead when the invocation that runs it must be over, in milliseconds. */
export const RESUME_MS = 35_000;
/** Other connections with the same session that may come between reading and claiming it. */
const TRIES = 5;
/** Connections that claim a session and die, one after the other, of which is known. */
const MOST_TRIED = 8;
const MINUTE_MS = 60_000;
const PID = /^[\w-]{24}$/;

/** A session that goes on here. */
export interface Restored {
  readonly pid: string;
  /** The socket as it ended. */
  readonly row: SocketRecord;
  /** The last packet that the client has; undefined if it has none. */
  readonly offset: string | undefined;
}

/**
 * Connection state recovery: gives the client's session to this connection.
 * @param expiresAt of the session, in milliseconds
 * @returns undefined if there is nothing to go on with: the client starts afresh; `superseded` if a later connection has it
 */
export async function restoreSession(
  context: PacketContext,
  nsp: string,
  auth: Readonly<Record<string, unknown>>,
  expiresAt: number,
): Promise<Restored | "superseded" | undefined> {
  const { server, connection, ports } = context;
  const { pid, offset } = auth;
  if (!server.options.recovery || typeof pid !== "string" || !PID.test(pid)) return undefined;
  if (offset !== undefined && !isOffset(offset)) return undefined;
  if (offset !== undefined && timeOfOffset(offset) > ports.clock.now() + AHEAD_MS) return undefined;
  for (let tries = 0; tries < TRIES; tries++) {
    const session = await ports.store.readSession(pid);
    if (session?.nsp !== nsp) return undefined;
    if (session.connectionId === connection.connectionId)
      return await claimedBefore(context, session, offset);
    if (session.connectedAt >= connection.connectedAt) return "superseded";
    const resumes = countResume(session, ports.clock.now());
    if (resumes.count > server.options.recovery.maxResumesPerMinute) return refuseResume(context, nsp);
    const seen = await awaitSessionEnd(context, session);
    if (!seen || (seen.phase === "ended" && !canGoOn(context, seen, offset))) return undefined;
    const { connectionId, connectedAt } = connection;
    const until = ports.clock.now() + RESUME_MS;
    const claim = {
      connectionId,
      connectedAt,
      until,
      rowOn: seen.connectionId,
      tried: triedSince(session, seen),
      resumes,
    };
    if (!(await ports.store.claimSession(session, claim, expiresAt))) continue;
    const ended = await endBefore(context, session, claim);
    const row = ended && (await afterDirectives(context, ended));
    return row && canGoOn(context, row, offset) ? { pid, row, offset: reliable(offset, row) } : undefined;
  }
  return "superseded";
}

/** This resume included. The claim writes it, so that of two at once only one counts. */
function countResume({ resumes }: SessionRecord, now: number): ResumeCount {
  if (!resumes || now - resumes.since >= MINUTE_MS) return { since: now, count: 1 };
  return { since: resumes.since, count: resumes.count + 1 };
}

/**
 * What was missed since an offset is read and sent anew for whoever comes with it, and only the client knows what it has got. So
 * there is a limit to how often. Beyond it the client starts afresh, as where nothing can be restored: with a new session, for
 * which nothing waits.
 */
function refuseResume({ server, ports, connection }: PacketContext, nsp: string): undefined {
  server.seldom.warn(
    ports,
    "SKY_CLIENT_LIMIT",
    `a client has resumed its session more than ${server.options.recovery?.maxResumesPerMinute} times in a minute (connectionStateRecovery.maxResumesPerMinute): it starts afresh`,
    { nsp: nsp.slice(0, 100), connection: connection.connectionId },
  );
}

/** The session is this connection's already: a middleware refused the socket, and its client tries again. */
async function claimedBefore(
  context: PacketContext,
  session: SessionRecord,
  offset: string | undefined,
): Promise<Restored | undefined> {
  const { server, ports } = context;
  const { store, clock } = ports;
  const { pid, state } = session;
  const latest = await latestRow(store, session);
  const row = latest && (await afterDirectives(context, latest));
  if (state !== "resuming" || !row || !canGoOn({ server, ports }, row, offset)) return undefined;
  const prolonged = await store.prolongResume(session, { until: clock.now() + RESUME_MS });
  return prolonged ? { pid, row, offset: reliable(offset, row) } : undefined;
}

/**
 * The socket as it has become while it was away, by what `socketsJoin` and `socketsLeave` asked for; undefined if it was to be
 * disconnected. One read.
 */
async function afterDirectives(
  { server, ports }: PacketContext,
  row: SocketRecord,
): Promise<SocketRecord | undefined> {
  const directives = await ports.store.readDirectives(row.nsp, directivesSince(row));
  const { socket, end, refused } = directed(row, directives, server.options.maxRoomsPerSocket);
  reportRefused(ports.log, row, refused);
  return end ? undefined : socket;
}

/** The latest row of the session's socket that was open once; one that is still open is given a moment to end. */
async function awaitSessionEnd(
  { ports: { clock, store } }: PacketContext,
  session: SessionRecord,
): Promise<SocketRecord | undefined> {
  const until = clock.now() + PATIENCE_MS;
  for (;;) {
    const row = await latestRow(store, session);
    if (row?.phase !== "open" || clock.now() >= until) return row;
    await clock.sleep(LOOK_MS);
  }
}

/** Those that had the session after the connection with this row: the row of one of them may still open. */
function triedSince({ connectionId, tried, rowOn }: SessionRecord, row: SocketRecord): readonly string[] {
  const all = [rowOn, ...tried, connectionId];
  return [...new Set(all.slice(all.lastIndexOf(row.connectionId) + 1))].slice(-MOST_TRIED);
}

/** Where it was opened last: a CONNECT that did not come to its commit has left only a row that never counted. */
async function latestRow(
  store: PacketContext["ports"]["store"],
  { pid, nsp, connectionId, tried, rowOn }: SessionRecord,
): Promise<SocketRecord | undefined> {
  for (const on of new Set([connectionId, ...[...tried].reverse(), rowOn])) {
    const row = await readOrNone(store, { connectionId: on, nsp });
    if (row?.pid === pid && row.phase !== "connecting" && !row.neverOpened) return row;
  }
  return undefined;
}

/** What another version has written cannot be gone on with: the client begins afresh. */
async function readOrNone(
  store: PacketContext["ports"]["store"],
  key: SocketKey,
): Promise<SocketRecord | undefined> {
  try {
    return await store.readSocket(key);
  } catch (error) {
    if (isUnreadable(error)) return undefined;
    throw error;
  }
}

/** Ends the connection that had the session, wherever it is believed to be: it may be dead without anybody having noticed. */
async function endBefore(
  { server, invocation, ports }: PacketContext,
  session: SessionRecord,
  claim: Pick<SessionRecord, "connectionId" | "rowOn" | "tried" | "until">,
): Promise<SocketRecord | undefined> {
  // All that it may have been open on: who claimed the session before us may have died before it ended those.
  for (const connectionId of new Set([session.connectionId, ...claim.tried, claim.rowOn])) {
    const before = { connectionId, members: [] };
    await endConnection(server, invocation, { ...before, reason: "transport close", close: true });
  }
  const row = await latestRow(ports.store, session);
  if (!row || row.connectionId === claim.rowOn) return row;
  // It has just been opened by a resume that has lost the session to us.
  const { until } = claim;
  const seen = { pid: session.pid, connectionId: claim.connectionId, until };
  return (await ports.store.prolongResume(seen, { until, rowOn: row.connectionId })) ? row : undefined;
}

/**
 * An end that died may have left member rows, and its connection open: what is posted to those makes the client's offset pass
 * by what the rooms were sent whose rows were gone. So an offset that was made after the end says no more than the end itself.
 */
function reliable(offset: string | undefined, { endedAt = 0 }: SocketRecord): string | undefined {
  if (offset === undefined || timeOfOffset(offset) <= endedAt + CLOCK_TOLERANCE_MS) return offset;
  // It may be made by a clock that is ahead, and be from before the end after all.
  return offsetsFrom(Math.min(endedAt - CLOCK_TOLERANCE_MS, earliestTimeOf(offset)));
}

/** The whole of what it missed must be there: a part of it would be worse than a fresh start. */
function canGoOn(
  { server, ports }: Pick<PacketContext, "server" | "ports">,
  { phase, bye, endedAt, forgotten }: SocketRecord,
  offset: string | undefined,
): boolean {
  const { recovery } = server.options;
  if (!recovery || phase !== "ended" || bye === undefined || endedAt === undefined) return false;
  if (!RECOVERABLE.has(bye) || endedAt + recovery.maxDisconnectionDuration < ports.clock.now()) return false;
  if (forgotten === undefined) return true;
  return offset !== undefined && timeOfOffset(offset) > timeOfOffset(forgotten) + CLOCK_TOLERANCE_MS;
}
