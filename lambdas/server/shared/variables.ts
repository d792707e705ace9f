import { SkysocketError } from "../common/errors.ts";
import type { Pieces } from "../ports/shared.ts";
import { become } from "./become.ts";
import { type Container, type Kind, kindOf } from "./containers.ts";
import { NotKeptError } from "./not-kept.ts";
import { fromPieces, kindOfPieces, toPieces } from "./pieces.ts";

/** The content of all variables at a moment: pieces by variable. */
export type Content = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** All variables of a namespace together, in bytes of what is kept. */
const MAX_BYTES = 1024 * 1024;
/** From here on a warning says so. */
const LARGE_BYTES = 256 * 1024;
/** One piece has to fit into a row. */
const MAX_PIECE_BYTES = 350 * 1024;
const MAX_NAME_LENGTH = 100;

interface Variable {
  readonly value: Container;
  readonly kind: Kind;
  /** Of the module: the content where nothing has been kept. */
  readonly initial: ReadonlyMap<string, string>;
}

/**
 * The shared variables of one namespace in this process: the objects that the module has, and what of them is kept. A warm instance
 * goes on with their content if nobody has changed it meanwhile.
 */
export class SharedVariables {
  readonly nsp: string;
  /** Some invocation of this process has the lease: what differs from what is kept is its change. */
  held = false;
  readonly #variables = new Map<string, Variable>();
  /** As the table has it at `version`, with the variables of other versions of the application. */
  #kept = new Map<string, Map<string, string>>();
  #version: string | undefined;
  #base: string | undefined;
  /** Nothing has been loaded, or what was is not to be relied on. */
  #stale = true;

  constructor(nsp: string) {
    this.nsp = nsp;
  }

  /** @throws SkysocketError */
  declare<T extends object>(name: string, initial: T): T {
    const what = `shared(${JSON.stringify(String(name).slice(0, MAX_NAME_LENGTH))})`;
    if (typeof name !== "string" || !/^\P{Cc}{1,100}$/u.test(name)) {
      throw invalid(`${what}: the name has to be a text of 1 to ${MAX_NAME_LENGTH} characters`);
    }
    if (this.#variables.has(name)) throw invalid(`${what} is there already: each variable is declared once`);
    const kind = kindOf(initial);
    if (kind === undefined) {
      throw invalid(
        `${what}: the initial value has to be an array, a plain object, a Map or a Set; got ${describe(initial)}. A number or a text goes into an object: { count: 0 }`,
      );
    }
    const value = initial as unknown as Container;
    try {
      this.#variables.set(name, { value, kind, initial: toPieces(value, name, new Map()) });
    } catch (error) {
      throw error instanceof NotKeptError
        ? invalid(`${what}: ${error.message}, which cannot be kept`)
        : error;
    }
    return initial;
  }

  /** As the objects have it now. @throws NotKeptError, SkysocketError */
  capture(): Content {
    const content = new Map<string, ReadonlyMap<string, string>>();
    for (const [name, { value }] of this.#variables)
      content.set(name, toPieces(value, name, this.#keptOf(name)));
    return content;
  }

  /** Puts a content into the objects. */
  putBack(content: Content): void {
    for (const [name, { value }] of this.#variables) {
      const pieces = content.get(name);
      if (pieces && !this.#reads(name, pieces)) become(value, fromPieces(pieces));
    }
  }

  /** What of a content is not kept; undefined if all is. */
  changes(content: Content): Pieces | undefined {
    const changes = new Map<string, string | null>();
    for (const [name, pieces] of content) {
      const before = this.#keptOf(name);
      if (same(before, pieces)) continue;
      // Of one that is kept for the first time no piece is there.
      const there: ReadonlyMap<string, string> = this.#kept.get(name) ?? new Map();
      for (const piece of there.keys()) if (!pieces.has(piece)) changes.set(pieceKey(name, piece), null);
      for (const [piece, text] of pieces) {
        if (there.get(piece) !== text) changes.set(pieceKey(name, piece), text);
      }
    }
    return changes.size === 0 ? undefined : changes;
  }

  /** @returns how many bytes it takes, if that is much. @throws SkysocketError */
  measure(content: Content): number | undefined {
    let bytes = 0;
    for (const [name, pieces] of content) {
      for (const text of pieces.values()) {
        const size = Buffer.byteLength(text);
        bytes += size;
        if (size > MAX_PIECE_BYTES)
          throw tooLarge(`one value in ${name} takes ${size} bytes; ${MAX_PIECE_BYTES}`);
      }
    }
    if (bytes > MAX_BYTES) throw tooLarge(`they take ${bytes} bytes together; ${MAX_BYTES}`);
    return bytes > LARGE_BYTES ? bytes : undefined;
  }

  /** This content is in the table now. */
  noteKept(changes: Pieces, version: string, base: string | undefined): void {
    this.#kept = overlaid(this.#kept, changes);
    [this.#version, this.#base, this.#stale] = [version, base, false];
  }

  /** The same content, and the rows hold it. */
  noteBase(base: string): void {
    this.#base = base;
  }

  /** What is kept has to be read again. */
  forget(): void {
    this.#stale = true;
  }

  /** Is nothing to be loaded for this version? */
  isAt(version: string | undefined): boolean {
    return !this.#stale && this.#version === version;
  }

  /** Are the rows that this content rests on those of `base`? Then what is laid over them is all there is to know. */
  restsOn(base: string | undefined): boolean {
    return !this.#stale && this.#base === base;
  }

  /**
   * Takes over what the table has.
   * @param rows undefined where the content rests on the same rows
   * @throws SkysocketError
   */
  load(
    rows: ReadonlyMap<string, string> | undefined,
    { redo, version, base }: { redo: Pieces; version: string | undefined; base: string | undefined },
  ): void {
    const before = rows ? overlaid(new Map(), rows) : this.#kept;
    this.#kept = overlaid(before, redo);
    for (const [name, { kind }] of this.#variables) {
      const kept = kindOfPieces(this.#keptOf(name));
      if (kept === kind) continue;
      throw invalid(
        `shared(${JSON.stringify(name)}) is ${kind === "array" ? "an array" : `of the kind "${kind}"`}, and what is kept under that name is of the kind "${kept}". Give it another name`,
      );
    }
    [this.#version, this.#base, this.#stale] = [version, base, false];
  }

  /** Gives the objects what is kept. @returns the names of those that had something else */
  restore(): readonly string[] {
    const changed: string[] = [];
    for (const [name, { value }] of this.#variables) {
      const kept = this.#keptOf(name);
      if (this.#reads(name, kept)) continue;
      changed.push(name);
      become(value, fromPieces(kept));
    }
    return changed;
  }

  /** Puts back what was changed while nobody of this process had the lease. @returns the names of the variables */
  restoreOutside(): readonly string[] {
    return this.held ? [] : this.restore();
  }

  #keptOf(name: string): ReadonlyMap<string, string> {
    return this.#kept.get(name) ?? this.#variables.get(name)?.initial ?? new Map();
  }

  #reads(name: string, pieces: ReadonlyMap<string, string>): boolean {
    const variable = this.#variables.get(name);
    try {
      return variable !== undefined && same(toPieces(variable.value, name, pieces), pieces);
    } catch {
      return false; // something is in it that cannot be kept
    }
  }
}

const SEPARATOR = "\n";

/** Names hold no control characters. */
const pieceKey = (name: string, piece: string): string => `${name}${SEPARATOR}${piece}`;

function overlaid(
  kept: ReadonlyMap<string, ReadonlyMap<string, string>>,
  pieces: Pieces,
): Map<string, Map<string, string>> {
  const result = new Map([...kept].map(([name, texts]) => [name, new Map(texts)] as const));
  for (const [key, text] of pieces) {
    const at = key.indexOf(SEPARATOR);
    const [name, piece] = [key.slice(0, at), key.slice(at + 1)];
    const texts = result.get(name) ?? new Map<string, string>();
    if (text === null) texts.delete(piece);
    else texts.set(piece, text);
    result.set(name, texts);
  }
  return result;
}

function same(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  if (a.size !== b.size) return false;
  for (const [key, text] of a) if (b.get(key) !== text) return false;
  return true;
}

const describe = (value: unknown): string => (value === null ? "null" : `a ${typeof value}`);

const invalid = (message: string): SkysocketError => new SkysocketError("SKY_SHARED_INVALID", message);

const tooLarge = (what: string): SkysocketError =>
  new SkysocketError("SKY_SHARED_TOO_LARGE", `${what} are allowed`);
