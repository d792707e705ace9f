/** Whatever text a client sends ends in a packet, a Socket.IO error or a closed connection, and touches nobody else. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import * as msgpack from "socket.io-msgpack-parser";
import { Codec, type Parser } from "../../../../lambdas/protocol/codec.ts";
import { Server } from "../../../../lambdas/server/api/index.ts";
import { Harness, type Wire } from "../../../support/harness.ts";
import { frameOf, pack, packetFrame } from "../../../support/msgpack.ts";
import { plays } from "../../../support/schedules.ts";

const RUNS = Number(process.env.FUZZ_RUNS ?? 30);

const application = (parser: Parser | undefined) => (): Server => {
  const io = new Server({ lingerTimeout: 50, parser });
  io.on("connection", (socket) => {
    socket.join("everybody's");
    socket.onAny((_event, ...args) => {
      for (const arg of args) if (typeof arg === "function") arg("ok");
    });
    socket.on("join", (room) => socket.join(room));
    socket.on("emit", (room, event, ...args) => io.to(room).emit(String(event), ...args));
    socket.on("set", (key, value) => {
      socket.data[key] = value;
    });
  });
  io.of("/other").on("connection", () => undefined);
  // Accepts whatever a client calls a namespace.
  io.of((_name, _auth, next) => next(null, true)).on("connection", () => undefined);
  return io;
};

const json = fc.jsonValue().map((value) => JSON.stringify(value));
const nasty = fc.constantFrom(
  "",
  "/",
  "/other",
  "__proto__",
  "#",
  "a#b",
  "\u0000",
  "\ud800",
  "💥",
  "x".repeat(10_240),
);
const name = fc.oneof(nasty, fc.string({ unit: "binary" }));
/** Packets that are nearly right, which plain random text hardly ever is. */
const frame = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string(),
  fc
    .tuple(
      fc.constantFrom("4", "40", "41", "42", "43", "44", "45", "451-", "461-", "46", "47", "b", "2", "3"),
      fc.oneof(json, fc.string()),
    )
    .map((parts) => parts.join("")),
  fc
    .tuple(fc.constantFrom("42", "420", "4299999999999999999999"), name, fc.array(fc.jsonValue()))
    .map(([head, event, args]) => head + JSON.stringify([event, ...args])),
  fc
    .tuple(fc.constantFrom("join", "set", "emit"), name, fc.jsonValue())
    .map(([event, first, second]) => `42${JSON.stringify([event, first, second])}`),
  fc
    .tuple(fc.constantFrom("40", "41", "42", "43"), name, json)
    .map(([head, nsp, data]) => `${head}/${nsp},${data}`),
);

/** Values that an encoder of MessagePack takes, and JSON has no words for some of. */
const packed = fc.anything({ withDate: true, withTypedArray: true }).map((value) => {
  try {
    return pack(value);
  } catch {
    return Buffer.from([0xc0]); // a BigInt, a function
  }
});
/** Packets with one field that is wrong, or none. */
const nearlyRight = fc
  .record(
    {
      type: fc.oneof(fc.integer({ min: -1, max: 6 }), fc.constantFrom(2.5, "2", null)),
      nsp: fc.oneof(fc.constantFrom("/", "/other", "", "dynamic/_0", "/__proto__"), name),
      data: fc.oneof(
        fc.tuple(fc.constantFrom("join", "set", "emit", "disconnect", "__proto__"), name, fc.jsonValue()),
        fc.array(fc.oneof(name, fc.jsonValue())),
        fc.dictionary(name, fc.jsonValue()),
        fc.jsonValue(),
      ),
      id: fc.oneof(fc.integer(), fc.double()),
    },
    { requiredKeys: ["type", "nsp"] },
  )
  .map(pack);
/** A number of bytes changed, cut off or put behind. */
const damaged = fc
  .tuple(nearlyRight, fc.nat(), fc.uint8Array({ maxLength: 6 }), fc.boolean())
  .map(([bytes, at, other, cut]) => {
    const place = at % bytes.length;
    const rest = cut ? [] : [bytes.subarray(place + other.length)];
    return Buffer.concat([bytes.subarray(0, place), Buffer.from(other), ...rest]);
  });
const msgpackFrame = fc.oneof(
  frame,
  fc.uint8Array({ maxLength: 40 }).map((bytes) => frameOf(Buffer.from(bytes))),
  packed.map(frameOf),
  nearlyRight.map(frameOf),
  damaged.map(frameOf),
);

/** How a client with that parser says things. */
interface Speech {
  readonly parser: Parser | undefined;
  readonly frames: fc.Arbitrary<string>;
  readonly connect: string;
  /** CONNECT to "/knock". */
  readonly knock: string;
  readonly hello: string;
  readonly answer: string;
  /** What all frames from the server look like. */
  readonly packet: RegExp;
}

const SPEECHES: readonly (readonly [string, Speech])[] = [
  [
    "Socket.IO's own parser",
    {
      parser: undefined,
      frames: frame,
      connect: "40",
      knock: "40/knock,",
      hello: '421["hello"]',
      answer: '431["ok"]',
      packet: /^(0\{|4[0-6]|b|6)/,
    },
  ],
  [
    "socket.io-msgpack-parser",
    {
      parser: msgpack,
      frames: msgpackFrame,
      connect: packetFrame({ type: 0, nsp: "/" }),
      knock: packetFrame({ type: 0, nsp: "/knock" }),
      hello: packetFrame({ type: 2, nsp: "/", data: ["hello"], id: 1 }),
      answer: packetFrame({ type: 3, nsp: "/", data: ["ok"], id: 1 }),
      packet: /^(0\{|b|6)/,
    },
  ],
];

async function join(harness: Harness, { connect }: Speech): Promise<Wire> {
  const wire = await harness.connect();
  await wire.send(connect);
  return wire;
}

describe.each(SPEECHES)("%s", (_, speech) => {
  test("decoding any text gives one of the known meanings and never throws", () => {
    const codec = new Codec(speech.parser);
    fc.assert(
      fc.property(speech.frames, (text) => {
        expect(typeof codec.decode(text).kind).toBe("string");
      }),
      plays(RUNS * 10),
    );
  });

  test("any frames: no failed invocation, no frame that is no packet, no bystander disturbed, no key of others written", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(speech.frames, { minLength: 1, maxLength: 4 }), async (frames) => {
        const harness = new Harness({ app: application(speech.parser), warm: true, timeoutMs: 6_000 });
        const bystander = await join(harness, speech);
        const wire = await join(harness, speech);
        await harness.settled();
        harness.writes.length = 0;
        await Promise.all(
          frames.map(async (text) => {
            expect((await wire.send(text)).statusCode).toBe(200);
          }),
        );
        await harness.settled();
        for (const post of [...wire.frames, ...bystander.frames]) expect(post).toMatch(speech.packet);
        for (const written of harness.writes) expect(written).not.toContain(bystander.connectionId);
        expect(harness.errors("SKY_INVOCATION_FAILED")).toEqual([]);
        // Who is not closed is still served.
        await wire.send(speech.knock);
        const answers = wire.frames.map((post) => new Codec(speech.parser).decode(post));
        const isServed = answers.some((answer) => answer.kind === "connect" && answer.nsp === "/knock");
        expect(isServed).toBe(wire.open);
        // The bystander talks on as if nothing had happened.
        await bystander.send(speech.hello);
        expect(bystander.frames.at(-1)).toBe(speech.answer);
      }),
      plays(RUNS),
    );
  });
});
