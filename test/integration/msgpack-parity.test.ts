import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import * as parser from "socket.io-msgpack-parser";
import { READY_NAMESPACES } from "../apps/core/ready.ts";
import { type DialOptions, type Outcome, type Scenario, ScenarioContext } from "../support/scenario.ts";
import { startOurs } from "../support/scenario-ours.ts";
import type { Target } from "../support/scenario-target.ts";
import { startStock } from "../support/stock.ts";
import { THOROUGH } from "../support/thorough.ts";
import { connections, dynamicNamespaces, members } from "./parity/scenarios/api.ts";
import { asks } from "./parity/scenarios/asks.ts";
import { channels } from "./parity/scenarios/channels.ts";
import { doors } from "./parity/scenarios/doors.ts";
import { events, listeners } from "./parity/scenarios/events.ts";
import { faults } from "./parity/scenarios/faults.ts";
import { life } from "./parity/scenarios/life.ts";
import { mainNamespace } from "./parity/scenarios/main-namespace.ts";
import { order } from "./parity/scenarios/order.ts";
import { peers } from "./parity/scenarios/peers.ts";
import { everyone, rooms } from "./parity/scenarios/rooms.ts";
import { state } from "./parity/scenarios/state.ts";

/** The conversations of the parity test once more, between servers and clients that speak MessagePack. */
const APP = fileURLToPath(new URL("../apps/core-msgpack.ts", import.meta.url));
const SOME = [events, asks, rooms];
const ALL = [
  ...SOME,
  listeners,
  everyone,
  order,
  mainNamespace,
  channels,
  doors,
  state,
  peers,
  life,
  faults,
  dynamicNamespaces,
  connections,
  members,
];
/** All of them with `THOROUGH=1`, as in CI: it is the same code for each, but for what is in a packet. */
const GROUPS = THOROUGH ? ALL : SOME;
/** Why a scenario is not played here. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  "a number is the name of an event, as the same text is": "It speaks JSON on a plain WebSocket.",
  "an acknowledgement that is called twice is sent once": "It speaks JSON on a plain WebSocket.",
  "large packets arrive whole: 20 KB up, 100 KB down":
    "100 KB are 133 KB in base64, and API Gateway delivers 128 KB: msgpack.test.ts has what is just below.",
};

/** Its official clients have the parser too. */
class MsgpackContext extends ScenarioContext {
  override dial(name: string, options: DialOptions = {}): ReturnType<ScenarioContext["dial"]> {
    return super.dial(name, { ...options, manager: { ...options.manager, parser } });
  }
}

let stock: Target;
let ours: Target;

beforeAll(async () => {
  stock = { ...(await startStock(APP)), ready: READY_NAMESPACES };
  ours = { ...(await startOurs(APP)), ready: READY_NAMESPACES };
});

afterAll(async () => {
  await ours?.stop();
  await stock?.stop();
});

async function play(scenario: Scenario, target: Target): Promise<Outcome> {
  const context = new MsgpackContext(target);
  try {
    await scenario.run(context);
    return { traces: context.traces(), unclaimed: context.unclaimed() };
  } finally {
    await context.stop();
  }
}

test("what is left out exists", () => {
  const names = ALL.flatMap(({ scenarios }) => scenarios.map(({ name }) => name));
  expect(names).toEqual(expect.arrayContaining(Object.keys(LEFT_OUT)));
});

describe.each(GROUPS)("$title", ({ scenarios }) => {
  test.each(scenarios.filter(({ name }) => !Object.hasOwn(LEFT_OUT, name)))("$name", async (scenario) => {
    const oracle = scenario.differs?.stockCrashes ? undefined : await play(scenario, stock);
    if (oracle) expect(oracle.unclaimed).toEqual({});
    const seen = await play(scenario, ours);
    expect(seen.traces).toEqual(scenario.differs?.expect ?? oracle?.traces);
  });
});
