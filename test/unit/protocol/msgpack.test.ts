import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import * as msgpack from "socket.io-msgpack-parser";
import { Codec } from "../../../lambdas/protocol/codec.ts";
import { MAX_POST_BYTES } from "../../../lambdas/protocol/limits.ts";
import { checkLengths, isMap } from "../../../lambdas/protocol/msgpack-lengths.ts";
import { frameOf, pack, packetFrame } from "../../support/msgpack.ts";

const codec = new Codec(msgpack);
const bytesOf = (hex: string): Buffer => Buffer.from(hex.replaceAll(" ", ""), "hex");

describe("packets of socket.io-msgpack-parser", () => {
  test("each is one text frame, binary or not, and comes back as it was", () => {
    const data = ["upload", { inner: [Buffer.from([1, 2, 3])] }, undefined, Number.NaN, new Date(5), "text"];
    const frames = codec.encode({ type: "event", nsp: "/nsp", data, id: 7 });
    expect(frames).toEqual([expect.stringMatching(/^b[A-Za-z0-9+/]+=*$/)]);
    expect(codec.decode(frames[0] ?? "")).toEqual({ kind: "event", nsp: "/nsp", data, ackId: 7 });
  });

  test("what is undefined in a packet is not sent", () => {
    const [frame] = codec.encode({ type: "event", nsp: "/", data: ["x"], id: undefined });
    expect(frame).toBe(packetFrame({ type: 2, nsp: "/", data: ["x"] }));
  });

  test.each([
    [
      { type: "connect", nsp: "/a", data: { sid: "s" } },
      { kind: "connect", nsp: "/a", auth: { sid: "s" } },
    ],
    [
      { type: "disconnect", nsp: "/" },
      { kind: "disconnect", nsp: "/" },
    ],
    [{ type: "connect_error", nsp: "/", data: { message: "no" } }, { kind: "misplaced" }],
    [
      { type: "ack", nsp: "/", data: [Buffer.from("x")], id: 3 },
      { kind: "ack", nsp: "/", ackId: 3, args: [Buffer.from("x")] },
    ],
  ] as const)("%j", (packet, whole) => {
    const frames = codec.encode(packet);
    expect(frames.map((frame) => codec.decode(frame))).toEqual([whole]);
  });

  test("base64 counts: 128 KB of frame are 96 KB of packet", () => {
    const event = (bytes: number) => ({ type: "event", nsp: "/", data: ["x", Buffer.alloc(bytes)] }) as const;
    const overhead = pack({ type: 2, nsp: "/", data: ["x", Buffer.alloc(90_000)] }).length - 90_000;
    const most = Math.floor((MAX_POST_BYTES - 1) / 4) * 3 - overhead;
    expect(codec.encode(event(most))[0]?.length).toBeLessThanOrEqual(MAX_POST_BYTES);
    expect(() => codec.encode(event(most + 3))).toThrow(
      expect.objectContaining({ code: "SKY_PACKET_TOO_LARGE" }),
    );
  });

  test("more than 10 buffers are one packet", () => {
    const data = ["x", ...Array.from({ length: 40 }, (_, n) => Buffer.from([n]))];
    expect(codec.encode({ type: "event", nsp: "/", data })).toHaveLength(1);
  });

  test.each([
    ["a function", [() => 1]],
    ["a BigInt", [1n]],
  ])("%s is refused by the parser", (_, data) => {
    expect(() => codec.encode({ type: "event", nsp: "/", data: ["x", data] })).toThrow("Could not encode");
  });

  test("of a typed array only its own bytes are sent, of a Buffer as well", () => {
    const memory = Uint8Array.from([1, 2, 3, 4]);
    const part = memory.subarray(1, 3);
    const inner = { list: [part], view: new DataView(memory.buffer, 3), toJSON: undefined };
    const data = ["x", part, Buffer.from("ab").subarray(1), inner, memory, { toJSON: () => [part] }];
    const decoded = codec.decode(codec.encode({ type: "event", nsp: "/", data })[0] ?? "");
    const shown = JSON.stringify(decoded, (_, value: unknown) =>
      value instanceof ArrayBuffer ? `memory ${Buffer.from(value).toString("hex")}` : value,
    );
    expect(JSON.parse(shown).data).toEqual([
      "x",
      "memory 0203",
      { type: "Buffer", data: [0x62] },
      { list: ["memory 0203"], view: "memory 04" },
      "memory 01020304",
      ["memory 0203"],
    ]);
  });
});

describe("what is no packet of MessagePack closes the connection", () => {
  test.each([
    ["no bytes", "b"],
    ["garbage base64", "b!!!"],
    ["garbage", frameOf(bytesOf("c1 ff"))],
    ["a message without a packet", "4"],
    ["a packet of JSON", '42["x"]'],
    ["a number", packetFrame(5)],
    ["nil", packetFrame(null)],
    ["a list", packetFrame([2, "/", ["x"]])],
    ["a map without anything", packetFrame({})],
    ["an unknown type", packetFrame({ type: 9, nsp: "/", data: ["x"] })],
    ["a type with attachments", packetFrame({ type: 5, nsp: "/", data: ["x"], attachments: 1 })],
    ["a type that is text", packetFrame({ type: "2", nsp: "/", data: ["x"] })],
    ["no namespace", packetFrame({ type: 2, data: ["x"] })],
    ["a namespace that is a list", packetFrame({ type: 2, nsp: ["/"], data: ["x"] })],
    ["an event that is no list", packetFrame({ type: 2, nsp: "/", data: { 0: "x" } })],
    ["an event without a name", packetFrame({ type: 2, nsp: "/", data: [] })],
    ["a name that is a map", packetFrame({ type: 2, nsp: "/", data: [{}] })],
    ["a reserved name", packetFrame({ type: 2, nsp: "/", data: ["disconnect"] })],
    ["an id that is a fraction", packetFrame({ type: 2, nsp: "/", data: ["x"], id: 1.5 })],
    ["an id that is text", packetFrame({ type: 3, nsp: "/", data: [], id: "1" })],
    ["an answer that is no list", packetFrame({ type: 3, nsp: "/", data: {}, id: 1 })],
    ["auth that is a list", packetFrame({ type: 0, nsp: "/", data: [] })],
    ["auth that is a date", packetFrame({ type: 0, nsp: "/", data: new Date() })],
    ["a DISCONNECT with a payload", packetFrame({ type: 1, nsp: "/", data: 1 })],
    ["something behind the packet", frameOf(Buffer.concat([pack({ type: 1, nsp: "/" }), Buffer.from([0])]))],
    ["a key that is no text", frameOf(bytesOf("81 81 a1 61 01 01"))],
  ])("%s", (_, frame) => {
    expect(codec.decode(frame)).toMatchObject({ kind: "fault", reason: "forced close" });
  });

  test("4 GB that are announced and do not come are refused at once", () => {
    // c9: an extension of 2^32 - 1 bytes, of the type that notepack.io makes an ArrayBuffer of
    const packet = Buffer.concat([bytesOf("81 a4 64617461"), bytesOf("c9 ffffffff 00")]);
    const before = process.memoryUsage().arrayBuffers;
    expect(codec.decode(frameOf(packet))).toMatchObject({
      error: { message: "a length goes beyond the end of the packet" },
    });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000);
  });

  test("`__proto__` gives nothing to other objects", () => {
    const bytes = Buffer.concat([
      bytesOf("84 a4 74797065 02 a3 6e7370 a1 2f a4 64617461 91 a1 78"),
      bytesOf("a9 5f5f70726f746f5f5f 81 a8 706f6c6c75746564 c3"),
    ]);
    expect(codec.decode(frameOf(bytes))).toMatchObject({ kind: "event", data: ["x"] });
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });
});

describe("packets that are too deep", () => {
  const nested = (levels: number): string => `${"[".repeat(levels)}${"]".repeat(levels)}`;
  const deep = (levels: number): Buffer => Buffer.concat([Buffer.alloc(levels - 1, 0x91), bytesOf("90")]);
  const event = (levels: number): string =>
    `b${Buffer.concat([bytesOf("83 a4 74797065 02 a3 6e7370 a1 2f a4 64617461 92 a1 78"), deep(levels)]).toString("base64")}`;

  test("1,000 levels are served, more are refused: of JSON and of MessagePack", () => {
    const json = new Codec();
    expect(json.decode(`42["x",${nested(999)}]`).kind).toBe("event");
    expect(codec.decode(event(999)).kind).toBe("event");
    for (const refused of [
      json.decode(`42["x",${nested(1_000)}]`),
      json.decode(`42["x",${nested(16_000)}]`),
      json.decode(`40{"a":${nested(16_000)}}`),
      codec.decode(event(1_000)),
      codec.decode(event(24_000)),
    ]) {
      expect(refused).toMatchObject({ kind: "fault", reason: "forced close" });
    }
  });
});

describe("lengths", () => {
  test("what an encoder makes is whole, and nothing less or more is", () => {
    const value = fc.anything({ withDate: true, withTypedArray: false, withBigInt: false });
    const encodable = value.filter((one) => {
      try {
        return pack(one).length > 0;
      } catch {
        return false;
      }
    });
    fc.assert(
      fc.property(encodable, fc.nat(), (one, cut) => {
        const bytes = pack({ one });
        expect(isMap(bytes)).toBe(true);
        expect(isMap(bytes.subarray(0, cut % bytes.length))).toBe(false);
        expect(isMap(Buffer.concat([bytes, Buffer.from([0])]))).toBe(false);
        expect(() => checkLengths(bytes)).not.toThrow();
      }),
    );
  });

  test.each([
    ["c4 02 00", "binary data"],
    ["c5 0002 00", "binary data, 16 bits"],
    ["c6 00000002 00", "binary data, 32 bits"],
    ["c7 02 05 00", "an extension"],
    ["c8 0002 05 00", "an extension, 16 bits"],
    ["c9 00000002 05 00", "an extension, 32 bits"],
    ["d8 05 00", "an extension of 16 bytes"],
    ["a2 61", "a string"],
    ["d9 02 61", "a string, 8 bits"],
    ["da 0002 61", "a string, 16 bits"],
    ["db 00000002 61", "a string, 32 bits"],
    ["92 00", "a list"],
    ["dc 0002 00", "a list, 16 bits"],
    ["dd ffffffff 00", "a list, 32 bits"],
    ["81 00", "a map"],
    ["de 0001 00", "a map, 16 bits"],
    ["df ffffffff 00 00", "a map, 32 bits"],
    ["cb 00000000000000", "a number"],
    ["c6 0000", "a length that is cut off"],
    ["c1", "no type"],
    ["", "nothing"],
  ])("%s is refused: %s", (hex) => {
    expect(() => checkLengths(bytesOf(hex))).toThrow();
  });
});
