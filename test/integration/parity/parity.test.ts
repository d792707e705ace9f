import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { READY_NAMESPACES } from "../../apps/core/ready.ts";
import { play, type Scenario, type ScenarioGroup } from "../../support/scenario.ts";
import type { Target } from "../../support/scenario-target.ts";
import { startStock } from "../../support/stock.ts";
import { connections, dynamicNamespaces, members } from "./scenarios/api.ts";
import { asks } from "./scenarios/asks.ts";
import { channels } from "./scenarios/channels.ts";
import { doors } from "./scenarios/doors.ts";
import { events, listeners } from "./scenarios/events.ts";
import { faults } from "./scenarios/faults.ts";
import { handshake } from "./scenarios/handshake.ts";
import { life } from "./scenarios/life.ts";
import { mainNamespace } from "./scenarios/main-namespace.ts";
import { order } from "./scenarios/order.ts";
import { packets, transport } from "./scenarios/packets.ts";
import { peers } from "./scenarios/peers.ts";
import { everyone, rooms } from "./scenarios/rooms.ts";
import { state } from "./scenarios/state.ts";

/** The same application and the same conversations on stock Socket.IO and on the local cloud: clients must see the same. */
const APP = fileURLToPath(new URL("../../apps/core.ts", import.meta.url));
const GROUPS: readonly ScenarioGroup[] = [
  handshake,
  events,
  listeners,
  asks,
  rooms,
  everyone,
  order,
  mainNamespace,
  channels,
  doors,
  state,
  peers,
  life,
  packets,
  transport,
  faults,
  dynamicNamespaces,
  connections,
  members,
];
const ONE_SCENARIO_MS = 90_000;
const BOOT_MS = 120_000;
/** `TARGET=stock` proves the scenarios themselves, without the cloud. */
const STOCK_ONLY = process.env.TARGET === "stock";

let stock: Target;
let cloud: Target | undefined;

beforeAll(async () => {
  stock = { ...(await startStock(APP)), ready: READY_NAMESPACES };
  if (STOCK_ONLY) return;
  const { startCloudTarget } = await import("../../support/scenario-cloud.ts");
  cloud = { ...(await startCloudTarget(APP)), ready: READY_NAMESPACES };
}, BOOT_MS);

afterAll(async () => {
  await cloud?.stop();
  await stock?.stop();
}, BOOT_MS);

describe.each(GROUPS)("$title", ({ scenarios }) => {
  test.each(scenarios)("$name", compare, ONE_SCENARIO_MS);
});

async function compare(scenario: Scenario): Promise<void> {
  const oracle = scenario.differs?.stockCrashes ? undefined : await play(scenario, stock);
  // For whoever writes a scenario: what stock does, to read.
  if (process.env.TRACE)
    process.stdout.write(`${JSON.stringify({ [scenario.name]: oracle?.traces }, null, 1)}\n`);
  if (oracle) {
    expect(oracle.unclaimed).toEqual({});
    // A difference that has gone away must not stay written down.
    if (scenario.differs) expect(oracle.traces).not.toEqual(scenario.differs.expect);
  }
  if (!cloud) {
    if (oracle) expect((await play(scenario, stock)).traces).toEqual(oracle.traces);
    return;
  }
  const ours = await play(scenario, cloud);
  expect(ours.traces).toEqual(scenario.differs?.expect ?? oracle?.traces);
}
