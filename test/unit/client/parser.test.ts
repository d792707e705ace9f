import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { build } from "esbuild";
import fc from "fast-check";
import { parser } from "skysocket/client";
import { Manager } from "socket.io-client";
import { type Packet, PacketType } from "socket.io-parser";
import { Codec } from "../../../lambdas/protocol/codec.ts";
import { takeCount } from "../../../lambdas/protocol/count.ts";
import { plays } from "../../support/schedules.ts";

const ENTRY = fileURLToPath(new URL("../../../client/index.ts", import.meta.url));
/** Bytes of the bundle for browsers, minified, without Socket.IO's own parser, which every client has. */
const BUDGET = 1_500;

const event = (...data: unknown[]): Packet => ({ type: PacketType.EVENT, nsp: "/", data });
const connect = (nsp: string): Packet => ({ type: PacketType.CONNECT, nsp });

/** As Engine.IO writes it where no binary frames may be sent. */
const toFrame = (part: unknown): string =>
  typeof part === "string" ? `4${part}` : `b${Buffer.from(part as Uint8Array).toString("base64")}`;

/** Both ends of a connection of socket.io-client. */
function pair() {
  const encoder = new parser.Encoder();
  const decoder = new parser.Decoder();
  const send = (packet: Packet): string[] => encoder.encode(packet).map(toFrame);
  return { encoder, decoder, send, counts: (packet: Packet) => send(packet).map((f) => takeCount(f).count) };
}

describe("the encoder", () => {
  test("counts the packets of a connection, whatever their namespace, and each attachment", () => {
    const { send } = pair();
    const frames = [
      ...[connect("/"), connect("/other"), event("hello", 1)].flatMap(send),
      ...send({ ...event("put", new Uint8Array([1, 2]), new Uint8Array([3]).buffer), nsp: "/other", id: 7 }),
      ...send({ type: PacketType.DISCONNECT, nsp: "/other" }),
    ];
    expect(frames.map(takeCount)).toEqual([
      { count: 0, frame: "40" },
      { count: 1, frame: "40/other," },
      { count: 2, frame: '42["hello",1]' },
      {
        count: 3,
        frame: '452-/other,7["put",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]',
      },
      { count: 4, frame: "bAQI=" },
      { count: 5, frame: "bAw==" },
      { count: 6, frame: "41/other," },
    ]);
  });

  test("counts no answer, but for one with attachments, which comes behind what was sent before", () => {
    const { send } = pair();
    send(event("first"));
    expect(send({ type: PacketType.ACK, nsp: "/", id: 5, data: ["yes"] })).toEqual(['435["yes"]']);
    const answer = send({ type: PacketType.ACK, nsp: "/", id: 6, data: [new Uint8Array([1])] });
    expect(answer.map(takeCount)).toEqual([
      { count: 1, frame: '461-6[{"_placeholder":true,"num":0}]' },
      { count: 2, frame: "bAQ==" },
    ]);
  });

  test("counts nothing that it cannot write", () => {
    const { send, counts } = pair();
    expect(() => send(event("no JSON", 1n))).toThrow(TypeError);
    expect(counts(event("next"))).toEqual([0]);
  });

  test("reads a view of something larger as its own bytes, and a Blob later", async () => {
    const { encoder } = pair();
    const [, view] = encoder.encode(event("view", new Uint16Array([1, 2, 3]).subarray(1, 2)));
    expect(takeCount(toFrame(view))).toEqual({ count: 1, frame: "bAgA=" });
    const [, blob] = encoder.encode(event("blob", new Blob(["hello"])));
    expect(takeCount(toFrame(await (blob as Blob).arrayBuffer()))).toEqual({
      count: 3,
      frame: `b${Buffer.from("hello").toString("base64")}`,
    });
  });

  test("starts over when a connection of its own is over, and not for those of others", () => {
    const [one, other] = [pair(), pair()];
    for (const { counts } of [one, other]) expect(counts(event("a"))).toEqual([0]);
    one.decoder.destroy();
    expect([one.counts(event("b")), other.counts(event("b"))]).toEqual([[0], [1]]);
    new parser.Encoder(); // nobody's
    new parser.Decoder().destroy();
    expect(other.counts(event("c"))).toEqual([2]);
  });
});

/** What happens to an engine, without a server. */
const tell = (engine: object, ...args: unknown[]): unknown =>
  Reflect.get(engine, "emitReserved").apply(engine, args);

test("a Manager of socket.io-client starts over with each connection, before it sends anything", () => {
  const manager = new Manager("http://127.0.0.1:1", { parser, autoConnect: false, reconnection: false });
  const written: string[][] = [];
  manager.on("open", () => manager._packet({ ...connect("/"), options: {} } as never));
  for (let connection = 0; connection < 3; connection++) {
    const frames: string[] = [];
    written.push(frames);
    manager.open();
    manager.engine.write = (frame: string) => {
      frames.push(frame);
      return manager.engine;
    };
    tell(manager.engine, "open");
    manager._packet({ ...event("hello"), options: {} } as never);
    tell(manager.engine, "close", "transport close");
    // Nobody gets this.
    manager._packet({ ...event("late"), options: {} } as never);
    frames.pop();
  }
  expect(written).toEqual(Array(3).fill(["#0,0", '#1,2["hello"]']));
});

test("the decoder reads what a server sends as ever", () => {
  const { decoder } = pair();
  const packets: Packet[] = [];
  decoder.on("decoded", (packet) => packets.push(packet));
  decoder.add('2["hello"]');
  decoder.add('51-["put",{"_placeholder":true,"num":0}]');
  decoder.add(Buffer.from("x"));
  expect(packets.map(({ data }) => data)).toEqual([["hello"], ["put", Buffer.from("x")]]);
});

describe("a server", () => {
  test("reads a counted packet as the one that an ordinary client sends", () => {
    const codec = new Codec();
    const { send } = pair();
    const ordinary = ["40", '421["a",2]', '461-6[{"_placeholder":true,"num":0}]', "bAQ=="];
    const counted = [
      ...send(connect("/")),
      ...send({ ...event("a", 2), id: 1 }),
      ...send({ type: PacketType.ACK, nsp: "/", id: 6, data: [new Uint8Array([1])] }),
    ];
    expect(counted).not.toEqual(ordinary);
    expect(counted.map((frame) => codec.decode(frame))).toEqual(ordinary.map((frame) => codec.decode(frame)));
  });

  test("takes no frame of an ordinary client for a counted one", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 40 }).map(toFrame),
          fc.json().map((json) => `42["x",${json}]`),
          fc.constantFrom("40", "41/#1,", '42/#1,2,["#1,2"]', "3", "2", "1", "6", "b", "4", ""),
        ),
        (frame) => {
          expect(takeCount(frame)).toEqual({ frame, count: undefined });
        },
      ),
      plays(300),
    );
  });

  test.each(["4#", "4#,2", '4#x,2["a"]', '4#-1,2["a"]', '4#1 2["a"]', '4#12345678901,2["a"]', "4#1,"])(
    "refuses %s",
    (frame) => {
      expect(new Codec().decode(frame)).toMatchObject({ kind: "fault", reason: "forced close" });
    },
  );

  test("whose packets another parser writes knows no counts", () => {
    class Decoder extends parser.Decoder {}
    const codec = new Codec({ Encoder: parser.Encoder, Decoder });
    expect(codec.takeCount("4#1,2[]")).toEqual({ frame: "4#1,2[]", count: undefined });
  });
});

describe("the bundle for browsers", () => {
  test.each(["esm", "cjs", "iife"] as const)("as %s is small, and holds nothing of Node", async (format) => {
    const bundled = await build({
      entryPoints: [ENTRY],
      ...{ bundle: true, minify: true, write: false, metafile: true, format },
      ...{ platform: "browser", external: ["socket.io-parser"], logLevel: "silent" },
    });
    expect(bundled.outputFiles[0]?.contents.length).toBeLessThan(BUDGET);
    const [output] = Object.values(bundled.metafile.outputs);
    expect(output?.imports.map(({ path }) => path)).toEqual(["socket.io-parser"]);
    expect(bundled.outputFiles[0]?.text).not.toMatch(/(?<!Array)Buffer|process\b|node:/);
  });
});
