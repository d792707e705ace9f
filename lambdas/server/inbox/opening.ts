import { randomInt } from "node:crypto";
import { type Effect, resolved } from "../common/effect.ts";
import { SkysocketError } from "../common/errors.ts";
import { notAvailable } from "../common/unavailable.ts";
import type { Invocation } from "../invocation/invocation.ts";
import type { InboxOpener, NumberedInbox } from "../ports/inbox.ts";
import type { SocketRecord } from "../ports/sockets.ts";
import type { SocketCore } from "../socket/socket-core.ts";
import { deliverInbox } from "./delivery.ts";
import { SEQUENCES, SLOTS, slotOf } from "./ids.ts";

export interface InboxOptions {
  /**
   * How many events the client may have unacknowledged at a time, from 1 to 100; never more than 128 KB, but for a single one.
   * @default 32
   */
  readonly window?: number;
}

const DEFAULT_WINDOW = 32;
/** Each batch is noted in one item, which is to stay small, and one invocation posts it. */
const MAX_WINDOW = 100;

/** `socket.openInbox`: the socket gets what waits, oldest first, and from then on what is emitted to the inbox. */
export function openInbox(
  socket: SocketCore,
  inbox: string,
  { window = DEFAULT_WINDOW }: InboxOptions,
): Effect<void> {
  if (!Number.isInteger(window) || window < 1 || window > MAX_WINDOW) {
    throw new SkysocketError(
      "SKY_OPTION_INVALID",
      `openInbox(${JSON.stringify(inbox)}): window is ${String(window)}; give a whole number from 1 to ${MAX_WINDOW}`,
    );
  }
  if (socket.life.stage === "middleware") {
    throw notAvailable(
      "openInbox() in a middleware",
      'the client may still be refused. Keep in socket.data who it is, and open the inbox in io.on("connection").',
    );
  }
  socket.note("openInbox", inbox);
  if (socket.mode() === "replay" || !socket.life.reachable) return resolved(undefined);
  const { invocation } = socket;
  return invocation.act("openInbox()", async () => {
    const opener = await open(socket, inbox, window);
    if (opener) void invocation.track(`sending what waits in the inbox ${inbox}`, drain(socket, opener));
    return { rest: undefined };
  });
}

/** What is sent to the socket of this inbox from now on waits; acknowledgements that are under way come to nothing. */
export function closeInbox(socket: SocketCore, inbox: string): Effect<void> {
  socket.note("closeInbox", inbox);
  if (socket.mode() === "replay" || !socket.life.reachable) return resolved(undefined);
  const { invocation, key, id } = socket;
  return invocation.act("closeInbox()", async () => {
    const { store } = invocation.ports;
    const row = await store.readSocket(key);
    const slots = row?.id === id ? slotsOf(row, inbox) : [];
    if (slots.length > 0) await store.dropInboxes(key, id, slots);
    const opener = await store.readOpener({ nsp: key.nsp, inbox, id });
    if (opener?.connectionId === key.connectionId) await store.deleteOpener(opener);
    return { rest: undefined };
  });
}

/** The socket has ended: it has no inbox open any more. What it has not acknowledged waits for others. */
export async function closeInboxes(
  invocation: Invocation,
  { nsp, id, connectionId, inboxes = {} }: SocketRecord,
): Promise<void> {
  const { store } = invocation.ports;
  await Promise.all(
    [...new Set(Object.values(inboxes))].map(async (inbox) => {
      const opener = await store.readOpener({ nsp, inbox, id });
      // A socket that was recovered has the same id on another connection, and may have opened it there.
      if (opener?.connectionId === connectionId) await store.deleteOpener(opener);
    }),
  );
}

/**
 * Two writes. First the socket's row, where acknowledgements find the inbox; then the opener, by which events find the socket. If
 * the socket ends between the two, the opener that is left is removed by the first post to it.
 */
async function open(socket: SocketCore, inbox: string, window: number): Promise<InboxOpener | undefined> {
  const { store } = socket.invocation.ports;
  const { key, id } = socket;
  const number = await note(socket, inbox);
  if (number === undefined) return undefined;
  return await store.putOpener({
    nsp: key.nsp,
    inbox,
    id,
    connectionId: key.connectionId,
    connectedAt: socket.connection.connectedAt,
    number,
    window,
    // As if everything had just been sent: if nothing waits, what is put from now on is sent by who puts it.
    state: "settling",
    sent: [],
    nextSeq: randomInt(SEQUENCES),
    posting: false,
    until: 0,
  });
}

/**
 * Notes the opening in the socket's row. Each takes a new number and, as long as there are some, another slot: an
 * acknowledgement that is late must not be taken for one of what was opened after.
 */
async function note({ invocation, key, id }: SocketCore, inbox: string): Promise<number | undefined> {
  const { store } = invocation.ports;
  for (;;) {
    const row = await store.readSocket(key);
    if (row?.id !== id || row.phase !== "open") return undefined; // it ended meanwhile: there is nothing to open
    const instead = slotsOf(row, inbox);
    const numbered = inFreeSlot(row, inbox, instead);
    if (await store.noteInbox(key, id, numbered, instead)) return numbered.number;
  }
}

function inFreeSlot(row: SocketRecord, inbox: string, instead: readonly number[]): NumberedInbox {
  const { inboxes = {}, nextInbox: seen = 0 } = row;
  for (let number = seen; number < seen + SLOTS; number++) {
    if (inboxes[slotOf(number)] === undefined) return { seen, number, inbox };
  }
  // All are taken, at least one perhaps by this very inbox.
  const [own] = instead;
  if (own !== undefined) return { seen, number: seen + ((own - slotOf(seen) + SLOTS) % SLOTS), inbox };
  throw new SkysocketError(
    "SKY_TOO_MANY_INBOXES",
    `openInbox(${JSON.stringify(inbox)}): socket ${row.id} has ${SLOTS} inboxes open, which is the most. Close one, or use one inbox for several subjects.`,
  );
}

/** The slots of the row that are this inbox's. */
const slotsOf = ({ inboxes = {} }: Pick<SocketRecord, "inboxes">, inbox: string): number[] =>
  Object.entries(inboxes).flatMap(([slot, name]) => (name === inbox ? [Number(slot)] : []));

const drain = ({ invocation, nsp }: SocketCore, opener: InboxOpener): Promise<void> =>
  deliverInbox({ invocation, codec: nsp.server.codec }, opener);
