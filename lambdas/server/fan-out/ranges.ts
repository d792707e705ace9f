import type { SocketRange } from "../ports/fan-out.ts";

/** The characters of socket ids in the order in which strings and keys of the table sort, which is not that of base64url. */
const DIGITS = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
const BITS = 6n;
/** Socket ids are 15 random bytes. */
const LENGTH = 20;
const END = 1n << (BITS * BigInt(LENGTH));

/** Ids are spread evenly: this is where one lies between the first and the last. Of anything else, about where it would sort. */
function positionOf(id: string): bigint {
  let position = 0n;
  for (let at = 0; at < LENGTH; at++) {
    position = (position << BITS) | BigInt(at < id.length ? digitOf(id.charAt(at)) : 0);
  }
  return position;
}

function digitOf(char: string): number {
  const digit = DIGITS.indexOf(char);
  if (digit !== -1) return digit;
  let below = 0;
  while (below < DIGITS.length - 1 && (DIGITS[below + 1] ?? "") <= char) below++;
  return below;
}

function idAt(position: bigint): string {
  let id = "";
  for (let shift = BITS * BigInt(LENGTH - 1); shift >= 0n; shift -= BITS) {
    id += DIGITS.charAt(Number((position >> shift) & 63n));
  }
  return id;
}

const start = ({ from }: SocketRange): bigint => (from === undefined ? 0n : positionOf(from));
const end = ({ to }: SocketRange): bigint => (to === undefined ? END : positionOf(to));

/**
 * About how many ids are in the rest of a range.
 * @param seen how many there were in it before `next`
 */
export function estimateRest(range: SocketRange, next: string, seen: number): number {
  const covered = positionOf(next) - start(range);
  const rest = end(range) - positionOf(next);
  // As if all were in the smallest range that there is: a wrong guess makes workers with nothing to do, and no more.
  return (seen * Number(rest)) / Number(covered > 0n ? covered : 1n);
}

/**
 * Cuts a range into at most `count` that are about as large, in order: each id is in exactly one of them.
 * A range that is too small for so many gives fewer.
 */
export function divide(range: SocketRange, count: number): SocketRange[] {
  const first = start(range);
  const size = end(range) - first;
  const cuts: string[] = [];
  for (let at = 1; at < count; at++) {
    const cut = idAt(first + (size * BigInt(at)) / BigInt(count));
    const last = cuts.at(-1) ?? range.from;
    // Strings decide which range an id is in, positions only where to cut: a cut that sorts elsewhere is none.
    if ((last === undefined || cut > last) && (range.to === undefined || cut < range.to)) cuts.push(cut);
  }
  return [range.from, ...cuts].map((from, at) => toRange(from, cuts[at] ?? range.to));
}

export const toRange = (from: string | undefined, to: string | undefined): SocketRange => ({
  ...(from !== undefined && { from }),
  ...(to !== undefined && { to }),
});

/** The first string after this one: no character of a key sorts before a space. */
export const following = (id: string): string => `${id} `;
