import type { ScenarioGroup } from "../../../support/scenario.ts";
import { connections, dynamicNamespaces, members } from "./api.ts";
import { asks } from "./asks.ts";
import { busy } from "./busy.ts";
import { channels } from "./channels.ts";
import { retries, returning, timeouts } from "./clients.ts";
import { corners } from "./corners.ts";
import { doors } from "./doors.ts";
import { emitters } from "./emitters.ts";
import { engine } from "./engine.ts";
import { events, listeners } from "./events.ts";
import { faults } from "./faults.ts";
import { handshake } from "./handshake.ts";
import { insides } from "./insides.ts";
import { life } from "./life.ts";
import { mainNamespace } from "./main-namespace.ts";
import { order } from "./order.ts";
import { packets, transport } from "./packets.ts";
import { peers } from "./peers.ts";
import { everyone, rooms } from "./rooms.ts";
import { state } from "./state.ts";

/** What `parity.test.ts` plays with the application `test/apps/core.ts`. */
export const SCENARIOS: readonly ScenarioGroup[] = [
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
  busy,
  packets,
  transport,
  faults,
  dynamicNamespaces,
  connections,
  members,
  emitters,
  engine,
  corners,
  insides,
  retries,
  returning,
  timeouts,
];
