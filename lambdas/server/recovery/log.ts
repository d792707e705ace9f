import type { Clock } from "../ports/environment.ts";
import type { RoomName } from "../ports/rooms.ts";
import type { Store } from "../ports/store.ts";

/** A packet of the log needs to be kept as long as a session may come back for it. */
export interface LogEntry {
  /** The packet's offset. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** What a packet was sent to, and with which frames. */
export interface LoggedPacket {
  readonly nsp: string;
  readonly rooms: readonly RoomName[];
  readonly except: ReadonlySet<string>;
  readonly frames: readonly string[];
  readonly log: LogEntry;
}

/**
 * The row names the sockets that did not take the packet. When there are more of them than this, it is left as if its emitter
 * had died: whoever resumes then gets it, some for the second time. A row of thousands of names would be a dear write.
 */
const MAX_MISSED = 500;

/** Before anything is posted: then an emitter that dies has either reached nobody, or everybody will have the packet at last. */
export async function putInLogs(
  { ports: { store } }: { readonly ports: { readonly store: Pick<Store, "putLog"> } },
  { nsp, rooms, except, frames, log }: LoggedPacket,
): Promise<void> {
  const { id, expiresAt } = log;
  await Promise.all(
    rooms.map((room) => store.putLog({ nsp, room, id, frames, except: [...except] }, expiresAt)),
  );
}

/** What finishing a packet needs of its invocation. */
interface LogWriter {
  readonly ports: { readonly store: Pick<Store, "finishLog">; readonly clock: Pick<Clock, "now"> };
  /** Hands the connections that posts have found gone to another invocation. */
  endGone(): Promise<void>;
}

/** After all posts have been answered: what the sockets in `missed` did not take, they get when they resume. */
export async function finishLogs(
  invocation: LogWriter,
  { nsp, rooms, log: { id } }: LoggedPacket,
  missed: readonly string[],
): Promise<void> {
  // First the connections that are gone are sure to be closed: a client that stayed connected would never come back for it.
  if (missed.length > 0) await invocation.endGone();
  await finishRows(invocation.ports, { nsp, rooms, id }, missed);
}

/** The rows say that all posts have been answered, and which sockets did not take the packet. */
export async function finishRows(
  { store, clock }: { readonly store: Pick<Store, "finishLog">; readonly clock: Pick<Clock, "now"> },
  { nsp, rooms, id }: Pick<LoggedPacket, "nsp" | "rooms"> & { readonly id: string },
  missed: readonly string[],
): Promise<void> {
  if (missed.length > MAX_MISSED) return;
  const done = clock.now();
  await Promise.all(rooms.map((room) => store.finishLog({ nsp, room, id, done, missed })));
}
