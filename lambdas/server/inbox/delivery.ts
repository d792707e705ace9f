import { randomInt } from "node:crypto";
import type { Codec } from "../../protocol/codec.ts";
import { fromBinaryJson } from "../common/binary-json.ts";
import type { Invocation } from "../invocation/invocation.ts";
import type { InboxEvent, InboxOpener, InboxView } from "../ports/inbox.ts";
import { eventOf, idOfKey, idOfSequence, nameOf, slotOf } from "./ids.ts";
import { type Decision, decide, type Numbered, viewLimit } from "./window.ts";

/** How long, in milliseconds, a batch waits for somebody else to claim it. */
const SHORTEST_WAIT_MS = 20;
const LONGEST_WAIT_MS = 100;
/** An invocation may post for so long after its deadline, in milliseconds: it is stopped 2 s after that, and clocks differ. */
const OVERTIME_MS = 5_000;

type Claim = Extract<Decision, { kind: "change" }>;

/** What delivering needs: an acknowledgement comes without a socket object, and an emit without a socket. */
export interface Courier {
  readonly invocation: Invocation;
  readonly codec: Codec;
}

/** What is known when a delivery begins. */
export interface Occasion {
  /** The event that this invocation has put. */
  readonly own?: InboxEvent;
  /** The events, if they have been read since the opener was. */
  readonly view?: InboxView;
}

/**
 * Does what is to be done for one socket that has the inbox open, until there is nothing to do or others do it. Every batch is
 * claimed by a conditional write before it is posted, so that no two invocations post at the same time.
 */
export async function deliverInbox(
  courier: Courier,
  opener: InboxOpener,
  { own, view: known }: Occasion = {},
): Promise<void> {
  const { store, clock } = courier.invocation.ports;
  let current: InboxOpener | undefined = opener;
  let view = known;
  let posted: string | undefined;
  let patient = own === undefined;
  while (current && clock.now() < courier.invocation.deadline) {
    view ??= await store.readInbox(current, viewLimit(current.window));
    const decision = decide(current, view, { now: clock.now(), own: own && nameOf(own), posted });
    view = undefined;
    if (decision.kind === "leave") return;
    if (decision.kind === "post") return await postLive(courier, current, own);
    if (patient && posted === undefined && othersMayClaim(current, decision)) {
      patient = false;
      await clock.sleep(randomInt(SHORTEST_WAIT_MS, LONGEST_WAIT_MS));
      current = await readSame(courier, current);
      continue;
    }
    const changed = await make(courier, current, decision);
    current = changed ?? (await readSame(courier, current));
    if (!changed || decision.batch.length === 0) {
      if (changed?.state === "live") return;
      continue;
    }
    if (!(await postBatch(courier, changed, decision.batch))) return;
    // Acknowledgements bring the next batch, unless they wait for us to say that we are done.
    if (changed.state === "draining" && !changed.posting) return;
    posted = changed.last;
  }
}

/**
 * Clients acknowledge in bursts, and then many invocations find at once that a batch may follow: all but one would pay for a write
 * that is refused. Who sees that nothing is unacknowledged comes last and claims at once; the others wait a moment for that.
 */
const othersMayClaim = ({ state }: InboxOpener, { change, batch }: Claim): boolean =>
  state === "draining" && batch.length > 0 && change.sent.length > batch.length;

/**
 * Will somebody look again at what this socket may be sent next? Who posts the latest batch will, when done; and whoever handles
 * the acknowledgement of its last event, since nothing can follow before that, as long as the batch may still be being posted.
 */
export async function othersFollow({ invocation }: Courier, opener: InboxOpener): Promise<boolean> {
  const { nsp, inbox, last, posting, until } = opener;
  if (last === undefined || invocation.ports.clock.now() > until) return false;
  if (posting) return true;
  const there = await invocation.ports.store.readInboxEvent({ nsp, inbox, key: eventOf(last).key });
  return there !== undefined && nameOf(there) === last;
}

/** Where several sockets have the inbox open, who posts a batch has to say when it is done (see `mayFollow`). */
async function make(
  { invocation }: Courier,
  opener: InboxOpener,
  { change, batch }: Claim,
): Promise<InboxOpener | undefined> {
  const { store } = invocation.ports;
  if (batch.length === 0) return await store.changeOpener(opener, change);
  const openers = await store.readOpeners(opener);
  // Somebody else was first: a write that is refused costs as much as any.
  if (openers.find(({ id }) => id === opener.id)?.version !== opener.version) return undefined;
  const posting = openers.length > 1;
  return await store.changeOpener(opener, { ...change, posting, until: invocation.deadline + OVERTIME_MS });
}

/** The opener as it is now, if it is still of this opening. */
async function readSame({ invocation }: Courier, opener: InboxOpener): Promise<InboxOpener | undefined> {
  const now = await invocation.ports.store.readOpener(opener);
  return now?.connectionId === opener.connectionId && now.number === opener.number ? now : undefined;
}

async function postLive(courier: Courier, opener: InboxOpener, own: InboxEvent | undefined): Promise<void> {
  if (own) await postOne(courier, opener, own, idOfKey(slotOf(opener.number), own.key));
}

/** Posts the events in their order. False if the connection is gone. */
async function postBatch(
  courier: Courier,
  opener: InboxOpener,
  batch: readonly Numbered[],
): Promise<boolean> {
  for (const [i, { event, seq }] of batch.entries()) {
    try {
      const id = idOfSequence(slotOf(opener.number), seq);
      if (!(await postOne(courier, opener, event, id))) return false;
    } catch (error) {
      await takeBack(courier, opener, batch.slice(i), batch[i - 1]?.event);
      throw error;
    }
  }
  return true;
}

/** Posts one event. If the connection is gone, which ends it, the socket has the inbox open no more. */
async function postOne(
  { invocation, codec }: Courier,
  opener: InboxOpener,
  { nsp, data }: InboxEvent,
  id: number,
): Promise<boolean> {
  const values = fromBinaryJson(data);
  const frames = codec.encode({ type: "event", nsp, data: Array.isArray(values) ? values : [], id });
  if (await invocation.posts.send(opener, frames)) return true;
  await invocation.ports.store.deleteOpener(opener);
  return false;
}

/** What could not be posted, though the connection is there, is left to the next occasion. */
async function takeBack(
  { invocation }: Courier,
  opener: InboxOpener,
  unposted: readonly Numbered[],
  last: InboxEvent | undefined,
): Promise<void> {
  const names = new Set(unposted.map(({ event }) => nameOf(event)));
  await invocation.ports.store.changeOpener(opener, {
    state: "draining",
    sent: opener.sent.filter(({ event }) => !names.has(event)),
    ...(last && { last: nameOf(last) }),
    nextSeq: opener.nextSeq,
    posting: false,
    until: opener.until,
  });
}
