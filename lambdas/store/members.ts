import type { Member, RoomName } from "../server/ports/rooms.ts";
import type { Store } from "../server/ports/store.ts";
import { type MemberRow, memberItem, readMemberItem } from "./items.ts";
import { memberKey, roomPks } from "./keys.ts";
import { Expression, isLive } from "./table/expression.ts";
import { readable } from "./table/item-reader.ts";
import { methodsOf } from "./table/methods.ts";
import { mergePages } from "./table/pages.ts";
import type { Table } from "./table/table.ts";

export type MemberStore = Pick<
  Store,
  | "putMember"
  | "holdMember"
  | "readMember"
  | "releaseMember"
  | "deleteMember"
  | "deleteMemberOf"
  | "listMembers"
>;

/** Who is in a room: what a broadcast reads. What a socket is in stands in its own row, and decides. */
export function memberStore(table: Table): MemberStore {
  return methodsOf(table, {
    putMember,
    holdMember,
    readMember,
    releaseMember,
    deleteMember,
    deleteMemberOf,
    listMembers,
  });
}

/** One write. */
async function putMember(table: Table, member: Member): Promise<void> {
  await table.put(memberItem(member), `The membership of socket ${member.id}`);
}

/** One write. A row of a later connection counts more: the session has gone on there. */
async function holdMember(table: Table, member: Member): Promise<void> {
  const latest = new Expression();
  latest.require(
    latest.anyOf(
      latest.absent(["pk"]),
      latest.atMost(["at"], member.connectedAt),
      latest.expired(table.now()),
    ),
  );
  await table.put(memberItem(member), `The membership of socket ${member.id}`, latest);
}

/** One read. */
async function readMember(
  table: Table,
  { nsp, room, id }: Parameters<Store["readMember"]>[0],
): Promise<Member | undefined> {
  const item = await table.get(memberKey({ nsp, room, id }));
  const row = item && readMemberItem(item, nsp, room);
  return row && isLive(row.expiresAt, table.now()) ? toMember(row) : undefined;
}

/** One write. */
async function releaseMember(table: Table, member: Parameters<Store["releaseMember"]>[0]): Promise<void> {
  const release = new Expression().remove(["hold"]);
  release.require(release.equals(["token"], member.token));
  await table.update(memberKey(member), `The membership of socket ${member.id}`, release);
}

/** One write. */
async function deleteMember(table: Table, member: Parameters<Store["deleteMember"]>[0]): Promise<boolean> {
  const same = new Expression();
  same.require(same.equals(["token"], member.token));
  const { ok } = await table.delete(memberKey(member), `The membership of socket ${member.id}`, same);
  return ok;
}

/** One write. */
export async function deleteMemberOf(
  table: Table,
  connectionId: string,
  member: Parameters<Store["deleteMemberOf"]>[1],
): Promise<void> {
  const same = new Expression();
  same.require(same.equals(["conn"], connectionId));
  await table.delete(memberKey(member), `The membership of socket ${member.id}`, same);
}

/** One Query per begun 1 MB of the room; EVERYONE is four rooms, read at the same time. Empty pages are left out. */
async function* listMembers(table: Table, nsp: string, room: RoomName): AsyncGenerator<readonly Member[]> {
  for await (const items of mergePages(roomPks(nsp, room).map((pk) => table.query(pk)))) {
    const now = table.now();
    const members = readable(items, (item) => readMemberItem(item, nsp, room))
      .filter(({ expiresAt }) => isLive(expiresAt, now))
      .map(toMember);
    if (members.length > 0) yield members;
  }
}

const toMember = ({ expiresAt: _, ...member }: MemberRow): Member => member;
