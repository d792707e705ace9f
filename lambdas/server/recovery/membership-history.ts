import { isOffset, mayBeBefore, offsetsFrom, timeOfOffset } from "../common/offsets.ts";
import type { LogRow, Member, RoomName } from "../ports/rooms.ts";
import { EVERYONE } from "../ports/rooms.ts";
import type { LeftRoom, SocketRecord } from "../ports/sockets.ts";
import type { Store } from "../ports/store.ts";

/**
 * How far the clocks of two instances may be apart, twice, in milliseconds. What lies closer together than this is not
 * decided by comparing times.
 */
export const CLOCK_TOLERANCE_MS = 100;

/** More packets than this at the moment of a join are not listed: then the latest of them is where the socket's packets begin. */
const MAX_LISTED = 16;

/**
 * With recovery on, the token of a membership tells which of a room's packets are the socket's:
 * `<offset of the join>.<from>~<id>~<id>…`, which are those after `from` but for the ids. `from` lies a little before the join,
 * because an emitter's clock may be behind ours; the ids are of packets that were in the log already when the socket joined.
 * Without them a client with a forged offset could read what the room was sent before.
 */
interface JoinToken {
  readonly joined: string;
  readonly from: string;
  readonly before: readonly string[];
}

/** A token for a join at this moment. Reads the end of the room's log: one Query, before the member row is put. */
export async function joinToken(
  store: Pick<Store, "listLog">,
  { nsp, room, joined, now }: { nsp: string; room: RoomName; joined: string; now: number },
): Promise<string> {
  const from = offsetsFrom(now - CLOCK_TOLERANCE_MS);
  const before: string[] = [];
  for await (const rows of store.listLog(nsp, room, from)) before.push(...rows.map(({ id }) => id));
  const latest = before.at(-1);
  if (before.length > MAX_LISTED && latest !== undefined) return format({ joined, from: latest, before: [] });
  return format({ joined, from, before });
}

/** Is a packet of the room's log for who has this token, as long as it is in the room? With recovery off nobody can tell. */
export function isAfterJoin(token: string, id: string): boolean {
  const parsed = parse(token);
  return !parsed || (id > parsed.from && !parsed.before.includes(id));
}

/**
 * Had the socket with this token joined the room when a packet with this id was made? With recovery off nobody can tell. Here
 * nothing but the two times is known: the packet is in no log of a room that it was not sent to. But nobody knew a socket's id
 * before there was a socket: who left it out by that did so after, whatever the clocks say.
 */
export function isBeforePacket(
  { room, id, token }: Pick<Member, "room" | "id" | "token">,
  packet: string,
): boolean {
  const parsed = parse(token);
  return !parsed || hasJoined(parsed, { isOwn: room === id, packet });
}

const hasJoined = (
  { joined, from }: JoinToken,
  { isOwn, packet }: { readonly isOwn: boolean; readonly packet: string },
): boolean => packet > (isOwn ? from : joined);

/** The same for a directive: one that may have come after the join concerns who joined. */
export function isBeforeDirective(
  { room, id, token }: Pick<Member, "room" | "id" | "token">,
  directive: string,
): boolean {
  const parsed = parse(token);
  return !parsed || (room === id ? directive > parsed.from : mayBeBefore(parsed.joined, directive));
}

/** A token for a join that a directive asked for while the socket was away: the room's packets from then on are its own. */
export const tokenOfDirective = (id: string): string => format({ joined: id, from: id, before: [] });

/** Another token for the same membership: that of the connection before must not delete the rows of this one. */
export function renewedToken(token: string, joined: string): string | undefined {
  const parsed = parse(token);
  return parsed && format({ ...parsed, joined: `${parsed.joined}${SUCCESSOR}${joined}` });
}
const SUCCESSOR = "^";

/** When the token was made, in milliseconds: for a membership that goes on, when it did last. */
export function timeOfToken(token: string): number | undefined {
  const [last] = (token.split(".")[0] ?? "").split(SUCCESSOR).reverse();
  return isOffset(last) ? timeOfOffset(last) : undefined;
}

/** Is it the token of a membership that goes on, on another connection than it began on? */
export const isRenewed = (token: string): boolean => token.includes(SUCCESSOR);

const format = ({ joined, from, before }: JoinToken): string => [`${joined}.${from}`, ...before].join("~");

function parse(token: string): JoinToken | undefined {
  const [head = "", ...before] = token.split("~");
  const [tokens = "", from] = head.split(".");
  const [joined = ""] = tokens.split(SUCCESSOR);
  return isOffset(joined) && from !== undefined ? { joined, from, before } : undefined;
}

interface Stay extends JoinToken {
  readonly until: string | undefined;
}

/** When a socket was in which rooms: what it is owed of their logs. */
export class MembershipHistory {
  readonly #stays = new Map<RoomName, Stay[]>();
  readonly #id: string;

  constructor({ id, rooms, token, left = [] }: Pick<SocketRecord, "id" | "rooms" | "token" | "left">) {
    this.#id = id;
    this.#add(EVERYONE, token);
    for (const [room, one] of Object.entries(rooms)) this.#add(room, one);
    for (const { room, token: one, until } of left) this.#add(room, one, until);
  }

  get rooms(): readonly RoomName[] {
    return [...this.#stays.keys()];
  }

  /** Where the packets of a room that can be the socket's begin. */
  startOf(room: RoomName): string {
    const starts = (this.#stays.get(room) ?? []).map(({ from }) => from);
    return starts.sort()[0] ?? offsetsFrom(Number.MAX_SAFE_INTEGER);
  }

  /** Is the packet the socket's, by the room whose log it is in and the rooms it was not sent to? */
  covers({ room, id, except }: Pick<LogRow, "room" | "id" | "except">): boolean {
    const included = (this.#stays.get(room) ?? []).some(
      ({ from, before, until }) => id > from && !before.includes(id) && (until === undefined || id <= until),
    );
    return included && !except.some((one) => this.#wasIn(one, id));
  }

  #wasIn(room: string, packet: string): boolean {
    const isOwn = room === this.#id;
    return (this.#stays.get(room) ?? []).some(
      (stay) => hasJoined(stay, { isOwn, packet }) && (stay.until === undefined || packet <= stay.until),
    );
  }

  #add(room: RoomName, token: string, until?: string): void {
    const parsed = parse(token);
    if (!parsed) return;
    const stays = this.#stays.get(room) ?? [];
    stays.push({ ...parsed, until });
    this.#stays.set(room, stays);
  }
}

/** Rooms left that a socket's row remembers. More would make each event's read of the row dearer. */
const MAX_LEFT = 32;

/** What is to be forgotten so that `more` rooms can be remembered: the oldest. */
export function toForget(
  left: readonly LeftRoom[],
  more: number,
): { readonly forget: readonly LeftRoom[]; readonly forgotten?: string } {
  const excess = left.length + more - MAX_LEFT;
  if (excess <= 0) return { forget: [] };
  const forget = [...left].sort((a, b) => (a.until < b.until ? -1 : 1)).slice(0, excess);
  const forgotten = forget.at(-1)?.until;
  return { forget, ...(forgotten !== undefined && { forgotten }) };
}
