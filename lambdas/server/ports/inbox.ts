import type { Json, SocketKey } from "./sockets.ts";

/** Names one inbox. */
export interface InboxName {
  readonly nsp: string;
  readonly inbox: string;
}

/** An event that waits in an inbox until a client acknowledges it. */
export interface InboxEvent extends InboxName {
  /** Sorts by the time of the emit, and no two events of an inbox have the same (see inbox/ids.ts). */
  readonly key: string;
  /** Random: tells it from an event that had the key before, and is gone. */
  readonly tag: string;
  /** Name and arguments, with binary data as in common/binary-json.ts. */
  readonly data: Json;
}

/** An event that a socket has been sent, or is being sent. */
export interface InboxDelivery {
  /** Key and tag (see inbox/ids.ts). */
  readonly event: string;
  /** What its acknowledgement will name; absent for one that its own emitter sends. */
  readonly seq?: number;
}

/**
 * `live`: who puts an event sends it. `draining`: more waits than the client may have at once, and what is put is left to
 * whoever sends the next batch. `settling`: all that waits has been sent, but somebody may just be leaving an event to us.
 */
export type OpenerState = "live" | "draining" | "settling";

/** A socket that has opened an inbox. Every change is made on condition of `version`. */
export interface InboxOpener extends InboxName {
  /** Socket id. */
  readonly id: string;
  readonly connectionId: string;
  readonly connectedAt: number;
  /** Counts the socket's openings of inboxes; the slot of ack ids is its remainder. */
  readonly number: number;
  /** Events that it may have unacknowledged at a time. */
  readonly window: number;
  readonly state: OpenerState;
  /** What it may have unacknowledged, as far as it is not `live`. */
  readonly sent: readonly InboxDelivery[];
  /** The last event of the latest batch, by key and tag, also when it is acknowledged. */
  readonly last?: string;
  /** `seq` of the next event that is sent in a batch. */
  readonly nextSeq: number;
  /** The latest batch is being posted, and who posts it will say when it is done. */
  readonly posting: boolean;
  /** Milliseconds since the epoch: later nobody posts the latest batch any more, be it acknowledged or not. */
  readonly until: number;
  readonly version: string;
}

export type OpenerChange = Pick<InboxOpener, "state" | "sent" | "last" | "nextSeq" | "posting" | "until">;

/** The oldest events of an inbox. */
export interface InboxView {
  readonly events: readonly InboxEvent[];
  /** There are, or may be, more of them. */
  readonly more: boolean;
}

/** Which inbox an opening of a socket is for; kept in the socket's row, where acknowledgements find it. */
export interface NumberedInbox {
  /** `nextInbox` as it was read. */
  readonly seen: number;
  readonly number: number;
  readonly inbox: string;
}

/** The part of the store that is about inboxes. */
export interface InboxStore {
  /** Puts an event, unless its key is taken: false. It expires at `expiresAt`, in milliseconds. */
  putInboxEvent(event: InboxEvent, expiresAt: number): Promise<boolean>;
  /** The oldest events, at most `limit`, or fewer where they are large. */
  readInbox(inbox: InboxName, limit: number): Promise<InboxView>;
  /** The event, if it still waits. */
  readInboxEvent(event: Pick<InboxEvent, "nsp" | "inbox" | "key">): Promise<InboxEvent | undefined>;
  /** Deletes the event with this key; with a tag, only that very event. */
  deleteInboxEvent(
    event: Pick<InboxEvent, "nsp" | "inbox" | "key"> & Partial<Pick<InboxEvent, "tag">>,
  ): Promise<void>;

  /** Puts an opener, unless there is one of this socket that was opened later: undefined. */
  putOpener(opener: Omit<InboxOpener, "version">): Promise<InboxOpener | undefined>;
  /** All sockets that have the inbox open. */
  readOpeners(inbox: InboxName): Promise<readonly InboxOpener[]>;
  readOpener(opener: Pick<InboxOpener, "nsp" | "inbox" | "id">): Promise<InboxOpener | undefined>;
  /** The opener as it is then; undefined if somebody else has changed it, or it is gone. */
  changeOpener(opener: InboxOpener, change: OpenerChange): Promise<InboxOpener | undefined>;
  /** Deletes the opener if it is still of this opening. */
  deleteOpener(opener: Pick<InboxOpener, "nsp" | "inbox" | "id" | "connectionId" | "number">): Promise<void>;

  /** Notes an opening in the row of an open socket, in place of those of the same inbox. False if another was noted meanwhile. */
  noteInbox(
    key: SocketKey,
    id: string,
    numbered: NumberedInbox,
    instead: readonly number[],
  ): Promise<boolean>;
  /** Removes slots from the row. */
  dropInboxes(key: SocketKey, id: string, slots: readonly number[]): Promise<void>;
}
