/**
 * Six bytes of MessagePack can announce four gigabytes, and notepack.io, which socket.io-msgpack-parser decodes with,
 * reserves and fills them for an ArrayBuffer before it finds that the data ends: enough to end a Lambda instance, and the
 * client would see API Gateway's error frame. So lengths are checked first. What is refused here no decoder accepts.
 * Format: https://github.com/msgpack/msgpack/blob/master/spec.md
 */

/** Is it one map of MessagePack, and nothing else? */
export function isMap(bytes: Uint8Array): boolean {
  const [first = 0] = bytes;
  if ((first & 0xf0) !== 0x80 && first !== 0xde && first !== 0xdf) return false;
  try {
    return walk(bytes) === bytes.length;
  } catch {
    return false;
  }
}

/** @throws Error if a length in it goes beyond its end */
export function checkLengths(bytes: Uint8Array): void {
  walk(bytes);
}

/** Where the first value ends. Values inside values are counted, not descended into: the depth costs no stack. */
function walk(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  for (let missing = 1; missing > 0; missing--) {
    const head = headAt(view, at);
    at += head.bytes;
    missing += head.values;
    // Each value takes one byte at least.
    if (at + missing - 1 > bytes.length) throw new Error("a length goes beyond the end of the packet");
  }
  return at;
}

interface Head {
  /** What it takes without the values inside. */
  readonly bytes: number;
  /** Values inside: items, keys. */
  readonly values: number;
}

/** Bytes behind the type, of types whose length is fixed: nil, false, true; floats, integers; fixed extensions. */
const FIXED: ReadonlyMap<number, number> = new Map([
  ...[0xc0, 0xc2, 0xc3].map((type) => [type, 0] as const),
  ...[4, 8, 1, 2, 4, 8, 1, 2, 4, 8].map((size, index) => [0xca + index, size] as const),
  ...[1, 2, 4, 8, 16].map((size, index) => [0xd4 + index, 1 + size] as const),
]);

function headAt(view: DataView, at: number): Head {
  const type = byte(view, at);
  if (type < 0x80 || type >= 0xe0) return { bytes: 1, values: 0 };
  if (type < 0x90) return { bytes: 1, values: 2 * (type & 0x0f) };
  if (type < 0xa0) return { bytes: 1, values: type & 0x0f };
  if (type < 0xc0) return { bytes: 1 + (type & 0x1f), values: 0 };
  const fixed = FIXED.get(type);
  if (fixed !== undefined) return { bytes: 1 + fixed, values: 0 };
  return longAt(view, at, type);
}

function longAt(view: DataView, at: number, type: number): Head {
  // Three widths of each: binary data, extensions, strings (8, 16, 32 bits), lists, maps (16, 32 bits).
  if (type >= 0xc4 && type <= 0xc6) return withBytes(view, at, 1 << (type - 0xc4), 0);
  if (type >= 0xc7 && type <= 0xc9) return withBytes(view, at, 1 << (type - 0xc7), 1);
  if (type >= 0xd9 && type <= 0xdb) return withBytes(view, at, 1 << (type - 0xd9), 0);
  if (type === 0xdc || type === 0xdd) return withValues(view, at, type === 0xdc ? 2 : 4, 1);
  if (type === 0xde || type === 0xdf) return withValues(view, at, type === 0xde ? 2 : 4, 2);
  throw new Error(`no type of MessagePack: ${type}`);
}

const withBytes = (view: DataView, at: number, width: number, extra: number): Head => ({
  bytes: 1 + width + extra + lengthAt(view, at + 1, width),
  values: 0,
});

const withValues = (view: DataView, at: number, width: number, each: number): Head => ({
  bytes: 1 + width,
  values: each * lengthAt(view, at + 1, width),
});

function lengthAt(view: DataView, at: number, width: number): number {
  let length = 0;
  for (let index = 0; index < width; index++) length = length * 256 + byte(view, at + index);
  return length;
}

function byte(view: DataView, at: number): number {
  if (at >= view.byteLength) throw new Error("a length goes beyond the end of the packet");
  return view.getUint8(at);
}
