import { EventEmitter } from "node:events";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Listeners } from "../../../../lambdas/server/socket/listeners.ts";

const FUNCTIONS = Array.from({ length: 3 }, (_, i) => Object.assign(() => i, { toString: () => `f${i}` }));
const fn = fc.constantFrom(...FUNCTIONS);
const event = fc.constantFrom("a", "__proto__");
const step = fc.oneof(
  { weight: 10, arbitrary: fc.record({ do: fc.constantFrom("on", "prepend", "off"), event, fn }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("clear", "clear all"), event, fn }) },
);

test("registering and removing does what Node's EventEmitter does", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 30 }), (steps) => {
      const ours = new Listeners();
      const node = new EventEmitter().setMaxListeners(0); // steps may add more of them than it takes for a leak
      for (const { do: what, event: name, fn: listener } of steps) {
        switch (what) {
          case "on":
            ours.add(name, listener);
            node.on(name, listener);
            break;
          case "prepend":
            ours.add(name, listener, { first: true });
            node.prependListener(name, listener);
            break;
          case "off":
            ours.remove(name, listener);
            node.off(name, listener);
            break;
          case "clear":
            ours.remove(name);
            node.removeAllListeners(name);
            break;
          default:
            ours.remove();
            node.removeAllListeners();
        }
        for (const one of ["a", "__proto__", "constructor"]) {
          expect(ours.of(one).map((each) => each.fn)).toEqual(node.listeners(one));
          expect(ours.has(one)).toBe(node.listenerCount(one) > 0);
        }
        expect(ours.names().sort()).toEqual(node.eventNames().sort());
      }
    }),
  );
});

describe("once", () => {
  test("has a name that is the same in every run of the same code, and no other's", () => {
    const register = (): (string | undefined)[] => {
      const listeners = new Listeners();
      for (const name of ["a", "b", "a", "a"]) listeners.add(name, () => undefined, { once: true });
      listeners.add("a", () => undefined);
      return [...listeners.of("a"), ...listeners.of("b")].map(({ once }) => once);
    };
    const names = register();
    expect(register()).toEqual(names);
    expect(names[3]).toBeUndefined();
    expect(new Set(names).size).toBe(names.length);
  });

  test("keeps its name when an earlier one is removed", () => {
    const [first, second] = FUNCTIONS;
    if (!first || !second) throw new Error("unreachable");
    const listeners = new Listeners();
    listeners.add("a", first, { once: true });
    listeners.add("a", second, { once: true });
    const [, kept] = listeners.of("a");
    listeners.remove("a", first);
    expect(listeners.of("a")).toEqual([kept]);
  });
});

test("a list that is being worked through does not change under the worker", () => {
  const listeners = new Listeners();
  for (const one of FUNCTIONS) listeners.add("a", one);
  const list = listeners.of("a");
  listeners.remove("a");
  expect(list).toHaveLength(3);
  expect(listeners.of("a")).toEqual([]);
});

test("counts everything that is registered", () => {
  const listeners = new Listeners();
  expect(listeners.size).toBe(0);
  listeners.add("a", () => undefined);
  listeners.any.push(() => undefined);
  listeners.anyOutgoing.push(() => undefined);
  listeners.middlewares.push(() => undefined);
  expect(listeners.size).toBe(4);
});
