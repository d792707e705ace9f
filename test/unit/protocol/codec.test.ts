import { describe, expect, test } from "@jest/globals";
import { Decoder, Encoder, type Packet } from "socket.io-parser";
import { Codec, type Parser } from "../../../lambdas/protocol/codec.ts";
import { Server } from "../../../lambdas/server/api/index.ts";

type Listener = (packet: Packet) => void;

/** One of an application's own, as Socket.IO's documentation shows it: each packet is its JSON text. */
class TextDecoder {
  readonly #listeners: Listener[] = [];
  on(_event: "decoded", listener: Listener): void {
    this.#listeners.push(listener);
  }
  add(part: unknown): void {
    for (const listener of this.#listeners) listener(JSON.parse(String(part)));
  }
}
class TextEncoder {
  encode(packet: Packet): unknown {
    return JSON.stringify(packet); // not even a list, which stock takes too
  }
}
const text: Parser = { Encoder: TextEncoder, Decoder: TextDecoder };

/** Socket.IO's own, with dates. */
const dates: Parser = {
  Encoder,
  Decoder: class extends Decoder {
    constructor() {
      super((key: string, value: unknown) => (key === "at" ? new Date(String(value)) : value));
    }
  },
};

describe("a parser of the application's own", () => {
  test("that writes text", () => {
    const codec = new Codec(text);
    const frames = codec.encode({ type: "event", nsp: "/a", data: ["x", 1], id: undefined });
    expect(frames).toEqual(['4{"type":2,"nsp":"/a","data":["x",1]}']);
    expect(codec.decode(frames[0] ?? "")).toEqual({
      ...{ kind: "event", nsp: "/a", data: ["x", 1], ackId: undefined },
    });
  });

  test.each([
    ['4{"type":2,"nsp":"/","data":["disconnect"]}'],
    ['4{"type":2,"nsp":7,"data":["x"]}'],
    ['4{"type":9,"nsp":"/"}'],
    ["4null"],
    ["4not its JSON"],
  ])("%s is no packet, whatever the parser thinks of it", (frame) => {
    expect(new Codec(text).decode(frame)).toMatchObject({ kind: "fault", reason: "forced close" });
  });

  test("that is Socket.IO's own with a reviver reads packets with attachments too", () => {
    const codec = new Codec(dates);
    expect(codec.decode('42["x",{"at":"2020-01-01"}]')).toMatchObject({
      data: ["x", { at: new Date("2020-01-01") }],
    });
    const header = codec.decode('451-["x",{"_placeholder":true,"num":0}]');
    expect(header).toMatchObject({ kind: "header", attachments: 1 });
    expect(codec.decode("bAQID")).toMatchObject({ kind: "attachment" });
    const whole = codec.decodeWhole('51-["x",{"_placeholder":true,"num":0}]', [Buffer.from([1])]);
    expect(whole).toMatchObject({ kind: "event", data: ["x", Buffer.from([1])] });
  });

  test("whose decoder finds no packet in a frame", () => {
    class Silent {
      on(): void {}
      add(): void {}
    }
    expect(new Codec({ Encoder: TextEncoder, Decoder: Silent }).decode("4x")).toMatchObject({
      kind: "fault",
      reason: "forced close",
    });
  });

  test("whose decoder throws something else than an error", () => {
    class Throwing {
      on(): void {}
      add(): void {
        throw "text";
      }
    }
    const codec = new Codec({ Encoder: TextEncoder, Decoder: Throwing });
    expect(codec.decode("4x")).toMatchObject({
      kind: "fault",
      error: { message: "the parser threw no error" },
    });
  });
});

test.each([[null], [5], [{}], [{ Encoder }], [{ Encoder: 1, Decoder: 2 }]])(
  "%j is no parser, and the server does not start",
  (parser) => {
    const options = { parser } as unknown as { parser: Parser };
    expect(() => new Server(options)).toThrow("the server option parser is not a parser");
  },
);

test("engine packets mean the same with any parser", () => {
  for (const codec of [new Codec(), new Codec(text)]) {
    expect(codec.decode("2")).toMatchObject({ kind: "fault", reason: "transport error" });
    expect(codec.decode("3")).toEqual({ kind: "nothing" });
    expect(codec.decode("x")).toMatchObject({ kind: "fault", reason: "parse error" });
    expect(codec.decode("4")).toMatchObject({ kind: "fault", reason: "forced close" });
  }
});
