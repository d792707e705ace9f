import type { SessionRecord } from "../server/ports/sessions.ts";
import type { Store } from "../server/ports/store.ts";
import { escapeName, sessionKey, unescapeName } from "./keys.ts";
import { toTtl } from "./lifetimes.ts";
import { isWinner, newToken } from "./table/claims.ts";
import { Expression, isLive } from "./table/expression.ts";
import { ITEM_VERSION, type Item, ItemReader } from "./table/item-reader.ts";
import { methodsOf } from "./table/methods.ts";
import type { Table } from "./table/table.ts";

export type SessionStore = Pick<
  Store,
  | "putSession"
  | "readSession"
  | "claimSession"
  | "goLive"
  | "prolongResume"
  | "leaveToResume"
  | "deleteSession"
>;

/** Who has a session that can be resumed. Each step of a resume is one conditional write. */
export function sessionStore(table: Table): SessionStore {
  return methodsOf(table, {
    putSession,
    readSession,
    claimSession,
    goLive,
    prolongResume,
    leaveToResume,
    deleteSession,
  });
}

/** A session as it is in the table, with tokens of the calls that decided races (see table/claims.ts). */
interface SessionRow extends SessionRecord {
  /** Who claimed or prolonged the resume last. */
  readonly by: string | undefined;
  /** Who left a packet last. */
  readonly leftBy: string | undefined;
}

/** A pid is a secret, and errors are logged: whoever has it can be who it belongs to. */
const SUBJECT = "A session";

type Held = Pick<SessionRecord, "pid" | "connectionId">;

/** One write. A session that is there is this very one, put by a sending whose response was lost: it may have been claimed since. */
async function putSession(
  table: Table,
  { pid, nsp, connectionId, connectedAt }: Parameters<Store["putSession"]>[0],
  expiresAt: number,
): Promise<void> {
  const first = new Expression();
  first.require(first.anyOf(first.absent(["pk"]), first.expired(table.now())));
  const item: Item = {
    ...sessionKey(pid),
    v: ITEM_VERSION,
    nsp: escapeName(nsp),
    conn: connectionId,
    at: connectedAt,
    rowOn: connectionId,
    tried: [],
    state: "live",
    pending: 0,
    until: 0,
    expiresAt: toTtl(expiresAt),
  };
  await table.put(item, SUBJECT, first);
}

/** One read. */
async function readSession(table: Table, pid: string): Promise<SessionRecord | undefined> {
  const row = await readRow(table, pid);
  if (row === undefined) return undefined;
  const { by: _, leftBy: _1, ...session } = row;
  return session;
}

async function readRow(table: Table, pid: string): Promise<SessionRow | undefined> {
  const item = await table.get(sessionKey(pid), "a session");
  if (item === undefined) return undefined;
  const read = new ItemReader(item);
  if (!isLive(read.number("expiresAt"), table.now())) return undefined;
  return {
    pid,
    nsp: unescapeName(read.text("nsp")),
    connectionId: read.text("conn"),
    connectedAt: read.number("at"),
    rowOn: read.text("rowOn"),
    tried: read.texts("tried"),
    state: read.known("state", isState),
    pending: read.number("pending"),
    until: read.number("until"),
    ...(item.resumes === undefined
      ? {}
      : { resumes: { since: read.number("resumesSince"), count: read.number("resumes") } }),
    by: read.optionalText("by"),
    leftBy: read.optionalText("leftBy"),
  };
}

function isState(value: string): value is SessionRecord["state"] {
  return value === "live" || value === "resuming";
}

/** One write. */
async function claimSession(
  table: Table,
  seen: Parameters<Store["claimSession"]>[0],
  { connectionId, connectedAt, rowOn, tried, until, resumes }: Parameters<Store["claimSession"]>[1],
  expiresAt: number,
): Promise<boolean> {
  const token = newToken();
  const claim = new Expression()
    .set(["conn"], connectionId)
    .set(["at"], connectedAt)
    .set(["rowOn"], rowOn)
    .set(["tried"], tried)
    .set(["state"], "resuming")
    .set(["pending"], 0)
    .set(["until"], until)
    .set(["by"], token)
    .set(["expiresAt"], toTtl(expiresAt));
  if (resumes) claim.set(["resumes"], resumes.count).set(["resumesSince"], resumes.since);
  claim.require(
    claim.live(table.now()),
    claim.equals(["conn"], seen.connectionId),
    claim.equals(["rowOn"], seen.rowOn),
    claim.below(["at"], connectedAt),
  );
  const written = await table.update(sessionKey(seen.pid), SUBJECT, claim);
  return isWinner(written, token, async () => (await readRow(table, seen.pid))?.by);
}

/** An expression that holds only while this connection is resuming the session. */
function whileResuming(table: Table, connectionId: string): Expression {
  const change = new Expression();
  return change.require(
    change.live(table.now()),
    change.equals(["conn"], connectionId),
    change.equals(["state"], "resuming"),
  );
}

/** One write. Live on this connection is what was wanted: if the write was sent twice, the first sending has done it. */
async function goLive(
  table: Table,
  { pid, connectionId, pending }: Parameters<Store["goLive"]>[0],
): Promise<boolean> {
  const live = whileResuming(table, connectionId).set(["state"], "live").set(["rowOn"], connectionId);
  live.require(live.atMost(["pending"], pending));
  const written = await table.update(sessionKey(pid), SUBJECT, live);
  if (written.ok || !written.resent) return written.ok;
  const row = await readRow(table, pid);
  return row?.connectionId === connectionId && row.state === "live";
}

/** One write. */
async function prolongResume(
  table: Table,
  seen: Parameters<Store["prolongResume"]>[0],
  { until, rowOn }: Parameters<Store["prolongResume"]>[1],
): Promise<boolean> {
  const token = newToken();
  const prolong = whileResuming(table, seen.connectionId).set(["until"], until).set(["by"], token);
  if (rowOn !== undefined) prolong.set(["rowOn"], rowOn);
  prolong.require(prolong.equals(["until"], seen.until));
  const written = await table.update(sessionKey(seen.pid), SUBJECT, prolong);
  return isWinner(written, token, async () => (await readRow(table, seen.pid))?.by);
}

/**
 * One write. Sent twice it may count twice, which costs the resume one more look at the logs. Told "no" though it was counted,
 * the emitter would post what the resume has sent: so who left a packet last can see that it did. One who left a packet before
 * that, and whose response was lost too, sends it again; to know them all the row would have to grow with each.
 */
async function leaveToResume(table: Table, { pid, connectionId }: Held, now: number): Promise<boolean> {
  const token = newToken();
  const leave = whileResuming(table, connectionId).increment(["pending"]).set(["leftBy"], token);
  leave.require(leave.atLeast(["until"], now));
  const written = await table.update(sessionKey(pid), SUBJECT, leave);
  return isWinner(written, token, async () => {
    const row = await readRow(table, pid);
    return row?.connectionId === connectionId ? row.leftBy : undefined;
  });
}

/** One write. */
async function deleteSession(table: Table, { pid, connectionId }: Held): Promise<void> {
  const own = new Expression();
  own.require(own.equals(["conn"], connectionId));
  await table.delete(sessionKey(pid), SUBJECT, own);
}
