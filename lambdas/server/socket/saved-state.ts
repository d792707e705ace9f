import { keyInPath, NotJsonError, restoreInPlace, setOwn, toJson } from "../common/json.ts";
import {
  entryBytes,
  MAX_NAME_BYTES,
  MAX_STATE_BYTES,
  MAX_VALUE_BYTES,
  nameBytes,
} from "../common/row-limits.ts";
import type { Json } from "../ports/sockets.ts";

type Values = Record<string, unknown>;
/** By top-level key; undefined removes it. */
type Changes = Readonly<Record<string, Json | undefined>>;
type Report = (key: string, error: NotJsonError | TooLargeError) => void;

/** A value, its key, or all of them together are more than a row has place for. The message names key and size. */
export class TooLargeError extends Error {
  override readonly name = "TooLargeError";
  readonly key: string;

  constructor(key: string, message: string) {
    super(message);
    this.key = key;
  }

  static ofName(key: string, name: string): TooLargeError {
    return new TooLargeError(
      key,
      `the key ${name}… takes ${nameBytes(key)} bytes; ${MAX_NAME_BYTES} are allowed`,
    );
  }

  static ofValue(key: string, name: string, json: Json): TooLargeError {
    const bytes = Buffer.byteLength(json);
    return new TooLargeError(key, `${name} takes ${bytes} bytes as JSON; ${MAX_VALUE_BYTES} are allowed`);
  }

  static ofAll(key: string, name: string, bytes: number): TooLargeError {
    return new TooLargeError(
      key,
      `${name} takes ${bytes} bytes, which makes all that is kept beside it more than the ${MAX_STATE_BYTES} bytes that are allowed together`,
    );
  }
}

const isTooLarge = (json: Json): boolean =>
  json.length > MAX_VALUE_BYTES / 3 && Buffer.byteLength(json) > MAX_VALUE_BYTES;

/**
 * What is saved of an object of the application's (`socket.data`, or the properties it set on the socket), by top-level
 * key: so that only what changed is written, and two invocations that change different keys both succeed.
 */
export class SavedState {
  readonly #saved: Map<string, Json>;
  readonly #name: string;
  /** What could not be written in this invocation; undefined: a removal. */
  readonly #failed = new Map<string, Json | undefined>();
  /** Keys that cannot be saved, already complained about in this invocation. */
  readonly #unsavable = new Set<string>();

  constructor(name: string, saved: Readonly<Record<string, Json>>) {
    this.#name = name;
    this.#saved = new Map(Object.entries(saved));
  }

  /** The saved values, freshly parsed. */
  values(): Values {
    const values: Values = {};
    for (const [key, json] of this.#saved) setOwn(values, key, JSON.parse(json));
    return values;
  }

  /** Saved JSON by key. */
  json(): Readonly<Record<string, Json>> {
    const json: Record<string, Json> = {};
    for (const [key, text] of this.#saved) setOwn(json, key, text);
    return json;
  }

  /**
   * What differs from the saved state, which from then on counts as saved; undefined when nothing does. A value that is
   * no JSON, or for which there is no place, is left as it was saved and reported once.
   */
  takeChanges(current: object, report: Report): Changes | undefined {
    const { changes, refused } = this.#look(current, report);
    for (const refusal of refused) {
      if (this.#unsavable.has(refusal.key)) continue;
      this.#unsavable.add(refusal.key);
      report(refusal.key, refusal);
    }
    for (const [key, json] of Object.entries(changes)) this.#remember(key, json);
    return Object.keys(changes).length > 0 ? changes : undefined;
  }

  /** Is there something in it that no row can hold? */
  hasUnsavable(current: object): boolean {
    return (
      Object.entries(current).some(([key, value]) => this.#encode(key, value, () => undefined) === "keep") ||
      this.#look(current, () => undefined).refused.length > 0
    );
  }

  /**
   * After a failed write. The same values are not tried again in this invocation: what has failed for good would fail at each
   * effect until the invocation's end, and what failed for a moment has been tried several times by the SDK.
   */
  noteFailed(changes: Changes): void {
    for (const [key, json] of Object.entries(changes)) {
      if (this.#saved.get(key) !== json) continue; // changed again meanwhile: that is another write's
      this.#saved.delete(key);
      this.#failed.set(key, json);
    }
  }

  /** Puts the saved values back into `current`, keeping the objects it is made of and what no row can hold. */
  restore(current: Values): void {
    const values = this.values();
    const added = Object.entries(current).filter(([key]) => !this.#saved.has(key));
    if (added.length > 0) {
      const refused = new Set(this.#look(current, () => undefined).refused.map(({ key }) => key));
      for (const [key, value] of added) {
        if (!refused.has(key) && this.#encode(key, value, () => undefined) !== "keep") continue;
        this.#unsavable.add(key); // what a listener sets again before each event has been reported when it first did
        setOwn(values, key, value);
      }
    }
    restoreInPlace(current, values);
  }

  /** What is to be written, and what has no place. */
  #look(
    current: object,
    report: Report,
  ): { readonly changes: Changes; readonly refused: readonly TooLargeError[] } {
    const changes: Record<string, Json | undefined> = {};
    const refused: TooLargeError[] = [];
    for (const key of new Set([...this.#saved.keys(), ...this.#failed.keys()])) {
      if (!Object.hasOwn(current, key) && !this.#isDone(key, undefined)) setOwn(changes, key, undefined);
    }
    let place: number | undefined;
    for (const [key, value] of Object.entries(current)) {
      const json = this.#encode(key, value, report);
      if (json === "keep" || this.#isDone(key, json)) continue;
      if (json === undefined) {
        setOwn(changes, key, undefined);
        continue;
      }
      place ??= this.#placeWithout(changes);
      const bytes = entryBytes(key, json);
      const saved = this.#saved.get(key);
      const before = saved === undefined ? 0 : entryBytes(key, saved);
      const left = place - bytes + before;
      const name = this.#name + keyInPath(key);
      if (nameBytes(key) > MAX_NAME_BYTES) refused.push(TooLargeError.ofName(key, name));
      else if (isTooLarge(json)) refused.push(TooLargeError.ofValue(key, name, json));
      else if (left < 0 && bytes > before) refused.push(TooLargeError.ofAll(key, name, bytes));
      else {
        place = left;
        setOwn(changes, key, json);
      }
    }
    return { changes, refused };
  }

  /** Saved like this, or tried in vain. */
  #isDone(key: string, json: Json | undefined): boolean {
    if (this.#failed.has(key)) return this.#failed.get(key) === json;
    return this.#saved.get(key) === json;
  }

  /** What the row has left for more, in bytes. */
  #placeWithout(removed: Changes): number {
    let place = MAX_STATE_BYTES;
    for (const [key, json] of this.#saved) if (!Object.hasOwn(removed, key)) place -= entryBytes(key, json);
    return place;
  }

  #encode(key: string, value: unknown, report: Report): Json | undefined | "keep" {
    if (value === undefined) return undefined;
    try {
      return toJson(value, this.#name + keyInPath(key));
    } catch (thrown) {
      const error = thrown instanceof NotJsonError ? thrown : notJson(this.#name + keyInPath(key), thrown);
      if (!this.#unsavable.has(key)) {
        this.#unsavable.add(key);
        report(key, error);
      }
      return "keep";
    }
  }

  #remember(key: string, json: Json | undefined): void {
    this.#failed.delete(key);
    if (json === undefined) this.#saved.delete(key);
    else this.#saved.set(key, json);
  }
}

/** Whatever a getter, a proxy or too deep a nesting throws while it is looked at. */
const notJson = (path: string, cause: unknown): NotJsonError =>
  new NotJsonError(
    `${path} cannot be read as JSON (${cause instanceof Error ? cause.message : String(cause)})`,
    {
      cause,
    },
  );
