import { Rounds } from "../common/rounds.ts";
import type { Invocation } from "../invocation/invocation.ts";
import type { InboxEvent, InboxOpener } from "../ports/inbox.ts";
import type { SocketView } from "../ports/sockets.ts";
import { CLOCK_TOLERANCE_MS } from "../recovery/membership-history.ts";
import { type Courier, deliverInbox, othersFollow } from "./delivery.ts";
import { acknowledgedBy, eventOf, slotOf, timeOfKey } from "./ids.ts";

/**
 * A client's acknowledgement: removes the event, for everybody who has the inbox open, and sends what may come next. One delete
 * and a read or two; a second acknowledgement of the same event removes nothing. It reaches only inboxes that this very socket
 * has open.
 */
export async function acknowledgeInboxEvent(
  courier: Courier,
  { connection, socket: row }: SocketView,
  ackId: number,
): Promise<void> {
  const { store, clock } = courier.invocation.ports;
  const acknowledged = acknowledgedBy(ackId, clock.now());
  const inbox = acknowledged && row.inboxes?.[acknowledged.slot];
  if (acknowledged === undefined || inbox === undefined || row.phase !== "open") return;
  // Clients send an acknowledgement that is late on their next connection, where the slot may be another inbox's; that has an event
  // with this key too, if one emitter put both. What emitters sent to this connection was put after its beginning.
  if ("key" in acknowledged && timeOfKey(acknowledged.key) < connection.connectedAt - CLOCK_TOLERANCE_MS)
    return;
  const name = { nsp: row.nsp, inbox };
  const read = async (): Promise<InboxOpener | undefined> => {
    const opener = await store.readOpener({ ...name, id: row.id });
    const isThis = opener?.connectionId === row.connectionId && slotOf(opener.number) === acknowledged.slot;
    return isThis ? opener : undefined;
  };
  const event = "key" in acknowledged ? acknowledged : numbered(await read(), acknowledged.seq);
  if (!event) return;
  await store.deleteInboxEvent({ ...name, ...event });
  await roundsOf(courier, [row.nsp, inbox, row.id, row.connectionId]).run(async () => {
    // After the delete, and not before: of two that are handled at once, the later one must see both.
    const opener = await read();
    if (!opener || opener.state === "live" || (await othersFollow(courier, opener))) return;
    await deliverInbox(courier, opener);
  });
}

/** A batch of the line has many acknowledgements of one inbox. What may follow is looked for once, and claimed by one of them. */
const rounds = new WeakMap<Invocation, Map<string, Rounds>>();

function roundsOf({ invocation }: Courier, opener: readonly string[]): Rounds {
  const own = rounds.get(invocation) ?? new Map<string, Rounds>();
  rounds.set(invocation, own);
  const key = JSON.stringify(opener);
  const found = own.get(key) ?? new Rounds();
  own.set(key, found);
  return found;
}

/** The event that was sent under this number. */
function numbered(opener: InboxOpener | undefined, seq: number): Pick<InboxEvent, "key" | "tag"> | undefined {
  const delivery = opener?.sent.find((one) => one.seq === seq);
  return delivery && eventOf(delivery.event);
}
