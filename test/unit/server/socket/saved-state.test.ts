import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { SavedState } from "../../../../lambdas/server/socket/saved-state.ts";

type Values = Record<string, unknown>;
/** Few names, so that changes meet. */
const name = fc.constantFrom("a", "b", "c", "__proto__", "constructor");
const values = fc.dictionary(name, fc.jsonValue(), { noNullPrototype: true });

const save = (state: SavedState, current: object, reports: string[] = []) =>
  state.takeChanges(current, (key, error) => reports.push(`${key}: ${error.message}`));

const jsonOf = (current: Values): Record<string, string> =>
  Object.fromEntries(Object.entries(current).map(([key, value]) => [key, JSON.stringify(value)]));

/** A table that does with changes what the store does. */
class Row {
  readonly #keys: Map<string, string>;
  constructor(json: Readonly<Record<string, string>>) {
    this.#keys = new Map(Object.entries(json));
  }
  take(changes: Readonly<Record<string, string | undefined>> | undefined): void {
    for (const [key, json] of Object.entries(changes ?? {})) {
      if (json === undefined) this.#keys.delete(key);
      else this.#keys.set(key, json);
    }
  }
  get entries(): [string, string][] {
    return [...this.#keys].sort();
  }
}

describe("what is saved", () => {
  test("is what changed: written to the row, it is the current state; a second look finds nothing", () => {
    fc.assert(
      fc.property(values, fc.array(values, { maxLength: 5 }), (first, states) => {
        const row = new Row(jsonOf(first));
        const state = new SavedState("socket.data", jsonOf(first));
        for (const current of states) {
          row.take(save(state, current));
          expect(row.entries).toEqual(Object.entries(jsonOf(current)).sort());
          expect(save(state, current)).toBeUndefined();
        }
      }),
    );
  });

  test("names no key that stayed the same: others may have changed it", () => {
    const state = new SavedState("socket.data", { a: "1", b: '{"x":[1]}', c: "3" });
    expect(save(state, { a: 1, b: { x: [1] }, c: 4, d: null })).toEqual({ c: "4", d: "null" });
    expect(save(state, { a: 1, d: null })).toEqual({ b: undefined, c: undefined });
  });

  test("takes a key set to undefined for one that is not there", () => {
    const state = new SavedState("socket.data", { a: "1" });
    expect(save(state, { a: undefined })).toEqual({ a: undefined });
  });

  test("is parsed anew each time: nobody changes it by changing a value", () => {
    fc.assert(
      fc.property(values, (first) => {
        const state = new SavedState("socket.data", jsonOf(first));
        for (const value of Object.values(state.values())) if (Array.isArray(value)) value.push("changed");
        expect(jsonOf(state.values())).toEqual(jsonOf(first));
      }),
    );
  });

  test("is not tried again after a failed write, until it changes again", () => {
    const state = new SavedState("socket.data", { gone: "0" });
    const first = save(state, { a: 1, b: 2 });
    expect(first).toEqual({ a: "1", b: "2", gone: undefined });
    state.noteFailed(first ?? {});
    expect(save(state, { a: 1, b: 2 })).toBeUndefined();
    expect(save(state, { a: 1, b: 3, c: 4 })).toEqual({ b: "3", c: "4" });
    expect(save(state, { b: 3, c: 4 })).toEqual({ a: undefined });
    expect(save(state, { b: 3, c: 4, gone: 0 })).toEqual({ gone: "0" });
  });

  test("a write that fails late takes nothing back from one that came after it", () => {
    const state = new SavedState("socket.data", {});
    const first = save(state, { a: 1 });
    expect(save(state, { a: 2 })).toEqual({ a: "2" });
    state.noteFailed(first ?? {});
    expect(save(state, { a: 2 })).toBeUndefined();
    expect(save(state, { a: 1 })).toEqual({ a: "1" });
  });
});

describe("what is too large for a row", () => {
  const cases: readonly (readonly [string, Values, string])[] = [
    [
      "a value",
      { big: "x".repeat(450_000) },
      "socket.data.big takes 450002 bytes as JSON; 408576 are allowed",
    ],
    ["a value by its bytes", { big: "ü".repeat(210_000) }, "socket.data.big takes 420002 bytes"],
    ["a key", { ["k".repeat(70_000)]: 1 }, `the key socket.data["${"k".repeat(60)}"]… takes 70001 bytes`],
  ];

  test.each(cases)(
    "%s is reported once with its size, and keeps nothing else from being saved",
    (_, large, text) => {
      const state = new SavedState("socket.data", {});
      const reports: string[] = [];
      expect(save(state, { ...large, fine: 2 }, reports)).toEqual({ fine: "2" });
      expect(save(state, { ...large, fine: 2 }, reports)).toBeUndefined();
      expect(reports).toEqual([expect.stringContaining(text)]);
      expect(state.hasUnsavable(large)).toBe(true);
      const current = { ...large, fine: 3 };
      state.restore(current);
      expect(current).toEqual({ ...large, fine: 2 });
    },
  );

  test("of many values those are saved that have a place; large ones have one of their own", () => {
    const state = new SavedState("socket.data", {});
    const reports: string[] = [];
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`turn${i}`, "y".repeat(900)]));
    const saved = save(state, many, reports) ?? {};
    expect(Object.keys(saved)).toEqual(Object.keys(many).slice(0, 108));
    expect(reports).toHaveLength(92);
    const large = Object.fromEntries(Object.keys(many).map((key) => [key, "y".repeat(2_000)]));
    expect(Object.keys(save(state, large, reports) ?? {})).toEqual(Object.keys(large));
    // Where there is too much already, less is allowed.
    const over = new SavedState("socket.data", jsonOf(many));
    expect(save(over, { ...many, turn0: "y".repeat(800), turn1: "y".repeat(901) })).toEqual({
      turn0: JSON.stringify("y".repeat(800)),
    });
  });
});

describe("what no row can hold", () => {
  test("is reported once with its place, stays as it was saved, and keeps no other key from being saved", () => {
    const state = new SavedState("socket.data", { kept: "1" });
    const reports: string[] = [];
    expect(save(state, { kept: 1n, fine: 2 }, reports)).toEqual({ fine: "2" });
    expect(save(state, { kept: 1n, fine: 2 }, reports)).toBeUndefined();
    expect(reports).toEqual(["kept: socket.data.kept is a bigint"]);
    expect(state.json()).toEqual({ kept: "1", fine: "2" });
    expect([state.hasUnsavable({ a: new Map() }), state.hasUnsavable({ a: [] })]).toEqual([true, false]);
  });

  test("survives a restore, which puts back everything else", () => {
    const state = new SavedState("socket.data", { list: "[1]", gone: "2" });
    const list = [1, 2, 3];
    const basket = new Map();
    const current: Values = { list, basket, added: 1 };
    state.restore(current);
    expect(current).toEqual({ list: [1], gone: 2, basket });
    expect(current.list).toBe(list);
  });
});

test("a restore makes the current state equal to the saved one, whatever it was", () => {
  fc.assert(
    fc.property(values, values, (saved, current) => {
      const state = new SavedState("socket.data", jsonOf(saved));
      state.restore(current);
      expect(Object.entries(jsonOf(current)).sort()).toEqual(Object.entries(jsonOf(saved)).sort());
      expect(save(state, current)).toBeUndefined();
    }),
  );
});
