/**
 * Inboxes in thousands of orders: devices that open one, acknowledge, are cut off and come again, and emitters, where every
 * request to the store and the gateway is a point at which any other invocation may go first, die, or be told 410.
 */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Server } from "../../../../lambdas/server/api/index.ts";
import type { Store } from "../../../../lambdas/server/ports/store.ts";
import { inboxOf } from "../../../support/inbox.ts";
import { ANSWER_MS, Device, emitter, type Session } from "../../../support/inbox-clients.ts";
import { plays, schedulesOr } from "../../../support/schedules.ts";
import { type Faults, NO_FAULTS, SimulatedCloud } from "../../../support/simulated-cloud.ts";
import { Simulation } from "../../../support/simulation.ts";

/** Schedules for each property; the nightly run may ask for more. */
const SCHEDULES = schedulesOr(40);

const application = (stored: number[]) => (): Server => {
  const io = new Server();
  io.on("connection", (socket) => {
    const { window } = socket.handshake.auth;
    if (window) socket.openInbox("box", { window });
    socket.on("put", (values: number[]) => {
      for (const value of values) {
        io.inbox("box")
          .emit("mail", value)
          .then(
            () => stored.push(value),
            () => undefined,
          );
      }
    });
  });
  return io;
};

interface Script {
  /** How many events each emitter puts, one invocation after the other without waiting. */
  readonly emitters: readonly (readonly number[])[];
  readonly devices: readonly { readonly window: number; readonly sessions: readonly Session[] }[];
}

const session: fc.Arbitrary<Session> = fc.record({
  cutAfter: fc.nat(6),
  noticedAfter: fc.constantFrom(0, 1_000, 600_000),
  ignores: fc.constantFrom(0, 0, 0.3),
});
const scripts: fc.Arbitrary<Script> = fc.record({
  emitters: fc.array(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 }), {
    minLength: 1,
    maxLength: 3,
  }),
  devices: fc.array(
    fc.record({ window: fc.constantFrom(1, 2, 3, 4, 50), sessions: fc.array(session, { maxLength: 2 }) }),
    { minLength: 1, maxLength: 2 },
  ),
});

interface Outcome {
  readonly cloud: SimulatedCloud;
  readonly simulation: Simulation;
  readonly stored: number[];
  readonly devices: readonly Device[];
  readonly script: Script;
}

/** Methods of the store that do not what they should. */
type Breaking = (store: Store) => Partial<Store>;

/** Plays the script until nothing happens any more. Each device's last session acknowledges everything and stays. */
async function play(seed: number, script: Script, faults: Faults, broken?: Breaking): Promise<Outcome> {
  const simulation = new Simulation(seed, { tickMs: 1 + (seed % 3) });
  const stored: number[] = [];
  const cloud = new SimulatedCloud(simulation, application(stored), faults, {
    ...(broken && {
      mutate: ({ store, tasks }) => ({ store: { ...store, ...broken(store) }, tasks }),
    }),
  });
  let next = 0;
  for (const puts of script.emitters) {
    const values = puts.map((count) => Array.from({ length: count }, () => next++));
    void emitter(cloud, simulation, values);
  }
  const devices = script.devices.map(({ window }) => new Device(cloud, simulation, window));
  for (const [i, device] of devices.entries()) void device.run(script.devices[i]?.sessions ?? []);
  await simulation.run(200_000);
  return { cloud, simulation, stored, devices, script };
}

const waitingIn = async (store: Store): Promise<number[]> =>
  (await inboxOf(store, "box")).map(({ data }) => JSON.parse(data)[1]);

/** Whatever dies: what has been stored waits, or somebody has got it and acknowledged it. */
async function checkNothingLost({ cloud, stored, devices }: Outcome): Promise<void> {
  const waiting = new Set(await waitingIn(cloud.store));
  const acknowledged = new Set(devices.flatMap((device) => [...device.acknowledged]));
  const lost = stored.filter((value) => !waiting.has(value) && !acknowledged.has(value));
  expect(lost).toEqual([]);
}

/** What one invocation has put arrives in its order, on every connection. */
function checkOrder({ devices, script }: Outcome): void {
  const puts = script.emitters.flat();
  const invocationOf = puts.flatMap((count, i) => Array<number>(count).fill(i));
  for (const received of devices.flatMap(({ received: all }) => all)) {
    const first = [...new Set(received)];
    for (const i of puts.keys()) {
      const own = first.filter((value) => invocationOf[value] === i);
      expect(own).toEqual([...own].sort((a, b) => a - b));
    }
  }
}

const property = (
  faults: Faults,
  check: (outcome: Outcome) => Promise<void>,
  broken?: Breaking,
): Promise<void> =>
  fc.assert(
    fc.asyncProperty(fc.nat(), scripts, async (seed, script) => {
      await check(await play(seed, script, faults, broken));
    }),
    plays(SCHEDULES),
  ) as Promise<void>;

async function checkWithoutFaults(outcome: Outcome): Promise<void> {
  const { cloud, stored, devices, script } = outcome;
  expect(cloud.log).toEqual([]);
  expect([...stored].sort((a, b) => a - b)).toEqual(
    Array.from({ length: script.emitters.flat().reduce((a, b) => a + b, 0) }, (_, i) => i),
  );
  await checkNothingLost(outcome);
  // The last session of each device acknowledges everything: nothing is left, and nobody waits for anything.
  expect(await waitingIn(cloud.store)).toEqual([]);
  checkOrder(outcome);
  for (const { window, twice } of devices) if (window === 50) expect(twice).toBe(0); // it is never full
  // What another device acknowledges is unacknowledged no more, though this one may still be at it.
  const [device, another] = devices;
  if (!device || another) return;
  // An emitter that is about to send when others find the window full may add its one event.
  expect(device.mostOutstanding).toBeLessThanOrEqual(device.window + script.emitters.flat().length);
}

describe("inboxes", () => {
  test("without faults: everything arrives, in each emitter's order, within the window, and is gone when acknowledged", async () => {
    await property(NO_FAULTS, checkWithoutFaults);
  });

  test("whatever crashes: acknowledged and waiting are what was stored, and the next opening brings all that waits", async () => {
    let crashes = 0;
    await property(
      {
        crash: 0.02,
        staleGone: 0.02,
        loseDisconnect: 0.2,
        freeze: 0.01,
        twice: 0.1,
        skewMs: ANSWER_MS / 2 - 1,
      },
      async (outcome) => {
        const { cloud, simulation, devices } = outcome;
        crashes += cloud.crashes;
        await checkNothingLost(outcome);
        cloud.faults = NO_FAULTS;
        for (const device of devices) device.stop();
        await simulation.run(200_000);
        const waiting = await waitingIn(cloud.store);
        const heir = new Device(cloud, simulation, 3);
        void heir.run([]);
        await simulation.run(200_000);
        expect(heir.received.flat()).toEqual(waiting);
        expect(await waitingIn(cloud.store)).toEqual([]);
      },
    );
    expect(crashes).toBeGreaterThan(SCHEDULES / 10);
  });
});

/** Rules that the store keeps, each broken: the first property must see it, or it proves nothing. */
const BROKEN: readonly (readonly [rule: string, breaking: Breaking])[] = [
  [
    "a change of an opener is made only if nobody else has changed it",
    ({ changeOpener, readOpener }) => ({
      changeOpener: async (opener, change) => {
        const now = await readOpener(opener);
        return now && (await changeOpener(now, change));
      },
    }),
  ],
  [
    "before a socket goes live, the events are read again",
    ({ changeOpener, putOpener }) => ({
      putOpener: (opener) => putOpener({ ...opener, state: "live" }),
      changeOpener: (opener, change) =>
        changeOpener(opener, change.state === "settling" ? { ...change, state: "live" } : change),
    }),
  ],
  [
    "a batch follows only when the one before has been posted",
    ({ changeOpener }) => ({
      changeOpener: (opener, { last: _, ...change }) => changeOpener(opener, { ...change, posting: false }),
    }),
  ],
  [
    "two events never have the same key",
    ({ deleteInboxEvent, putInboxEvent }) => ({
      putInboxEvent: async (event, expiresAt) => {
        await deleteInboxEvent({ nsp: event.nsp, inbox: event.inbox, key: event.key });
        return await putInboxEvent(event, expiresAt);
      },
    }),
  ],
];

test.each(BROKEN)("the property fails without the rule: %s", async (_, broken) => {
  const { failed } = await fc.check(
    fc.asyncProperty(fc.nat(), scripts, async (seed, script) => {
      await checkWithoutFaults(await play(seed, script, NO_FAULTS, broken));
    }),
    { numRuns: 3_000, endOnFailure: true },
  );
  expect(failed).toBe(true);
});
