/**
 * `socketsJoin`, `socketsLeave` and `disconnectSockets` reach sockets that are away, that are just coming back, and that are
 * just connecting: in thousands of orders, with crashes.
 */
import { describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import type { Ports } from "../../../../lambdas/server/ports/ports.ts";
import type { Directive } from "../../../../lambdas/server/ports/rooms.ts";
import type { Store } from "../../../../lambdas/server/ports/store.ts";
import { plays, schedulesOr } from "../../../support/schedules.ts";
import { seedCrypto, seededCrypto } from "../../../support/seeded-crypto.ts";
import {
  type CloudOptions,
  type Faults,
  NO_FAULTS,
  SimulatedCloud,
} from "../../../support/simulated-cloud.ts";
import { Life, Simulation } from "../../../support/simulation.ts";

jest.unstable_mockModule("node:crypto", seededCrypto);
// After that, so that the server gets its ids from the seed.
const { Server } = await import("../../../../lambdas/server/api/index.ts");
const { Ledger } = await import("../../../support/recovery-ledger.ts");
const { RecoveryClient } = await import("../../../support/recovery-client.ts");

type Act = "join" | "leave" | "disconnect";
const AFTER = 1;
const LONG_MS = 60 * 60 * 1_000;
const SCHEDULES = schedulesOr(24);

/** An application in which one client tells all others of the lobby what to do, and then something that is only for those told. */
function application(recovery: boolean, told: () => void) {
  return () => {
    const io = new Server(recovery ? { connectionStateRecovery: { maxDisconnectionDuration: LONG_MS } } : {});
    io.on("connection", (socket) => {
      if (!socket.recovered) socket.join("lobby");
      socket.on("tell", async (act: Act) => {
        const others = io.in("lobby").except(socket.id);
        if (act === "join") await others.socketsJoin("more");
        if (act === "leave") await others.socketsLeave("lobby");
        if (act === "disconnect") await others.disconnectSockets(true);
        if (act === "join") await io.to("more").emit("n", AFTER);
        told();
        if (act === "leave") await io.to("lobby").emit("n", AFTER);
      });
    });
    return io;
  };
}

const cut = fc.record({
  gatewayMs: fc.oneof(fc.constant(0), fc.nat(2_000)),
  clientMs: fc.oneof(fc.constant(0), fc.nat(2_000)),
});
const schedule = fc.record({
  seed: fc.nat(),
  act: fc.constantFrom<Act>("join", "leave", "disconnect"),
  /** Before the client is cut off, in milliseconds; it may never be. */
  cutAfterMs: fc.option(fc.nat(1_000)),
  cut,
  again: fc.array(
    fc.tuple(cut, fc.nat(400)).map(([one, afterMs]) => ({ ...one, afterMs })),
    { maxLength: 2 },
  ),
  /** After the client's `connect`. */
  tellAfterMs: fc.oneof(fc.constant(0), fc.nat(3_000)),
});
type Schedule = typeof schedule extends fc.Arbitrary<infer T> ? T : never;

const FROZEN = "with instances that freeze";
/**
 * A CONNECT puts its member rows, and then looks for what it was told. If it stands still between the two, what the room is sent in that
 * time reaches it: nothing is promised about that (docs/architecture/table.md).
 */
const GOT_IT = "it got what its room was sent after it had left";

/** What is wrong after one schedule: nothing. */
async function play(
  one: Schedule,
  faults: Faults,
  { recovery = true, ...options }: CloudOptions & { readonly recovery?: boolean } = {},
): Promise<string[]> {
  seedCrypto(one.seed);
  const simulation = new Simulation(one.seed);
  const ledger = new Ledger(simulation);
  let told: ReturnType<typeof ledger.now> | undefined;
  const cloud = new SimulatedCloud(
    simulation,
    application(recovery, () => {
      told ??= ledger.now();
    }),
    NO_FAULTS,
    options,
  );
  const [teller, client] = [0, 1].map(() => new RecoveryClient(simulation, cloud, ledger));
  if (!teller || !client) throw new Error("no clients");
  teller.start();
  await simulation.run();
  cloud.faults = faults;
  const clock = simulation.clock(new Life());
  client.start();
  void client.whenConnected().then(async () => {
    await clock.sleep(one.tellAfterMs);
    teller.send(["tell", one.act]);
  });
  void client.whenConnected().then(async () => {
    if (one.cutAfterMs === null || !recovery) return;
    await clock.sleep(one.cutAfterMs);
    client.cut(one.cut, one.again);
  });
  await simulation.run();
  const cameBack = client.returns.length > 0;
  cloud.faults = NO_FAULTS;
  client.cut({ gatewayMs: 0, clientMs: 0 });
  await simulation.run();
  const [session] = client.sessions;
  // A teller that died has told nothing for sure.
  if (!told || !session) return [];
  const { place } = told;
  const got = session.received.includes(AFTER);
  const goesOn = recovery ? client.session === session : !cameBack;
  switch (one.act) {
    case "join":
      return goesOn && !got ? ["it was not made to join"] : [];
    case "leave":
      return got ? [GOT_IT] : [];
    case "disconnect":
      return [
        ...(goesOn ? ["it was not disconnected"] : []),
        ...(recovery &&
        client.returns.some((one) => one.recovered && one.session === session && one.asked.place > place)
          ? ["it was recovered"]
          : []),
      ];
  }
}

const SLOW_LOOKS = { ...NO_FAULTS, freeze: 0.5, freezeAt: "readDirectives", longestFreezeMs: 2_000 };
const SLOW_ROOMS = { ...SLOW_LOOKS, freezeAt: "listMembers" };
const ROUGH: Faults = { crash: 0.01, staleGone: 0.02, loseDisconnect: 0.3, twice: 0.1 };

describe("those who are told to join, leave or disconnect while they have no member rows", () => {
  test.each<[string, Faults, boolean?]>([
    ["without faults", NO_FAULTS],
    ["with recovery off, right after connect", NO_FAULTS, false],
    ["with crashes and lost $disconnects", ROUGH],
    ["with looks that are slow", SLOW_LOOKS],
    [FROZEN, { ...NO_FAULTS, loseDisconnect: 0.3, freeze: 0.02, longestFreezeMs: 5_000 }],
  ])("%s", async (name, faults, recovery = true) => {
    const nothingIsWrong = fc.asyncProperty(schedule, async (one) => {
      const wrongs = await play(one, faults, { recovery });
      expect(wrongs.filter((wrong) => name !== FROZEN || wrong !== GOT_IT)).toEqual([]);
    });
    await fc.assert(nothingIsWrong, plays(SCHEDULES));
  });
});

type Outside = Pick<Ports, "store" | "tasks">;
const withList =
  (list: (all: Store["readDirectives"]) => Store["readDirectives"]) =>
  ({ store, tasks }: Outside): Outside => ({
    store: { ...store, readDirectives: list(store.readDirectives) },
    tasks,
  });
const nothing = async (): Promise<readonly Directive[]> => [];

describe("a rule that is switched off is missed", () => {
  test.each([
    ["a CONNECT looks for what it was told", NO_FAULTS, () => withList(() => nothing)],
    [
      "it looks once more when its member rows are there",
      SLOW_LOOKS,
      () => (outside: Outside) => {
        let looks = 0;
        return withList(
          (all) =>
            (...args) =>
              looks++ === 0 ? all(...args) : nothing(),
        )(outside);
      },
    ],
    [
      "what is told is put before the rooms are read",
      SLOW_ROOMS,
      () =>
        ({ store, tasks }: Outside): Outside => {
          let late: () => Promise<void> = async () => undefined;
          async function* listMembers(...args: Parameters<Store["listMembers"]>) {
            yield* store.listMembers(...args);
            await late();
            late = async () => undefined;
          }
          const putDirective: Store["putDirective"] = async (...args) => {
            late = () => store.putDirective(...args);
          };
          return { store: { ...store, listMembers, putDirective }, tasks };
        },
    ],
  ])("%s", async (_, faults, mutate) => {
    const found = await fc.check(
      fc.asyncProperty(schedule, async (one) => {
        expect(await play(one, faults, { mutate: mutate() })).toEqual([]);
      }),
      { numRuns: 1_000, seed: 3, endOnFailure: true },
    );
    expect(found.failed).toBe(true);
    process.stdout.write(`${found.numRuns} schedules until it is missed\n`);
  });
});
