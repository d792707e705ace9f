import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { NotJsonError, restoreInPlace, toJson, toPlainJson } from "../../../../lambdas/server/common/json.ts";

const object = fc.dictionary(fc.string(), fc.jsonValue());

describe("toJson", () => {
  test("what it accepts comes back from JSON as it went in", () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        let json: string;
        try {
          json = toJson(value, "value");
        } catch (error) {
          expect(error).toBeInstanceOf(NotJsonError);
          return;
        }
        expect(withoutZeros(JSON.parse(json))).toEqual(withoutZeros(value));
      }),
    );
  });

  test("accepts every JSON value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(toJson(value, "value")).toBe(JSON.stringify(value));
      }),
    );
  });

  test("names the place of what it refuses", () => {
    const cycle: Record<string, unknown> = {};
    cycle.list = [1, cycle];
    expect(() => toJson(cycle, "socket.data.a")).toThrow("socket.data.a.list[1] is a cycle");
    expect(() => toJson({ deep: [{ big: 1n }] }, "x")).toThrow("x.deep[0].big is a bigint");
    expect(() => toJson([Number.NaN], "x")).toThrow("x[0] is NaN");
    expect(() => toJson({ when: new Date(0) }, "x")).toThrow("x.when is a Date");
    expect(() => toJson([undefined], "x")).toThrow("x[0] is undefined");
    expect(() => toJson(() => undefined, "x")).toThrow("x is a function");
    expect(() => toJson(Symbol("s"), "x")).toThrow("x is a symbol");
  });

  test("takes the same object twice, which is no cycle", () => {
    const shared = { a: 1 };
    expect(toJson([shared, shared], "x")).toBe('[{"a":1},{"a":1}]');
  });

  test("takes an object without a prototype", () => {
    expect(toJson(Object.assign(Object.create(null), { a: 1 }), "x")).toBe('{"a":1}');
  });
});

describe("restoreInPlace", () => {
  test("makes one equal to the other, and keeps its own objects and arrays", () => {
    fc.assert(
      fc.property(object, object, (target, source) => {
        const wanted = JSON.stringify(source);
        const before = new Map(Object.entries(target));
        restoreInPlace(target, JSON.parse(wanted));
        // As text: with another order of keys the same state would be written again.
        expect(JSON.stringify(target)).toBe(wanted);
        for (const [key, old] of before) {
          const now: unknown = Object.hasOwn(target, key) ? target[key] : undefined;
          const both = [old, now];
          const sameKind = both.every(Array.isArray) || both.every(isPlain);
          if (sameKind) expect(now).toBe(old);
        }
      }),
    );
  });

  test("changes no prototype", () => {
    const target: Record<string, unknown> = { a: {} };
    restoreInPlace(target, JSON.parse('{"__proto__":{"polluted":1},"a":{"__proto__":{"polluted":1}}}'));
    expect(Object.getPrototypeOf(target)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(JSON.stringify(target)).toBe('{"__proto__":{"polluted":1},"a":{"__proto__":{"polluted":1}}}');
  });
});

const isPlain = (value: unknown): boolean =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Own keys only and in one order, since `toEqual` would take a key `__proto__` for the prototype; JSON has no -0. */
function withoutZeros(value: unknown): unknown {
  if (Object.is(value, -0)) return 0;
  if (Array.isArray(value)) return value.map(withoutZeros);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .map(([key, item]): [string, unknown] => [key, withoutZeros(item)])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

describe("toPlainJson", () => {
  class Cookie {
    readonly secret = () => "a function";
    toJSON(): object {
      return { path: "/", expires: new Date(0) };
    }
  }
  class Session {
    readonly user = { name: "ada" };
    readonly cookie = new Cookie();
    get id(): string {
      return "not its own";
    }
  }

  test("takes an instance of a class by what it holds", () => {
    expect(JSON.parse(toPlainJson(new Session(), "request.session"))).toEqual({
      user: { name: "ada" },
      cookie: { path: "/", expires: "1970-01-01T00:00:00.000Z" },
    });
  });

  test("refuses what holds functions, or nothing that JSON sees, and names the place", () => {
    const refused = (value: unknown): unknown => {
      try {
        return toPlainJson(value, "x");
      } catch (error) {
        return error instanceof NotJsonError ? error.message : error;
      }
    };
    expect(
      refused(
        Object.assign(new Session(), {
          store: new (class {
            generate = refused;
          })(),
        }),
      ),
    ).toBe("x.store.generate is a function");
    expect(refused(new Map())).toBe("x is a Map, which JSON would flatten");
    expect(refused({ list: [new Uint8Array(2)] })).toBe(
      "x.list[0] is a Uint8Array, which JSON would flatten",
    );
    expect(
      refused(
        new (class {
          toJSON = () => 1n;
        })(),
      ),
    ).toBe("x is a bigint");
    const cycle = Object.assign(new Session(), { self: {} });
    cycle.self = cycle;
    expect(refused(cycle)).toBe("x.self is a cycle: it contains itself");
  });

  test("names a class of the application's by what it has: in a bundle its name is minified", () => {
    expect(() => toJson(new Session(), "socket.data.session")).toThrow(
      "socket.data.session is an instance of a class (it has user, cookie), which JSON would flatten",
    );
  });
});
