/** Whatever text a client sends ends in a packet, a Socket.IO error or a closed connection, and touches nobody else. */
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { decodeFrame } from "../../../lambdas/protocol/packets.ts";
import { Server } from "../../../lambdas/server/index.ts";
import { Harness } from "../../support/harness.ts";

const RUNS = Number(process.env.FUZZ_RUNS ?? 30);

const application = (): Server => {
  const io = new Server({ lingerTimeout: 50 });
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

test("decoding any text gives one of the known meanings and never throws", () => {
  fc.assert(
    fc.property(frame, (text) => {
      expect(typeof decodeFrame(text).kind).toBe("string");
    }),
    { numRuns: RUNS * 10 },
  );
});

test("any frames: no failed invocation, no frame that is no packet, no bystander disturbed, no key of others written", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 4 }), async (frames) => {
      const harness = new Harness({ app: application, warm: true, timeoutMs: 6_000 });
      const bystander = await harness.join();
      const wire = await harness.join();
      await harness.settled();
      harness.writes.length = 0;
      await Promise.all(
        frames.map(async (text) => {
          expect((await wire.send(text)).statusCode).toBe(200);
        }),
      );
      await harness.settled();
      for (const post of [...wire.frames, ...bystander.frames]) expect(post).toMatch(/^(0\{|4[0-6]|b|6)/);
      for (const written of harness.writes) expect(written).not.toContain(bystander.connectionId);
      expect(harness.errors("SKY_INVOCATION_FAILED")).toEqual([]);
      // The bystander talks on as if nothing had happened.
      await bystander.send('421["hello"]');
      expect(bystander.frames.at(-1)).toBe('431["ok"]');
    }),
    { numRuns: RUNS },
  );
}, 120_000);
