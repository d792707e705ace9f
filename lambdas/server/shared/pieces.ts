import { parse, stringify } from "devalue";
import { setOwn } from "../common/json.ts";
import { type Container, type Kind, kindOf } from "./containers.ts";
import { assertKeepable } from "./not-kept.ts";

/**
 * The content of a variable as texts, of which only those that change are written. A small one is one piece. A larger object or Map
 * has one for each key, with its place in their order; a larger array or Set one for each range.
 */
export type VariablePieces = Map<string, string>;

/** A variable of so many characters is one piece. */
const WHOLE_LENGTH = 1_024;
/** A range has so many items at most. */
const RANGE_ITEMS = 64;
/** And is not longer, but for a single long item; in characters. */
const RANGE_LENGTH = 4_096;

const WHOLE = "";
const LETTERS: Readonly<Record<Kind, string>> = { array: "a", object: "o", map: "m", set: "s" };

/**
 * @param known pieces of before: keys keep their places in the order
 * @throws NotKeptError
 */
export function toPieces(value: Container, name: string, known: ReadonlyMap<string, string>): VariablePieces {
  assertKeepable(value, name);
  const whole = stringify(value);
  if (whole.length <= WHOLE_LENGTH) return new Map([[WHOLE, whole]]);
  if (Array.isArray(value)) return ranges("a", value);
  if (value instanceof Set) return ranges("s", [...value]);
  if (value instanceof Map) {
    return entries(
      [...value].map(([key, item]) => [`m${stringify(key)}`, [key, item]]),
      known,
    );
  }
  return entries(
    Object.entries(value).map(([key, item]) => [`o${key}`, [key, item]]),
    known,
  );
}

/** Back from {@link toPieces}. */
export function fromPieces(pieces: ReadonlyMap<string, string>): Container {
  const whole = pieces.get(WHOLE);
  const value: unknown = whole === undefined ? joined(pieces) : parse(whole);
  if (kindOf(value) === undefined) throw new Error("a shared variable is kept in a form that is not known");
  return value as Container;
}

/** Undefined for none. */
export function kindOfPieces(pieces: ReadonlyMap<string, string>): Kind | undefined {
  const [first] = pieces;
  if (!first) return undefined;
  const [piece, text] = first;
  if (piece === WHOLE) return kindOf(parse(text));
  return (Object.keys(LETTERS) as Kind[]).find((kind) => piece.startsWith(LETTERS[kind]));
}

function ranges(letter: string, items: readonly unknown[]): VariablePieces {
  const pieces: VariablePieces = new Map();
  let from = 0;
  while (from < items.length) {
    let to = from;
    let length = 0;
    do {
      length += stringify(items[to]).length;
      to++;
    } while (to < items.length && to - from < RANGE_ITEMS && length < RANGE_LENGTH);
    pieces.set(`${letter}${pieces.size}`, stringify(items.slice(from, to)));
    from = to;
  }
  return pieces;
}

/** Each with a number in front that tells its place: one that is new, or was moved, gets one behind all others. */
function entries(
  all: readonly (readonly [piece: string, entry: readonly [key: unknown, value: unknown]])[],
  known: ReadonlyMap<string, string>,
): VariablePieces {
  const orders = new Map([...known].map(([piece, text]) => [piece, Number.parseInt(text, 10)] as const));
  let highest = [...orders.values()].filter(Number.isFinite).reduce((a, b) => Math.max(a, b), -1);
  let last = -1;
  const pieces: VariablePieces = new Map();
  for (const [piece, entry] of all) {
    const before = orders.get(piece) ?? Number.NaN;
    const order = before > last ? before : ++highest;
    last = order;
    pieces.set(piece, `${order} ${stringify(entry)}`);
  }
  return pieces;
}

function joined(pieces: ReadonlyMap<string, string>): Container {
  const kind = kindOfPieces(pieces);
  if (kind === "array" || kind === "set") {
    const items = [...pieces]
      .map(([piece, text]) => [Number(piece.slice(1)), text] as const)
      .sort(([a], [b]) => a - b)
      .flatMap(([, text]) => parse(text));
    return kind === "set" ? new Set(items) : items;
  }
  const inOrder = [...pieces.values()]
    .map((text) => [Number.parseInt(text, 10), text.slice(text.indexOf(" ") + 1)] as const)
    .sort(([a], [b]) => a - b)
    .map(([, text]): readonly [unknown, unknown] => parse(text));
  if (kind === "map") return new Map(inOrder);
  const object: Record<string, unknown> = {};
  for (const [key, value] of inOrder) setOwn(object, String(key), value);
  return object;
}
