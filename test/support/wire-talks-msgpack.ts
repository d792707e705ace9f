import { frameOf, pack, packetFrame } from "./msgpack.ts";
import type { Talk } from "./wire-talk.ts";

/** Frames that begin with a digit are turned into MessagePack when they are sent; these are bytes already. */
const bytes = (hex: string): string => frameOf(Buffer.from(hex.replaceAll(" ", ""), "hex"));

type Row = readonly [name: string, frames: string | readonly string[], differs?: Talk["differs"]];

const talks = (before: readonly string[], rows: readonly Row[]): Talk[] =>
  rows.map(([name, frames, differs]) => ({
    name,
    frames: typeof frames === "string" ? [frames] : frames,
    before,
    ...(differs && { differs }),
  }));

const CONNECTED = '40{"sid":"…"}';
const CHECKED = {
  why: "The parser does not look at names, and stock would call listeners that are not the client's to call.",
  ours: [CONNECTED, "closed"],
};

export const connects: readonly Talk[] = talks(
  [],
  [
    ["CONNECT", "40"],
    ["with auth", packetFrame({ type: 0, nsp: "/auth", data: { token: "t", list: [1, null] } })],
    ["with auth that is null", packetFrame({ type: 0, nsp: "/", data: null })],
    ["with auth that is a list", packetFrame({ type: 0, nsp: "/", data: [] })],
    ["to a namespace that nobody knows", packetFrame({ type: 0, nsp: "/nowhere" })],
    ["to a namespace without a slash", packetFrame({ type: 0, nsp: "chat" })],
    ["to a namespace without a name", packetFrame({ type: 0, nsp: "" })],
    ["to what the server calls a namespace of its own", packetFrame({ type: 0, nsp: "dynamic/_0" })],
    ["to a namespace with a comma", packetFrame({ type: 0, nsp: "/dynamic-a,b" })],
    ["without a namespace", packetFrame({ type: 0 })],
    ["an event before it", packetFrame({ type: 2, nsp: "/", data: ["x"] })],
  ],
);

export const packets: readonly Talk[] = talks(
  ["40"],
  [
    ["an event", packetFrame({ type: 2, nsp: "/", data: ["x", 1, "two", { three: [3] }, null, true] })],
    ["an event with an id", packetFrame({ type: 2, nsp: "/", data: ["x"], id: 7 })],
    ["an event with a negative id", packetFrame({ type: 2, nsp: "/", data: ["x"], id: -7 })],
    ["an event with an id of 2^53", packetFrame({ type: 2, nsp: "/", data: ["x"], id: 2 ** 53 })],
    ["an event with a fraction for an id", packetFrame({ type: 2, nsp: "/", data: ["x"], id: 1.5 })],
    ["an event with text for an id", packetFrame({ type: 2, nsp: "/", data: ["x"], id: "7" })],
    [
      "an event with binary data",
      packetFrame({ type: 2, nsp: "/", data: ["x", Buffer.from("ab"), [Buffer.alloc(0)]] }),
    ],
    ["an event with undefined", packetFrame({ type: 2, nsp: "/", data: ["x", undefined] })],
    ["an event of a number", packetFrame({ type: 2, nsp: "/", data: [5, "x"] })],
    ["an event of another namespace", packetFrame({ type: 2, nsp: "/chat", data: ["x"] })],
    ["an event with more fields", packetFrame({ type: 2, nsp: "/", data: ["x"], more: 1, attachments: 3 })],
    ["an event without data", packetFrame({ type: 2, nsp: "/" })],
    ["an event that is no list", packetFrame({ type: 2, nsp: "/", data: { 0: "x" } })],
    [
      "an event of an empty list",
      packetFrame({ type: 2, nsp: "/", data: [] }),
      { ...CHECKED, why: "An event has a name." },
    ],
    ["an event whose name is an object", packetFrame({ type: 2, nsp: "/", data: [{}] }), CHECKED],
    ["an event with a reserved name", packetFrame({ type: 2, nsp: "/", data: ["disconnecting"] }), CHECKED],
    [
      "a key __proto__ in an event",
      [
        bytes(
          "83 a4 74797065 02 a3 6e7370 a1 2f a4 64617461 92 a1 78 81 a9 5f5f70726f746f5f5f 81 a8 706f6c6c75746564 01",
        ),
        '421["polluted?"]',
      ],
    ],
    [
      "a key __proto__ of the packet",
      [
        bytes(
          "84 a4 74797065 02 a3 6e7370 a1 2f a4 64617461 91 a1 78 a9 5f5f70726f746f5f5f 81 a8 706f6c6c75746564 01",
        ),
        '421["polluted?"]',
      ],
    ],
    ["the answer", '43<id>["a",1]'],
    [
      "an answer to nothing",
      [packetFrame({ type: 3, nsp: "/", data: ["x"], id: 2 ** 40 }), '43<id>["mine"]'],
    ],
    ["an answer without an id", packetFrame({ type: 3, nsp: "/", data: ["x"] })],
    ["DISCONNECT", packetFrame({ type: 1, nsp: "/" })],
    ["DISCONNECT with a payload", packetFrame({ type: 1, nsp: "/", data: 1 })],
    ["CONNECT_ERROR", packetFrame({ type: 4, nsp: "/", data: "no" })],
    ["a second CONNECT", packetFrame({ type: 0, nsp: "/" })],
    ["an unknown type", packetFrame({ type: 7, nsp: "/", data: ["x"] })],
    ["a type with attachments", packetFrame({ type: 5, nsp: "/", data: ["x"], attachments: 1 })],
    ["text for a type", packetFrame({ type: "2", nsp: "/", data: ["x"] })],
    ["a list", packetFrame([2, "/", ["x"]])],
    ["nil", packetFrame(null)],
    ["no bytes", "b"],
    ["base64 that is none", "b!"],
    ["bytes of no type", bytes("c1")],
    ["a packet that is cut off", frameOf(pack({ type: 2, nsp: "/", data: ["x", "yz"] }).subarray(0, -1))],
    [
      "a packet with something behind it",
      frameOf(Buffer.concat([pack({ type: 1, nsp: "/" }), Buffer.from([0])])),
    ],
    ["a list of 2^32 - 1 values", bytes("dd ffffffff")],
    ["a map of 2^32 - 1 values", bytes("df ffffffff")],
    ["a key that is a list", bytes("81 91 01 01")],
    ["24,000 levels", frameOf(Buffer.alloc(24_000, 0x91))],
  ],
);
