import { slotOf } from "../../server/inbox/ids.ts";
import { CONNECTION_LIFE_MS } from "../../server/ports/gateway.ts";
import type { InboxEvent, InboxName, InboxOpener, InboxStore } from "../../server/ports/inbox.ts";
import type { SocketKey } from "../../server/ports/sockets.ts";
import type { InboxEventStore } from "../inboxes/inboxes.ts";
import { connectionTtl, toTtl } from "../lifetimes.ts";
import { newToken } from "../table/claims.ts";
import { isLive } from "../table/expression.ts";
import type { Expiring, MemoryState } from "./state.ts";
import { addressOf, type MemorySocket } from "./state.ts";

/** The inboxes of a store in memory: same contract as ../inboxes/. */
export function memoryInboxes(state: MemoryState): InboxStore {
  return { ...memoryEvents(state), ...memoryOpeners(state), ...memorySlots(state) };
}

const addressOfInbox = ({ nsp, inbox }: InboxName): string => JSON.stringify([nsp, inbox]);

/** By inbox, then by key or socket id. */
class Rows<T> {
  readonly #rows = new Map<string, Map<string, Expiring<T>>>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  get(name: InboxName, id: string): T | undefined {
    const row = this.of(name).get(id);
    return row && isLive(row.expiresAt, this.#now()) ? row.value : undefined;
  }

  of(name: InboxName): Map<string, Expiring<T>> {
    const rows = this.#rows.get(addressOfInbox(name)) ?? new Map<string, Expiring<T>>();
    this.#rows.set(addressOfInbox(name), rows);
    return rows;
  }

  live(name: InboxName): T[] {
    const live = [...this.of(name)].filter(([, { expiresAt }]) => isLive(expiresAt, this.#now()));
    live.sort(([a], [b]) => (a < b ? -1 : 1));
    return live.map(([, { value }]) => structuredClone(value));
  }
}

function memoryEvents({ decide, now }: MemoryState): InboxEventStore {
  const events = new Rows<InboxEvent>(now);
  return {
    putInboxEvent: (event, expiresAt) =>
      decide(() => {
        if (events.get(event, event.key) !== undefined) return false;
        events.of(event).set(event.key, { value: { ...event }, expiresAt: toTtl(expiresAt) });
        return true;
      }),
    readInbox: (name, limit) =>
      decide(() => {
        const live = events.live(name);
        // As a Query with a limit says, which has not looked behind the last one.
        return { events: live.slice(0, limit), more: live.length >= limit };
      }),
    readInboxEvent: (event) => decide(() => structuredClone(events.get(event, event.key))),
    deleteInboxEvent: (event) =>
      decide(() => {
        const there = events.get(event, event.key);
        if (event.tag === undefined || there?.tag === event.tag) events.of(event).delete(event.key);
      }),
  };
}

function memoryOpeners({
  decide,
  now,
}: MemoryState): Pick<
  InboxStore,
  "putOpener" | "readOpeners" | "readOpener" | "changeOpener" | "deleteOpener"
> {
  const openers = new Rows<InboxOpener>(now);
  const set = (opener: InboxOpener): InboxOpener => {
    const expiresAt = connectionTtl(opener.connectedAt + CONNECTION_LIFE_MS);
    openers.of(opener).set(opener.id, { value: structuredClone(opener), expiresAt });
    return opener;
  };
  return {
    putOpener: (opener) =>
      decide(() => {
        const there = openers.get(opener, opener.id);
        const at = there?.connectedAt ?? Number.NEGATIVE_INFINITY;
        const same = there !== undefined && at === opener.connectedAt;
        const later = same ? there.number < opener.number : at < opener.connectedAt;
        return later ? set({ ...opener, version: newToken() }) : undefined;
      }),
    readOpeners: (name) => decide(() => openers.live(name)),
    readOpener: (opener) => decide(() => structuredClone(openers.get(opener, opener.id))),
    changeOpener: (opener, { state, sent, last, nextSeq, posting, until }) =>
      decide(() => {
        const there = openers.get(opener, opener.id);
        if (there?.version !== opener.version) return undefined;
        const { last: _, ...rest } = there;
        const progress = { state, sent, ...(last !== undefined && { last }), nextSeq, posting, until };
        return set({ ...rest, ...progress, version: newToken() });
      }),
    deleteOpener: (opener) =>
      decide(() => {
        const there = openers.get(opener, opener.id);
        if (there?.connectionId === opener.connectionId && there.number === opener.number) {
          openers.of(opener).delete(opener.id);
        }
      }),
  };
}

function memorySlots(state: MemoryState): Pick<InboxStore, "noteInbox" | "dropInboxes"> {
  const { decide, sockets } = state;
  const own = (key: SocketKey, id: string): MemorySocket | undefined => {
    const row = sockets.get(addressOf(key));
    return row && row.id === id && isLive(row.expiresAt, state.now()) ? row : undefined;
  };
  const without = (inboxes: MemorySocket["inboxes"] = {}, slots: readonly number[]) =>
    Object.fromEntries(Object.entries(inboxes).filter(([slot]) => !slots.includes(Number(slot))));
  return {
    noteInbox: (key, id, { seen, number, inbox }, instead) =>
      decide(() => {
        const row = own(key, id);
        if (row?.phase !== "open" || (row.nextInbox ?? 0) !== seen) return false;
        row.inboxes = { ...without(row.inboxes, instead), [slotOf(number)]: inbox };
        row.nextInbox = number + 1;
        return true;
      }),
    dropInboxes: (key, id, slots) =>
      decide(() => {
        const row = own(key, id);
        if (row) row.inboxes = without(row.inboxes, slots);
      }),
  };
}
