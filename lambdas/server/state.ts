import { keyInPath, NotJsonError, restoreInPlace, setOwn, toJson } from "./json.ts";
import type { Json } from "./ports.ts";

type Values = Record<string, unknown>;

/**
 * What is saved of an object of the application's (`socket.data`, or the properties it set on the socket), by top-level
 * key: so that only what changed is written, and two invocations that change different keys both succeed.
 */
export class SavedState {
  readonly #saved: Map<string, Json>;
  readonly #name: string;
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
   * no JSON is left as it was saved and reported once.
   */
  takeChanges(
    current: object,
    report: (key: string, error: NotJsonError) => void,
  ): Readonly<Record<string, Json | undefined>> | undefined {
    const changes: Record<string, Json | undefined> = {};
    let changed = false;
    const note = (key: string, json: Json | undefined): void => {
      setOwn(changes, key, json);
      changed = true;
    };
    for (const [key, value] of Object.entries(current)) {
      const json = this.#encode(key, value, report);
      if (json === "keep" || json === this.#saved.get(key)) continue;
      note(key, json);
    }
    for (const key of this.#saved.keys()) {
      if (!Object.hasOwn(current, key)) note(key, undefined);
    }
    for (const [key, json] of Object.entries(changes)) this.#remember(key, json);
    return changed ? changes : undefined;
  }

  /** Is there something in it that no row can hold? */
  holdsMore(current: object): boolean {
    return Object.entries(current).some(
      ([key, value]) => this.#encode(key, value, () => undefined) === "keep",
    );
  }

  /** After a failed write: those keys are written again with the next change. */
  forget(keys: readonly string[]): void {
    for (const key of keys) this.#saved.delete(key);
  }

  /** Puts the saved values back into `current`, keeping the objects it is made of and what no row can hold. */
  restore(current: Values): void {
    const values = this.values();
    for (const [key, value] of Object.entries(current)) {
      if (!this.#saved.has(key) && this.#encode(key, value, () => undefined) === "keep") {
        setOwn(values, key, value);
      }
    }
    restoreInPlace(current, values);
  }

  #encode(
    key: string,
    value: unknown,
    report: (key: string, error: NotJsonError) => void,
  ): Json | undefined | "keep" {
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
