import type { Server } from "skysocket";
import { api } from "./api.ts";
import { asks } from "./asks.ts";
import { channels } from "./channels.ts";
import { doors } from "./doors.ts";
import { events } from "./events.ts";
import { faults } from "./faults.ts";
import { mainNamespace } from "./main-namespace.ts";
import { order } from "./order.ts";
import { peers } from "./peers.ts";
import { presence } from "./presence.ts";
import { ready } from "./ready.ts";
import { rooms } from "./rooms.ts";
import { state } from "./state.ts";

/** The parts that are about what goes over the wire, whatever the parser. */
export function wire(io: Server): void {
  ready(io);
  mainNamespace(io);
  presence(io.of("/"));
  presence(io.of("/life"));
  events(io);
  asks(io);
  rooms(io);
  order(io);
  channels(io);
  doors(io);
  state(io);
  peers(io);
  faults(io);
  api(io);
}
