import { describe, expect, test } from "@jest/globals";
import * as msgpack from "socket.io-msgpack-parser";
import { Codec } from "../../../../lambdas/protocol/codec.ts";
import { framesOfLate } from "../../../../lambdas/server/recovery/stamp.ts";

const EARLY = "0mywpj19600018k6iehxe";
const LATEST = "0mywpj1ff00007c3ab9zz";
const packet = (...data: unknown[]) => ({ type: "event" as const, nsp: "/", data });

describe("a packet that a client is sent after later ones", () => {
  test("bears the offset of the latest, so that its client is not set back", () => {
    const frames = new Codec().encode(packet("said", "hello", EARLY));
    expect(framesOfLate({ id: EARLY, frames }, LATEST)).toEqual([`42["said","hello","${LATEST}"]`]);
  });

  test("keeps what the application says, even if that is its offset", () => {
    const frames = new Codec().encode(packet("said", EARLY, EARLY));
    expect(framesOfLate({ id: EARLY, frames }, LATEST)).toEqual([`42["said","${EARLY}","${LATEST}"]`]);
  });

  test("with attachments, which stay as they are", () => {
    const frames = new Codec().encode(packet("file", Buffer.from(EARLY), EARLY));
    const [header, ...attachments] = framesOfLate({ id: EARLY, frames }, LATEST);
    expect(header).toBe(`451-["file",{"_placeholder":true,"num":0},"${LATEST}"]`);
    expect(attachments).toEqual(frames.slice(1));
  });

  test("in MessagePack", () => {
    const codec = new Codec(msgpack);
    const frames = codec.encode(packet("said", "héllo", Buffer.from([0, 255]), EARLY));
    const late = framesOfLate({ id: EARLY, frames }, LATEST);
    expect(late).toEqual(codec.encode(packet("said", "héllo", Buffer.from([0, 255]), LATEST)));
  });

  test("is an offset for clients too when all that is known is a time", () => {
    const frames = new Codec().encode(packet("said", EARLY));
    expect(framesOfLate({ id: EARLY, frames }, LATEST.slice(0, 9))).toEqual([
      `42["said","${LATEST.slice(0, 9)}${"0".repeat(12)}"]`,
    ]);
  });
});

test.each([
  ["the first of all", undefined],
  ["a later one", "0mywpj000"],
])("%s keeps its own offset", (_, last) => {
  const frames = new Codec().encode(packet("said", EARLY));
  expect(framesOfLate({ id: EARLY, frames }, last)).toBe(frames);
});

test("of a parser that hides it, it stays as it is", () => {
  const frames = ["4something else"];
  expect(framesOfLate({ id: EARLY, frames }, LATEST)).toEqual(frames);
});
