import type { InboxDelivery, InboxEvent, InboxOpener, InboxView, OpenerChange } from "../ports/inbox.ts";
import { eventOf, nameOf, SEQUENCES } from "./ids.ts";

/** What a client may have unacknowledged of an inbox, in bytes, however large its window. */
const MAX_WINDOW_BYTES = 128 * 1024;

/** What an invocation knows beside what the table says. */
export interface Knowledge {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** The event that this invocation has put, by key and tag. */
  readonly own?: string | undefined;
  /** The last event of a batch that this invocation has posted, by key and tag. */
  readonly posted?: string | undefined;
}

export interface Numbered {
  readonly event: InboxEvent;
  readonly seq: number;
}

export type Decision =
  /** Others do what is to be done, or there is nothing. */
  | { readonly kind: "leave" }
  /** The own event is sent at once. */
  | { readonly kind: "post" }
  /** If nobody changes the opener before, it becomes so, and the batch is this invocation's to post. */
  | { readonly kind: "change"; readonly change: OpenerChange; readonly batch: readonly Numbered[] };

const LEAVE: Decision = { kind: "leave" };

/** Events that {@link decide} needs to see: a window that is out, half a window to send next, and whether there is more. */
export const viewLimit = (window: number): number => window + Math.floor(window / 2) + 1;

/**
 * What is to be done for a socket that has opened an inbox: by who has put an event, handled an acknowledgement, or posted.
 * The opener must have been read before the view (docs/architecture/inboxes.md).
 */
export function decide(opener: InboxOpener, view: InboxView, known: Knowledge): Decision {
  if (opener.state === "live") return known.own === undefined ? LEAVE : decideLive(opener, view, known.own);
  const waits = waiting(view);
  // An event of our own that others believe to be sent is not: we would have to have done it.
  const isSent = ({ event, seq }: InboxDelivery): boolean =>
    waits(event) && (event !== known.own || seq !== undefined);
  const sent = opener.sent.filter(isSent);
  const names = new Set(sent.map(({ event }) => event));
  const unsent = view.events.filter((event) => !names.has(nameOf(event)));
  const free = mayFollow(opener, waits, known);
  if (unsent.length === 0 && !view.more) {
    // Twice, and the events are read again in between: one may have been left to us since they were read the first time.
    const state = opener.state === "settling" ? "live" : "settling";
    return free ? change(opener, { state, sent, posting: false }) : LEAVE;
  }
  const next = free ? choose(opener, view, names, unsent) : [];
  if (next.length > 0) return claimNext(opener, sent, next, unsent.length === next.length && !view.more);
  const disowned = opener.sent.some(({ event, seq }) => event === known.own && seq === undefined);
  const done = opener.posting && opener.last === known.posted;
  // While it is settling others may go live, and would leave our event behind: the change makes them fail.
  if (!disowned && !done && opener.state !== "settling") return LEAVE;
  return change(opener, { state: "draining", sent, posting: opener.posting && !done });
}

/** Nobody has to wait: the own event is sent by its emitter, as long as all that waits fits into the window. */
function decideLive(opener: InboxOpener, view: InboxView, own: string): Decision {
  const { events, more } = view;
  // Somebody had it in a batch before the socket went live.
  if (opener.sent.some(({ event, seq }) => event === own && seq !== undefined)) return LEAVE;
  const fits = events.length <= opener.window && (events.length === 1 || bytesOf(events) <= MAX_WINDOW_BYTES);
  if (fits && !more) return events.some((event) => nameOf(event) === own) ? { kind: "post" } : LEAVE;
  const waits = waiting(view);
  const numbered = opener.sent.filter(({ event, seq }) => seq !== undefined && waits(event));
  const known = new Set([own, ...numbered.map(({ event }) => event)]);
  // The others are taken to be sent by their emitters, though some may be about to find us here: those say so.
  const others = events
    .slice(0, opener.window)
    .map(nameOf)
    .filter((event) => !known.has(event));
  const sent = [...numbered, ...others.map((event) => ({ event }))];
  // No batch is being posted while it is live, whatever of the latest one is still unacknowledged.
  const { last: _, ...rest } = opener;
  return change(rest, { state: "draining", sent, posting: false });
}

/** Whether an event still waits, as far as the view tells: what lies behind it is believed to. */
function waiting({ events, more }: InboxView): (event: string) => boolean {
  const seen = new Set(events.map(nameOf));
  const end = events.at(-1)?.key ?? "";
  // By the key alone: one that had the last key before is gone.
  return (event) => seen.has(event) || (more && eventOf(event).key > end);
}

/**
 * May a batch follow the latest one? Only when that has been posted, or its rest and the new one would reach the client in any
 * order. It has if its last event is acknowledged: no write is needed to say so. Where several sockets have the inbox open
 * another one may have acknowledged it, so there who posts says when it is done. And an event that its client never acknowledges
 * must not hold up all that come after it: no invocation posts longer than it may run.
 */
function mayFollow(
  { last, posting, until }: InboxOpener,
  waits: (event: string) => boolean,
  known: Knowledge,
): boolean {
  return last === undefined || last === known.posted || known.now > until || (!posting && !waits(last));
}

/** The oldest that fit into the window, once half of it is free: a write each would cost more than the events. */
function choose(
  { window }: InboxOpener,
  { events }: InboxView,
  sent: ReadonlySet<string>,
  unsent: readonly InboxEvent[],
): readonly InboxEvent[] {
  let count = sent.size;
  let bytes = bytesOf(events.filter((event) => sent.has(nameOf(event))));
  if (count > Math.floor(window / 2) || (count > 0 && bytes > MAX_WINDOW_BYTES / 2)) return [];
  const chosen: InboxEvent[] = [];
  for (const event of unsent) {
    bytes += bytesOf([event]);
    if (count >= window || (count > 0 && bytes > MAX_WINDOW_BYTES)) break;
    chosen.push(event);
    count++;
  }
  return chosen;
}

function claimNext(
  opener: InboxOpener,
  sent: readonly InboxDelivery[],
  next: readonly InboxEvent[],
  all: boolean,
): Decision {
  const batch = next.map((event, i) => ({ event, seq: (opener.nextSeq + i) % SEQUENCES }));
  const [last] = next.slice(-1).map(nameOf);
  return {
    kind: "change",
    batch,
    change: {
      state: all ? "settling" : "draining",
      sent: [...sent, ...batch.map(({ event, seq }) => ({ event: nameOf(event), seq }))],
      ...(last !== undefined && { last }),
      nextSeq: (opener.nextSeq + next.length) % SEQUENCES,
      posting: false,
      until: opener.until,
    },
  };
}

const change = (
  { last, nextSeq, until }: Pick<InboxOpener, "last" | "nextSeq" | "until">,
  to: Pick<OpenerChange, "state" | "sent" | "posting">,
): Decision => ({
  kind: "change",
  batch: [],
  change: { ...to, ...(last !== undefined && { last }), nextSeq, until },
});

const bytesOf = (events: readonly InboxEvent[]): number =>
  events.reduce((sum, { data }) => sum + Buffer.byteLength(data), 0);
