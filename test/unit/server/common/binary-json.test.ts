import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { fromBinaryJson, toBinaryJson } from "../../../../lambdas/server/common/binary-json.ts";

/** What a client can answer with: JSON values with Buffers anywhere, under any name. */
const { answer } = fc.letrec((tie) => ({
  answer: fc.oneof(
    { depthSize: "small" },
    fc.jsonValue({ maxDepth: 2 }),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc.array(tie("answer"), { maxLength: 3 }),
    fc.dictionary(fc.oneof(fc.constantFrom("$binary", "$$binary", "type"), fc.string()), tie("answer"), {
      maxKeys: 2,
      noNullPrototype: true,
    }),
  ),
}));

test("answers come back as they were, Buffers as Buffers", () => {
  fc.assert(
    fc.property(answer, (value) => {
      // What JSON itself changes (-0) is not the question.
      const plain = fromBinaryJson(toBinaryJson(value));
      expect(fromBinaryJson(toBinaryJson(plain))).toEqual(plain);
      expect(toBinaryJson(plain)).toBe(toBinaryJson(value));
      if (Buffer.isBuffer(value)) expect(Buffer.isBuffer(plain) && plain.equals(value)).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test.each([
  [{ $binary: "AQID" }],
  [{ $$binary: { $binary: "x" } }],
  [[{ $binary: Buffer.from("x") }, Buffer.alloc(0)]],
  [{ type: "Buffer", data: [1, 2] }],
  [JSON.parse('{"__proto__":{"$binary":1}}')],
])("%j is not mistaken for anything else", (value: unknown) => {
  expect(fromBinaryJson(toBinaryJson(value))).toEqual(value);
});

test.each([
  ["an ArrayBuffer", Uint8Array.from([1, 2]).buffer],
  ["a date", new Date(5)],
  ["NaN", Number.NaN],
  ["an infinite number", Number.NEGATIVE_INFINITY],
  ["undefined in a list", undefined],
  ["what looks like them", { $date: "5", $nothing: { $number: "NaN" } }],
  ["what looks exactly like one", { $date: "5" }],
])("%s, as a parser of MessagePack reads it, comes back in lists and objects", (_, value: unknown) => {
  expect(fromBinaryJson(toBinaryJson([value]))).toEqual([value]);
  if (value !== undefined)
    expect(fromBinaryJson(toBinaryJson({ inner: [{ value }] }))).toEqual({ inner: [{ value }] });
});
