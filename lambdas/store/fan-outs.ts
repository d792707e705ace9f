import { toRange } from "../server/fan-out/ranges.ts";
import type { FanOutPorts, FanOutStore, Leg, LegKey, Missed, SocketRange } from "../server/ports/fan-out.ts";
import type { Leaver, LogRow, Member, RoomName } from "../server/ports/rooms.ts";
import { asText, readLeaverItem, readMemberItem } from "./items.ts";
import {
  escapeName,
  leaverRange,
  leaversNotedKey,
  legKey,
  logKey,
  logPk,
  messageKey,
  roomPks,
  unescapeName,
} from "./keys.ts";
import { FAN_OUT_KEPT_MS, LEAVERS_KEPT_MS, toTtl } from "./lifetimes.ts";
import { logStore } from "./log.ts";
import { sessionStore } from "./sessions.ts";
import { socketReadStore } from "./sockets/reads.ts";
import type { DynamoStoreOptions } from "./table/dynamo-options.ts";
import { Expression, isLive } from "./table/expression.ts";
import { ITEM_VERSION, type Item, ItemReader, isObject, readable, toRecord } from "./table/item-reader.ts";
import { methodsOf } from "./table/methods.ts";
import { Table } from "./table/table.ts";

/** Keys hold no control characters: nothing sorts before a space. */
const FIRST_SK = " ";
/** More than 1 MB of members, at which a page ends by itself. */
const WHOLE_PAGE = 10_000;
/** Bytes of a message in one item, which may have 400 KB. */
const SLICE_BYTES = 350 * 1024;

export type FanOutStoreOptions = Pick<DynamoStoreOptions, "client" | "table" | "clock">;

/** What a worker of a fan-out reads and writes of the table, and nothing else. */
export function createFanOutStore({ client, table: name, clock }: FanOutStoreOptions): FanOutPorts["store"] {
  const table = new Table({ client, name, clock });
  const { leaveToResume, readSession } = sessionStore(table);
  const { finishLog } = logStore(table);
  const { readRooms } = socketReadStore(table);
  return { ...fanOutStore(table), leaveToResume, readSession, readRooms, finishLog };
}

/** The rows of fan-outs, and rooms by ranges of their members. */
export function fanOutStore(table: Table): FanOutStore {
  return {
    listMembersInOrder: (nsp, room, range, pageSize) =>
      listMembersInOrder(table, { nsp, room, range, pageSize }),
    ...methodsOf(table, { putMessage, readMessage, putRoot, claimLeg, saveLeg, readLeg, markFannedOut }),
    ...methodsOf(table, { noteLeavers, readLeavers }),
    finishLeg: (key, part, missed, token) => finishLeg(table, key, { part, missed, token }),
  };
}

const SUBJECT = "A part of an event for a large room";

interface Listing {
  readonly nsp: string;
  readonly room: RoomName;
  readonly range: SocketRange;
  readonly pageSize: number | undefined;
}

/** One Query for each page; EVERYONE is four sources. */
function listMembersInOrder(
  table: Table,
  { nsp, room, range, pageSize = WHOLE_PAGE }: Listing,
): readonly AsyncGenerator<readonly Member[]>[] {
  const pks = roomPks(nsp, room);
  const limit = Math.ceil(pageSize / pks.length);
  return pks.map((pk) => listPart(table, pk, { nsp, room, range, pageSize: limit }));
}

async function* listPart(
  table: Table,
  pk: string,
  { nsp, room, range, pageSize = WHOLE_PAGE }: Listing,
): AsyncGenerator<readonly Member[]> {
  const from = range.from === undefined ? FIRST_SK : escapeName(range.from);
  const to = range.to === undefined ? undefined : escapeName(range.to);
  for await (const items of table.queryRange(pk, { from, ...(to !== undefined && { to }), pageSize })) {
    const now = table.now();
    const within = items.filter((item) => item.sk !== to); // DynamoDB's ranges include their end
    yield readable(within, (item) => readMemberItem(item, nsp, room))
      .filter(({ expiresAt }) => isLive(expiresAt, now))
      .map(({ expiresAt: _, ...member }): Member => member);
  }
}

/** One write for each 350 KB. */
async function putMessage(table: Table, id: string, json: string): Promise<void> {
  const bytes = Buffer.from(json, "utf8");
  const slices = Math.ceil(bytes.byteLength / SLICE_BYTES);
  for (let at = 0; at < slices; at++) {
    const slice = new Uint8Array(bytes.subarray(at * SLICE_BYTES, (at + 1) * SLICE_BYTES));
    await table.put(
      { ...messageKey(id, at), ...born(table), slices, slice },
      "A large event for a large room",
    );
  }
}

/** One read for each slice. */
async function readMessage(table: Table, id: string): Promise<string | undefined> {
  const found: Uint8Array[] = [];
  for (let at = 0, slices = 1; at < slices; at++) {
    const item = await table.get(messageKey(id, at));
    if (!(item?.slice instanceof Uint8Array)) return undefined;
    found.push(item.slice);
    slices = new ItemReader(item).number("slices");
  }
  return Buffer.concat(found).toString("utf8");
}

const born = (table: Table) => ({ v: ITEM_VERSION, expiresAt: toTtl(table.now() + FAN_OUT_KEPT_MS) });

/** One write. */
async function putRoot(table: Table, id: string, branches: readonly SocketRange[]): Promise<void> {
  const item = {
    ...legKey({ id, path: "@" }),
    ...born(table),
    branches: branches.map((range) => ({ ...range })),
    finished: {},
  };
  await table.put(item, SUBJECT);
}

/**
 * One write. Sent twice because its answer was lost, the second sending is refused by what the first has put: then one read
 * more, or nobody would serve the leg until Lambda tries again.
 */
async function claimLeg(
  table: Table,
  key: LegKey,
  { token, until }: { readonly token: string; readonly until: number },
): Promise<Leg | undefined> {
  const { v, expiresAt } = born(table);
  const claim = new Expression()
    .set(["claim"], token)
    .set(["until"], until)
    .setOnce(["v"], v)
    .setOnce(["expiresAt"], expiresAt)
    .setOnce(["branches"], [])
    .setOnce(["finished"], {});
  claim.require(claim.anyOf(claim.absent(["until"]), claim.atMost(["until"], table.now())));
  const { ok, old, resent } = await table.update(legKey(key), SUBJECT, claim, "ALL_OLD");
  if (ok) return old ? toLeg(old) : { missed: [], branches: [], finished: {} };
  const there = resent ? await table.get(legKey(key)) : undefined;
  return there?.claim === token ? toLeg(there) : undefined;
}

/** One write. */
async function saveLeg(
  table: Table,
  key: LegKey,
  token: string,
  { cursor, missed, to, branches }: Parameters<FanOutStore["saveLeg"]>[2],
): Promise<boolean> {
  const save = new Expression();
  if (cursor !== undefined) save.set(["at"], cursor);
  if (missed !== undefined) save.set(["missed"], toMissedValue(missed));
  if (to !== undefined) save.set(["to"], to);
  if (branches !== undefined)
    save.set(
      ["branches"],
      branches.map((range) => ({ ...range })),
    );
  save.require(save.equals(["claim"], token));
  const { ok } = await table.update(legKey(key), SUBJECT, save);
  return ok;
}

/** One write. */
async function finishLeg(
  table: Table,
  key: LegKey,
  finish: { readonly part: string; readonly missed: Missed; readonly token: string | undefined },
): Promise<Leg | undefined> {
  const { part, missed, token } = finish;
  const change = new Expression().set(["finished", part], toMissedValue(missed));
  change.require(change.live(table.now()));
  if (token !== undefined) change.require(change.equals(["claim"], token));
  const { ok, old } = await table.update(legKey(key), SUBJECT, change, "ALL_OLD");
  if (!ok || !old) return undefined;
  const leg = toLeg(old);
  return { ...leg, finished: { ...leg.finished, [part]: missed } };
}

/** One read. */
async function readLeg(table: Table, key: LegKey): Promise<Leg | undefined> {
  const item = await table.get(legKey(key));
  if (!item || !isLive(new ItemReader(item).number("expiresAt"), table.now())) return undefined;
  return toLeg(item);
}

/** One write; of the whole packet, by DynamoDB's bill. */
async function markFannedOut(table: Table, row: Pick<LogRow, "nsp" | "room" | "id">): Promise<void> {
  const mark = new Expression().set(["fannedOut"], true);
  mark.require(mark.live(table.now()));
  await table.update(logKey(row), "A packet for a large room", mark);
}

/** One write. */
async function noteLeavers(table: Table, nsp: string, room: string): Promise<void> {
  const item = {
    ...leaversNotedKey(nsp, room),
    v: ITEM_VERSION,
    expiresAt: toTtl(table.now() + LEAVERS_KEPT_MS),
  };
  await table.put(item, `Who leaves room ${JSON.stringify(room.slice(0, 40))}`);
}

/** One Query for each page of 1 MB. */
async function readLeavers(
  table: Table,
  nsp: string,
  room: string,
  from: string,
): Promise<readonly Leaver[]> {
  const leavers: Leaver[] = [];
  const range = { ...leaverRange(from), pageSize: WHOLE_PAGE };
  for await (const items of table.queryRange(logPk(nsp, room), range)) {
    const now = table.now();
    const found = readable(items, (item) => readLeaverItem(item, nsp, room))
      .filter(({ expiresAt }) => isLive(expiresAt, now))
      .map(({ expiresAt: _, ...leaver }): Leaver => leaver);
    leavers.push(...found);
  }
  return leavers;
}

const toMissedValue = (missed: Missed): string | string[] =>
  missed === "many" ? missed : missed.map(escapeName);

function toLeg(item: Item): Leg {
  const read = new ItemReader(item);
  const cursor = read.optionalText("at");
  const to = read.optionalText("to");
  return {
    ...(cursor !== undefined && { cursor }),
    missed: toMissed(item.missed) ?? [],
    ...(to !== undefined && { to }),
    branches: (Array.isArray(item.branches) ? item.branches : []).map((range: unknown) =>
      isObject(range) ? toRange(asText(range.from), asText(range.to)) : {},
    ),
    finished: toRecord(read.entries("finished", toMissed)),
  };
}

function toMissed(value: unknown): Missed | undefined {
  if (value === "many") return value;
  return Array.isArray(value) && value.every((id) => typeof id === "string")
    ? value.map(unescapeName)
    : undefined;
}
