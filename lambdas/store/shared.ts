import type {
  Aside,
  LeaseChange,
  LeaseClaim,
  Pieces,
  SharedCommit,
  SharedLease,
  SharedStore,
} from "../server/ports/shared.ts";
import { hashedName, leaseKey, PIECE_SK, pieceKey, pieceOf, sharedAsideKey, sharedPk } from "./keys.ts";
import { TOMBSTONE_KEPT_MS, toTtl } from "./lifetimes.ts";
import { Expression } from "./table/expression.ts";
import { ITEM_VERSION, type Item, ItemReader } from "./table/item-reader.ts";
import { methodsOf } from "./table/methods.ts";
import type { Table } from "./table/table.ts";

/** Of what is put aside, in bytes: an item holds 400 KB. */
const SLICE_BYTES = 350_000;
/** Of a note, which is base64 of them. */
const NOTE_BYTES = 6;

/** Variables that a namespace shares: the row of its lease, pieces of values, and what is put aside. None of it expires. */
export function sharedStore(table: Table): SharedStore {
  return methodsOf(table, {
    ...{ takeLease, standInLine, readLease, claimLease, writeLease },
    ...{ putPieces, readPieces, putAside, readAside, dropAside },
  });
}

const subjectOf = (nsp: string): string =>
  `The shared variables of namespace ${JSON.stringify(nsp.slice(0, 40))}`;

/** One write. */
async function takeLease(table: Table, nsp: string, claim: LeaseClaim): Promise<SharedLease | undefined> {
  const take = new Expression().count(["next"]).setOnce(["place"], 0);
  setClaim(take, claim);
  take.require(take.anyOf(take.absent(["pk"]), take.same(["place"], ["next"])));
  return await taken(table, nsp, claim.token, take);
}

/** One write. */
async function claimLease(
  table: Table,
  nsp: string,
  seen: Pick<SharedLease, "place" | "until">,
  { place, ...claim }: LeaseClaim & Pick<SharedLease, "place">,
): Promise<SharedLease | undefined> {
  const take = new Expression().set(["place"], place);
  setClaim(take, claim);
  take.require(take.equals(["place"], seen.place), take.equals(["until"], seen.until));
  return await taken(table, nsp, claim.token, take);
}

function setClaim(take: Expression, { token, until }: LeaseClaim): void {
  take.set(["v"], ITEM_VERSION).set(["token"], token).set(["until"], until);
}

async function taken(
  table: Table,
  nsp: string,
  token: string,
  take: Expression,
): Promise<SharedLease | undefined> {
  const written = await table.update(leaseKey(nsp), subjectOf(nsp), take, "ALL_NEW");
  if (written.ok) return written.old && toLease(written.old);
  // An earlier sending may have taken it.
  const item = written.resent ? await table.get(leaseKey(nsp)) : undefined;
  return item?.token === token ? toLease(item) : undefined;
}

/** One write. Sent twice, it takes two places, of which nobody stands at one. */
async function standInLine(table: Table, nsp: string): Promise<number> {
  const stand = new Expression().count(["next"]).setOnce(["place"], 0).setOnce(["until"], 0);
  stand.setOnce(["v"], ITEM_VERSION);
  const { old } = await table.update(leaseKey(nsp), subjectOf(nsp), stand, "ALL_NEW");
  return new ItemReader(old ?? {}).number("next") - 1;
}

/** One read. */
async function readLease(table: Table, nsp: string): Promise<SharedLease | undefined> {
  const item = await table.get(leaseKey(nsp), subjectOf(nsp));
  return item && toLease(item);
}

/** One write; a read more if it is refused. */
async function writeLease(
  table: Table,
  nsp: string,
  token: string,
  { gives, until, commit }: LeaseChange,
): Promise<boolean> {
  const change = new Expression().set(["until"], until);
  if (gives) change.increment(["place"]).remove(["token"]);
  if (commit) setCommit(change, commit);
  change.require(change.equals(["token"], token));
  const { ok } = await table.update(leaseKey(nsp), subjectOf(nsp), change);
  if (ok || !commit) return ok;
  return (await readLease(table, nsp))?.version === commit.version;
}

function setCommit(change: Expression, { version, redo, notes, base, aside }: SharedCommit): void {
  change.set(["version"], version).set(["redo"], JSON.stringify([...redo]));
  if (notes.length > 0) change.set(["notes"], Buffer.from(notes.join(""), "base64url"));
  else change.remove(["notes"]);
  if (base !== undefined) change.set(["base"], base);
  else change.remove(["base"]);
  if (aside) change.set(["aside"], aside.id).set(["slices"], aside.count);
  else change.remove(["aside"]).remove(["slices"]);
}

function toLease(item: Item): SharedLease {
  const read = new ItemReader(item);
  const [version, base, aside] = [
    read.optionalText("version"),
    read.optionalText("base"),
    read.optionalText("aside"),
  ];
  const { notes } = item;
  return {
    place: read.number("place"),
    next: read.number("next"),
    taken: read.optionalText("token") !== undefined,
    until: read.number("until"),
    ...(version !== undefined && { version }),
    ...(base !== undefined && { base }),
    redo: toPieces(read.optionalText("redo") ?? "[]"),
    ...(aside !== undefined && { aside: { id: aside, count: read.number("slices") } }),
    notes: notes instanceof Uint8Array ? toNotes(notes) : [],
  };
}

const toNotes = (bytes: Uint8Array): readonly string[] =>
  Array.from({ length: bytes.byteLength / NOTE_BYTES }, (_, i) =>
    Buffer.from(bytes.subarray(i * NOTE_BYTES, (i + 1) * NOTE_BYTES)).toString("base64url"),
  );

function toPieces(json: string): Pieces {
  const entries: unknown = JSON.parse(json);
  if (!Array.isArray(entries)) return new Map();
  return new Map(entries.map(([key, text]) => [String(key), text === null ? null : String(text)]));
}

/** One write a piece, at once. One that is gone leaves a row for a while: an older write of it may be under way. */
async function putPieces(table: Table, nsp: string, place: number, pieces: Pieces): Promise<void> {
  await Promise.all(
    [...pieces].map(async ([piece, text]) => {
      const key = pieceKey(nsp, piece);
      const later = new Expression();
      later.require(later.anyOf(later.absent(["at"]), later.atMost(["at"], place)));
      const content = text === null ? { expiresAt: toTtl(table.now() + TOMBSTONE_KEPT_MS) } : { text };
      const item = { ...key, v: ITEM_VERSION, at: place, ...hashedName(key.sk, piece), ...content };
      await table.put(item, subjectOf(nsp), later);
    }),
  );
}

/** One Query for each begun megabyte. */
async function readPieces(table: Table, nsp: string): Promise<ReadonlyMap<string, string>> {
  const pieces = new Map<string, string>();
  for await (const items of table.queryBeginning(sharedPk(nsp), PIECE_SK)) {
    for (const item of items) {
      const read = new ItemReader(item);
      const text = read.optionalText("text");
      if (text !== undefined) pieces.set(pieceOf(read.text("sk"), read.optionalText("name")), text);
    }
  }
  return pieces;
}

/** One write for each slice. */
async function putAside(table: Table, nsp: string, id: string, text: string): Promise<Aside> {
  const bytes = Buffer.from(text);
  const count = Math.ceil(bytes.byteLength / SLICE_BYTES);
  await Promise.all(
    Array.from({ length: count }, async (_, at) => {
      const slice = bytes.subarray(at * SLICE_BYTES, (at + 1) * SLICE_BYTES);
      await table.put({ ...sharedAsideKey(nsp, id, at), v: ITEM_VERSION, slice }, subjectOf(nsp));
    }),
  );
  return { id, count };
}

/** One read for each slice. @throws when one is missing */
async function readAside(table: Table, nsp: string, { id, count }: Aside): Promise<string> {
  const slices = await Promise.all(
    Array.from({ length: count }, async (_, at) => {
      const slice = (await table.get(sharedAsideKey(nsp, id, at)))?.slice;
      if (slice instanceof Uint8Array) return slice;
      throw new Error(`${subjectOf(nsp)} cannot be read: a part of a large change is missing`);
    }),
  );
  return Buffer.concat(slices).toString();
}

/** One write for each slice. */
async function dropAside(table: Table, nsp: string, { id, count }: Aside): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, (_, at) => table.delete(sharedAsideKey(nsp, id, at), subjectOf(nsp))),
  );
}
