/** What shared variables can hold, and what is said of the rest. */
import { describe, expect, test } from "@jest/globals";
import { Server } from "../../../../lambdas/server/api/index.ts";
import { Harness } from "../../../support/harness.ts";

/** The types of variables are those of their initial values. */
const declared = (io: Server) => ({
  list: io.shared("list", [] as unknown[]),
  game: io.shared("game", { name: "go", at: new Date(0), players: new Map([["ada", new Set([1n])]]) }),
  // @ts-expect-error what is no object cannot be put back
  count: (): number => io.shared("number", 1),
});

/** Runs code with its variables in the event "do", and in the next one, on another instance. */
async function twice(first: (of: ReturnType<typeof declared>) => unknown) {
  const seen: unknown[] = [];
  const harness = new Harness({
    app: () => {
      const io = new Server();
      const of = declared(io);
      io.on("connection", (socket) => {
        socket.on("do", (ack) => {
          first(of);
          ack("done");
        });
        socket.on("look", () => {
          seen.push(structuredClone({ list: of.list, game: of.game }));
        });
      });
      return io;
    },
  });
  const wire = await harness.join();
  await wire.send('421["do"]');
  const isAcknowledged = wire.frames.includes('431["done"]');
  await wire.send('42["look"]');
  await harness.settled();
  const codes = harness.log.map(({ code }) => code);
  return { seen: seen[0], isAcknowledged, codes, log: harness.log };
}

const UNTOUCHED = {
  list: [],
  game: { name: "go", at: new Date(0), players: new Map([["ada", new Set([1n])]]) },
};

test("Dates, Maps, Sets and BigInts within each other come back on another instance", async () => {
  const at = new Date(1_000);
  const { seen, codes } = await twice(({ list, game }) => {
    game.at = at;
    game.players.get("ada")?.add(2n);
    game.players.set("ben", new Set());
    list.push(undefined, null, Number.NaN, -0, { "": [] });
  });
  const players = new Map([
    ["ada", new Set([1n, 2n])],
    ["ben", new Set()],
  ]);
  expect(seen).toEqual({
    list: [undefined, null, Number.NaN, -0, { "": [] }],
    game: { name: "go", at, players },
  });
  expect(codes).toEqual([]);
});

test("a thousand entries come back, in their order", async () => {
  const items = Array.from({ length: 1_000 }, (_, n) => ({ n, text: "some text" }));
  const { seen, isAcknowledged, codes } = await twice(({ list }) => list.push(...items));
  expect(seen).toMatchObject({ list: items });
  expect([isAcknowledged, codes]).toEqual([true, []]);
});

class Player {
  readonly name = "ada";
}
const cycle: { self?: unknown } = {};
cycle.self = cycle;

describe("what cannot be kept is undone, not acknowledged, and its place is told", () => {
  test.each([
    { value: new Player(), what: /list\[0\] is an instance of a class \(it has name\)/ },
    { value: { deep: [() => undefined] }, what: /list\[0\]\.deep\[0\] is a function/ },
    { value: cycle, what: /list\[0\]\.self is a cycle/ },
    { value: new Map([[{}, 1]]), what: /list\[0\] is a Map with a key that is an object/ },
    { value: Symbol("s"), what: /list\[0\] is a symbol/ },
  ])("$what", async ({ value, what }) => {
    const { seen, isAcknowledged, log } = await twice(({ list, game }) => {
      game.name = "chess";
      list.push(value);
    });
    expect(seen).toEqual(UNTOUCHED);
    expect(isAcknowledged).toBe(false);
    expect(log).toMatchObject([{ code: "SKY_SHARED_NOT_KEPT", message: expect.stringMatching(what) }]);
  });

  test("what is too large", async () => {
    const { seen, isAcknowledged, codes } = await twice(({ list }) => list.push("x".repeat(400_000)));
    expect([seen, isAcknowledged, codes]).toEqual([UNTOUCHED, false, ["SKY_SHARED_TOO_LARGE"]]);
  });

  test("what is large is a warning", async () => {
    const { isAcknowledged, codes } = await twice(({ list }) => list.push("x".repeat(300_000)));
    expect(isAcknowledged).toBe(true);
    expect(new Set(codes)).toEqual(new Set(["SKY_SHARED_LARGE"]));
  });
});

test.each([
  {
    name: "n",
    initial: "text" as unknown as object,
    what: /has to be an array, a plain object, a Map or a Set/,
  },
  { name: "n", initial: new Date(), what: /has to be an array/ },
  { name: "", initial: [], what: /the name has to be a text of 1 to 100 characters/ },
  { name: "n", initial: [new Player()], what: /n\[0\] is an instance of a class/ },
])("a declaration of no use throws: $what", ({ name, initial, what }) => {
  const declare = () => new Server().shared(name, initial);
  expect(declare).toThrow(
    expect.objectContaining({ code: "SKY_SHARED_INVALID", message: expect.stringMatching(what) }),
  );
});

test("a name is declared once, when the module is loaded, and not for a pattern", () => {
  const io = new Server();
  io.shared("users", []);
  expect(() => io.shared("users", [])).toThrow(expect.objectContaining({ code: "SKY_SHARED_INVALID" }));
  expect(() => io.of(/^\/team-\d+$/).shared("users", [])).toThrow(
    expect.objectContaining({ code: "SKY_NOT_AVAILABLE" }),
  );
});
