import type { SessionRecord } from "../../server/ports/sessions.ts";
import { toTtl } from "../lifetimes.ts";
import type { SessionStore } from "../sessions.ts";
import { isLive } from "../table/expression.ts";
import type { MemoryState } from "./state.ts";

/** The sessions of a store in memory: same contract as ../sessions.ts. */
export function memorySessions(state: MemoryState): SessionStore {
  const { decide, sessions } = state;
  const find = (pid: string): SessionRecord | undefined => {
    const row = sessions.get(pid);
    return row && isLive(row.expiresAt, state.now()) ? row.value : undefined;
  };
  /** The session if this connection is resuming it. */
  const resumed = ({ pid, connectionId }: Pick<SessionRecord, "pid" | "connectionId">) => {
    const session = find(pid);
    return session?.connectionId === connectionId && session.state === "resuming" ? session : undefined;
  };
  const change = (session: SessionRecord, changes: Partial<SessionRecord>, expiresAt?: number): true => {
    const kept = sessions.get(session.pid)?.expiresAt ?? 0;
    sessions.set(session.pid, { value: { ...session, ...changes }, expiresAt: expiresAt ?? kept });
    return true;
  };
  return {
    putSession: ({ pid, nsp, connectionId, connectedAt }, expiresAt) =>
      decide(() => {
        if (find(pid) !== undefined) return;
        const begun = { state: "live", pending: 0, until: 0 } as const;
        const value = { pid, nsp, connectionId, connectedAt, rowOn: connectionId, tried: [], ...begun };
        sessions.set(pid, { value, expiresAt: toTtl(expiresAt) });
      }),
    readSession: (pid) =>
      decide(() => {
        const session = find(pid);
        return session && { ...session };
      }),
    claimSession: (seen, { connectionId, connectedAt, rowOn, tried, until, resumes }, expiresAt) =>
      decide(() => {
        const session = find(seen.pid);
        if (session?.connectionId !== seen.connectionId || session.rowOn !== seen.rowOn) return false;
        if (session.connectedAt >= connectedAt) return false;
        const claim = {
          connectionId,
          connectedAt,
          rowOn,
          tried,
          until,
          ...(resumes && { resumes }),
          state: "resuming",
          pending: 0,
        } as const;
        return change(session, claim, toTtl(expiresAt));
      }),
    goLive: ({ pid, connectionId, pending }) =>
      decide(() => {
        const session = resumed({ pid, connectionId });
        if (session === undefined || session.pending > pending) return false;
        return change(session, { state: "live", rowOn: connectionId });
      }),
    prolongResume: (seen, { until, rowOn }) =>
      decide(() => {
        const session = resumed(seen);
        if (session === undefined || session.until !== seen.until) return false;
        return change(session, { until, ...(rowOn !== undefined && { rowOn }) });
      }),
    leaveToResume: (seen, now) =>
      decide(() => {
        const session = resumed(seen);
        if (session === undefined || session.until < now) return false;
        return change(session, { pending: session.pending + 1 });
      }),
    deleteSession: ({ pid, connectionId }) =>
      decide(() => {
        if (sessions.get(pid)?.value.connectionId === connectionId) sessions.delete(pid);
      }),
  };
}
