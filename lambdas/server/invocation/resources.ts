/**
 * Un-awaited work of the application: a timer, a request in flight. On stock it goes on behind the handler's back; on
 * Lambda it stops with the invocation, so the invocation waits until the process is as idle as it was at its start.
 */

/** Held for the life of the process by the runtime and its log; they say nothing about work. */
const NOT_WORK = new Set(["TTYWrap", "PipeWrap", "MessagePort", "SignalWrap", "FSEventWrap", "StatWatcher"]);

/** Connections: a request in flight, or a pool's idle connection that means nothing. They count for a short while only. */
const CONNECTIONS: ReadonlySet<string> = new Set(["TCPSocketWrap", "TLSWrap", "TCPServerWrap"]);
/** How long an open connection is taken for a request that somebody waits for, in milliseconds. */
export const CONNECTION_GRACE_MS = 250;

/** Is there nothing but connections? */
export const onlyConnections = (kinds: readonly string[]): boolean =>
  kinds.every((kind) => CONNECTIONS.has(kind));

export type ResourceCount = ReadonlyMap<string, number>;

export function countResources(kinds: readonly string[]): ResourceCount {
  const counts = new Map<string, number>();
  for (const kind of kinds) {
    if (!NOT_WORK.has(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

/** The kinds of which there are more than at the start. */
export const grown = (base: ResourceCount, now: ResourceCount): readonly string[] =>
  [...now].filter(([kind, n]) => n > (base.get(kind) ?? 0)).map(([kind]) => kind);

/** `base` with what there is more now than `before`. */
export function plus(base: ResourceCount, now: ResourceCount, before: ResourceCount): ResourceCount {
  const sum = new Map(base);
  for (const [kind, n] of now) {
    const more = n - (before.get(kind) ?? 0);
    if (more > 0) sum.set(kind, (sum.get(kind) ?? 0) + more);
  }
  return sum;
}

/** With that many timers more, or less: those of our own are no work of the application's. */
export const withTimers = (count: ResourceCount, timers: number): ResourceCount =>
  timers === 0 ? count : new Map(count).set("Timeout", (count.get("Timeout") ?? 0) + timers);
