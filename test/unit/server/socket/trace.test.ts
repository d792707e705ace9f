import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { fingerprint, Trace, traceHas, traceIsFull } from "../../../../lambdas/server/socket/trace.ts";

type Operation = readonly [what: string, name: string];
const name = fc.string();
const registration: fc.Arbitrary<Operation> = fc.tuple(fc.constantFrom("on", "once", "use"), name);
const effect: fc.Arbitrary<Operation> = fc.tuple(fc.constantFrom("join", "emit", "ask"), name);

function traceOf(operations: readonly Operation[]): Trace {
  const trace = new Trace();
  for (const [what, of] of operations) trace.add(what, of);
  return trace;
}

const many = (what: string, n: number): Operation[] =>
  Array.from({ length: n }, (_, i) => [what, `name ${i}`] as const);

describe("a fingerprint", () => {
  test("is four characters of the URL-safe alphabet", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(fingerprint(text)).toMatch(/^[\w-]{4}$/);
      }),
    );
  });

  test("differs for names that look alike", () => {
    const names = Array.from({ length: 2_000 }, (_, i) => `room ${i}`);
    expect(new Set(names.map(fingerprint)).size).toBeGreaterThan(1_998);
  });
});

describe("a run that does the same", () => {
  test("leaves the same trace, in which every registration is found", () => {
    const operations = fc.array(fc.oneof(registration, effect), { maxLength: 100 });
    fc.assert(
      fc.property(operations, (done) => {
        const { text } = traceOf(done);
        expect(traceOf(done).firstDifference(text)).toBeUndefined();
        for (const [what, of] of done.filter(([one]) => ["on", "once", "use"].includes(one))) {
          expect(traceHas(text, what, of)).toBe(true);
        }
      }),
    );
  });

  test("may register and effect in another order of the two: a timer may come earlier or later", () => {
    fc.assert(
      fc.property(fc.array(registration), fc.array(effect), (registered, effected) => {
        const { text } = traceOf([...registered, ...effected]);
        expect(traceOf([...effected, ...registered]).firstDifference(text)).toBeUndefined();
      }),
    );
  });

  test("is not compared in what its timers effect once the listeners have settled", () => {
    const trace = traceOf([["join", "a"]]);
    trace.settle();
    trace.add("emit", "late");
    expect(trace.text).toBe(traceOf([["join", "a"]]).text);
    trace.add("on", "late");
    expect(traceHas(trace.text, "on", "late")).toBe(true);
  });
});

describe("a run that does something else", () => {
  test.each<[string, fc.Arbitrary<Operation>]>([
    ["registrations", registration],
    ["effects", effect],
  ])("is told by the first of its %s that differs", (_, kind) => {
    fc.assert(
      fc.property(fc.array(kind, { maxLength: 20 }), kind, kind, (same, [what, of], other) => {
        fc.pre(fingerprint(`${what}:${of}`) !== fingerprint(other.join(":")));
        const { text } = traceOf([...same, other]);
        expect(traceOf([...same, [what, of]]).firstDifference(text)).toBe(`${what} ${JSON.stringify(of)}`);
      }),
    );
  });

  test("differs when it does more, and when it does less", () => {
    const [one, two] = many("on", 2);
    const both = [one ?? ["on", ""], two ?? ["on", ""]] as const;
    const less = traceOf([both[0]]);
    const more = traceOf(both);
    expect(more.firstDifference(less.text)).toBe('on "name 1"');
    expect(less.firstDifference(more.text)).toBe("fewer operations than in the first run");
    expect([less.registeredLess(more.text), more.registeredLess(less.text)]).toEqual([true, false]);
  });
});

describe("looking for a registration", () => {
  test("finds it in its place only, not across two others", () => {
    const wanted = fingerprint("on:x");
    expect(traceHas(`AAAA${wanted}AAAA`, "on", "x")).toBe(true);
    for (const shift of ["A", "AA", "AAA"]) expect(traceHas(`${shift}${wanted}AAAA`, "on", "x")).toBe(false);
  });

  test("does not find what was only effected", () => {
    expect(traceHas(traceOf([["join", "on"]]).text, "join", "on")).toBe(false);
  });
});

test("a hundred of each are kept: the row is read at every event", () => {
  const all = [...many("on", 150), ...many("join", 150)];
  const { text } = traceOf(all);
  expect(text.length).toBe(2 * 400 + 1);
  expect(traceOf([...many("on", 100), ...many("join", 100)]).firstDifference(text)).toBeUndefined();
  expect([traceIsFull(text), traceIsFull(traceOf(many("on", 99)).text)]).toEqual([true, false]);
});
