import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Codec } from "../../../lambdas/protocol/codec.ts";

const codec = new Codec();

describe("frames of packets with attachments", () => {
  test.each([
    ['451-["upload",{"_placeholder":true,"num":0}]', 1],
    ['4510-/nsp,7["upload"]', 10],
    ['462-3[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', 2],
  ])("%s is a header", (frame, attachments) => {
    expect(codec.decode(frame)).toEqual({ kind: "header", text: frame.slice(1), attachments });
  });

  test.each([
    ["bAQID", [1, 2, 3]],
    ["b", []],
    ["b!", []], // base64 is read as stock reads it: what is none is left out
  ])("%s is an attachment", (frame, bytes) => {
    const decoded = codec.decode(frame);
    expect(decoded.kind === "attachment" && [...decoded.bytes]).toEqual(bytes);
  });

  test.each([
    ["4", "got binary data when not reconstructing a packet"],
    ['45["x"]', "Illegal attachments"],
    ['450-["x"]', "Illegal attachments"],
    ['451.5-["x"]', "Illegal attachments"],
    ['4511-["x"]', "too many attachments"],
    ['451-{"x":1}', "invalid payload"],
  ])("%s is none", (frame, message) => {
    expect(codec.decode(frame)).toMatchObject({
      kind: "fault",
      reason: "forced close",
      error: { message },
    });
  });

  test("what the encoder takes apart is put together again", () => {
    const bytes = fc.uint8Array({ maxLength: 50 }).map((array) => Buffer.from(array));
    fc.assert(
      fc.property(fc.array(bytes, { minLength: 1, maxLength: 10 }), fc.nat(), (buffers, id) => {
        const data = ["upload", { inner: buffers }, "text"];
        const frames = codec.encode({ type: "event", nsp: "/nsp", data, id });
        const [header, ...attachments] = frames.map((frame) => codec.decode(frame));
        if (header?.kind !== "header") throw new Error("no header");
        expect(header.attachments).toBe(buffers.length);
        const parts = attachments.map((one) => (one.kind === "attachment" ? one.bytes : Buffer.from("?")));
        expect(codec.decodeWhole(header.text, parts)).toEqual({
          ...{ kind: "event", nsp: "/nsp", ackId: id },
          data: ["upload", { inner: buffers }, "text"],
        });
      }),
    );
  });

  test("arguments are Buffers, whatever the attachments are kept as", () => {
    const whole = codec.decodeWhole('51-["x",{"_placeholder":true,"num":0}]', [Uint8Array.from([1, 2])]);
    expect(whole.kind === "event" && Buffer.isBuffer(whole.data[1])).toBe(true);
  });

  test("too few attachments, or placeholders of others, are no packet", () => {
    const text = '52-["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":9}]';
    expect(codec.decodeWhole(text, [Buffer.from("a")])).toMatchObject({
      error: { message: "got plaintext data when reconstructing a packet" },
    });
    expect(codec.decodeWhole(text, [Buffer.from("a"), Buffer.from("b")])).toMatchObject({
      error: { message: "illegal attachments" },
    });
  });
});
